// SPDX-License-Identifier: Apache-2.0
// Options: plain structs with safe defaults. Units are in the types, else at the end of the name.
#pragma once

#include <edgesync/error.hpp>
#include <edgesync/event.hpp>
#include <edgesync/function.hpp>
#include <edgesync/hub_limits.hpp>
#include <edgesync/json_schema.hpp>
#include <edgesync/mask.hpp>
#include <edgesync/records.hpp>
#include <edgesync/rollout_plan.hpp>
#include <edgesync/runtime.hpp>
#include <edgesync/signing.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace edgesync {

using namespace std::chrono_literals;

inline constexpr std::chrono::hours days{24};
inline constexpr std::uint64_t KiB = 1024, MiB = 1024 * KiB, GiB = 1024 * MiB;

/// What must hold before a commit returns.
enum class Durability : std::uint8_t {
  durable,  ///< On disk, fsync included: survives a power cut.
  fast,  ///< In memory: the next group commit (at most NodeOptions::batch_delay later) makes it durable. A crash before
         ///< that loses it whole. It is never sent to anybody before it is durable.
};

struct TlsOptions {
  std::string
      ca_file{};  ///< PEM. A node: whom to trust, empty means the system's store. A hub: ask nodes for certificates.
  std::string certificate_file{};  ///< PEM, the chain.
  std::string key_file{};          ///< PEM.
};

/// What tells this machine and this file from others, by name. Only what two of them both name is compared.
using Environment = std::map<std::string, std::string>;

struct NodeOptions {
  std::string database{};  ///< Path of the one file; created if missing, mode 0600.
  std::string name{};      ///< A path, for people and for the hub's authorization; empty: the replica id.
  std::chrono::milliseconds batch_delay{20};  ///< Longest that a fast commit waits for its group commit.
  /// Unflushed changes beyond this are flushed at once; beyond twice that whoever writes waits for the disk.
  std::size_t memtable_bytes = 512 * 1024;
  std::size_t cache_bytes = 1024 * 1024;  ///< SQLite page cache.
  /// Disk space held beside the database ("-ballast"). When the disk is full it is given back, so that upkeep goes on:
  /// acks, trims, config rollback. New data is refused (storage_full) until it can be taken again. 0: none.
  std::size_t ballast_bytes = 1024 * 1024;
  /// What to do if the database cannot be read. False: open() fails with storage_corrupt, and nothing is touched. True:
  /// the file is set aside as ".damaged-N" and stays; another takes its place, with every row that proves itself, under
  /// a new replica id, and the rest is fetched again from the hub (EventKind::storage_fault, identity;
  /// Status::salvaged). Off unless asked for: it takes as much disk again, and a wrong path or a card that is about to
  /// die wants a person first.
  bool salvage = false;
  /// Bytes of the records of all streams together; beyond, the stream that holds most of those that drop their oldest
  /// does so, and the others do as if their own quota was used up. 0: none.
  std::uint64_t stream_quota = 1 * GiB;
  std::uint32_t versions_kept = 100;  ///< Config versions per scope that rollback can reach.
  /// What they may take in the file, per scope; beyond, those needed least are forgotten. Versions are kept as
  /// differences, but for the few that may be needed at once.
  std::uint64_t versions_bytes = 16 << 20;
  /// For programs that look at the database of an application that is not running: whether a version is taken stays the
  /// application's affair. Nobody is asked about one, no trial ends by itself, no start is counted, and no version is
  /// forgotten for want of room.
  bool observes = false;
  /// A root document (signing.hpp): whose signatures a config version of which scope needs. Later ones, signed by the
  /// keys of this one, replace it as they arrive. Empty: no signatures are needed. Once the database has followed a
  /// later one it stays with that.
  Bytes config_root{};
  /// How long the application has for Config::confirm() after a version came into use; without it the version before
  /// comes back. 0: the handler's answer is enough.
  std::chrono::milliseconds health_window{0};
  /// Of one config version: so many starts of the application that ended without an answer about it, or without
  /// confirmation, and it is left alone. 0: no limit.
  std::uint32_t starts_max = 3;
  /// What versions of a config scope have to be, by its name: others are refused before anybody is asked about them,
  /// and cannot be published here. One that does not fit is left alone for good, as if the application had refused it.
  /// What is in use when a schema comes or changes stays in use.
  std::map<std::string, JsonSchema, std::less<>> schemas{};
  /// What waves of a rollout look at (rollout_plan.hpp). Keys and values are 1 to 64 bytes of UTF-8 without '=', ','
  /// and control characters; at most 16.
  Labels labels{};
  /// The stream in which this node tells its hub what it has in use, each time that something about that has changed:
  /// what a rollout goes by. "fleet" is where a RolloutController looks. Empty: it tells nobody.
  std::string fleet{};
  /// A database that is opened in another environment than before takes a new replica id before it writes anything, so
  /// that a copied disk and its original never pass for one. Nothing: what the system tells of its machine and of the
  /// file (src/node/environment.hpp). A host that knows better, such as a pod that moves with its volume, gives its
  /// own; an empty one is never another.
  std::optional<Environment> environment{};
  std::shared_ptr<Runtime> runtime{};  ///< Null: a thread of the node's own. Another waits for the disk.
  Function<void(LogLevel, std::string_view)>
      log{};  ///< Empty: silent. Called on any thread; must not block or call back.
};

struct LinkOptions {
  std::string url{};                ///< "wss://hub.example.com"; "ws://" needs `insecure` and a loopback host.
  Function<std::string()> token{};  ///< Asked by every connection that came up, on the runtime; must not block.
  /// Shown to the hub, by a signature that is good for one connection only: the hub must speak TLS itself, no proxy in
  /// its place.
  std::optional<SigningKey> key{};
  TlsOptions tls{};
  bool insecure = false;                         ///< Leave for plaintext to a loopback address, for development.
  std::chrono::milliseconds backoff_min{1'000};  ///< First pause after a failure; doubled each time, full jitter.
  std::chrono::milliseconds backoff_max{300'000};
  /// A ping when nothing was received for this long (100 ms to an hour); three unanswered end the link. The hub pings
  /// by its own clock, every 20 s.
  std::chrono::milliseconds heartbeat{20'000};
  /// Data to the hub wait so long for more, and go together: a minute saves much on a metered link, where what is
  /// written again and again meanwhile goes once. Urgent streams do not wait, nor does anything once flush() is called.
  /// 0: nothing waits. At most a day.
  std::chrono::milliseconds sync_interval{0};
  /// Bytes per second to the hub, on average; 0: as many as go through. Not below 100.
  std::uint64_t bandwidth = 0;
  /// Of a hundred bytes of records, how many are of streams with a backlog as long as others have something to send.
  unsigned backfill_share = 50;
  std::shared_ptr<Loopback> loopback{};  ///< If set, `url` and `tls` are not used.
};

/// Retention, quota, overflow and priority are rules of the node that makes the records, kept with the stream until it
/// is opened with columns and others. What they take is counted (StreamCounts), and the hub is told. A hub or relay
/// keeps what it was sent, whatever these say.
struct StreamOptions {
  std::vector<Column> columns{};  ///< Empty: the columns that the stream already has, and its rules.
  bool local_only = false;        ///< Never leaves this node. Decided with the columns, for good.
  /// What of some columns may leave, decided with them, for good. The stream then holds what leaves, from append() on,
  /// and no encoder ever sees the rest. Whole records are appended with it, in the same commit, to the stream
  /// "<name>/local", which is local_only and drops its oldest under the same retention and quota. What overflow leaves
  /// out here is there, so that a record may have another number in it.
  Masks masks{};
  /// Records older than this are dropped, whether a hub has them or not. The age is the time that has certainly passed:
  /// it goes on by the system's boot-time clock, and while the machine is off by the word of the hub before and after;
  /// never by the wall clock. 0: no record is too old.
  std::chrono::seconds retention = 7 * days;
  std::uint64_t quota = 256 * MiB;  ///< Bytes of its records in the file; 0: NodeOptions::stream_quota alone holds.
  Overflow overflow = Overflow::drop_oldest;  ///< When the quota, or the node's, is used up.
  /// Inside a stream the order is that of its records: what must not wait behind a backlog is a stream of its own.
  Priority priority = Priority::normal;
};

struct StateOptions {
  std::uint32_t history =
      0;  ///< Keep what the last so many group commits replaced, for State::journal(). 0: as it was.
  /// Shows what has come of the scope's first bootstrap before all of it has: for a scope that takes hours over a slow
  /// link, at the price of writing it twice. While ScopeStatus::arriving says so, a transaction may show in part, what
  /// is set stands beside what is shown as a later write, remove() and erase() do not reach it, and on_change() waits
  /// for the whole. Holds until the node closes.
  bool progressive = false;
};

/// What a hub is told about a node that wants in, and about each scope it wants.
struct Credentials {
  std::string token{};
  std::string name{};
  ReplicaId replica{};
  std::string address{};      ///< Remote address, for logs.
  std::string key{};          ///< The id of the key that it proved to hold, on this very connection; empty: none.
  std::string certificate{};  ///< The common name in the TLS certificate that it proved; empty: none was asked for.
};

/// What a node may do with a scope. Whoever may write may remove whatever is there.
enum class Access : std::uint8_t {
  none,
  read,
  /// Reads, and tells of its own changes alone: nothing that another replica did and that the hub has not from that
  /// one. With read_write a node is believed of all it claims to have seen, and so can take what another has yet to
  /// write for removed. A replica id is its node's whose name was the first to tell of it while going by it: names must
  /// be proved, by keys or certificates. For nodes that link to this hub alone, and for relays of nodes whose records
  /// alone are to pass: those that a node with a key signed are its own, whoever brings them (Authorizer::signer). A
  /// relay that passes on state is given read_write for the scopes of its nodes. What one has learnt of another
  /// elsewhere, or from a hub that was restored from an older copy since, is refused (`forbidden`) and tried again
  /// until that one has told it; where two wait for each other, and where a node goes on under another name, they are
  /// given read_write until all is told.
  write_own,
  read_write,  ///< Reads, and tells whatever it knows: a relay, an administrator, a scope that one node alone writes
               ///< to.
};

/// What some scopes may hold together.
struct ScopeQuota {
  std::uint64_t bytes = 0;       ///< As ScopeStatus::bytes has them; 0: any number.
  std::string scopes{};          ///< A name, a prefix ending in "/*", or "*".
  std::optional<Plane> plane{};  ///< Nothing: all three.
};

/// The default answer is no. All run inside the hub, on any thread: they must not block, throw, or call the hub, and
/// may be asked about the same credentials again, while the node is linked.
struct Authorizer {
  /// May this node connect at all? Empty refuses everybody.
  Function<bool(const Credentials&)> connect{};
  /// What may it do with this scope? Empty: none.
  Function<Access(const Credentials&, Plane, std::string_view scope)> scope{};
  /// Where it may write: what may the scope hold, and with which others? What would be more is refused (`storage_full`)
  /// and tried again, unless it takes away as much as it brings; of cuts that are not complete as much again is kept
  /// aside. What is held is looked up once a second, and what is brought until then is taken to stay; what waits for a
  /// slow disk longer than that is not counted. Empty: there is no quota.
  Function<ScopeQuota(const Credentials&, Plane, std::string_view scope)> quota{};
  /// Where a relay has no more than Access::write_own: the name of the device that signs with this key
  /// (Credentials::key), if it may write to that stream. Its records are taken from whoever brings them, unchanged.
  /// Empty: nobody's are.
  Function<std::optional<std::string>(const std::string& key, std::string_view stream)> signer{};
};

/// An authorizer from a token file: one line per grant, "TOKEN ACCESS SCOPE [SCOPE...]", with ACCESS "ro" or "rw" and
/// SCOPE a name, or a prefix ending in "/*", or "*". "{name}" stands for the name that the node gives itself: it
/// separates nodes from each other only if each has a token of its own. A scope below "edgesync/" is granted by its
/// very name only. A word that begins with '#' starts a comment. Fails with: not_found (file), invalid_argument (line
/// named).
EDGESYNC_EXPORT Result<Authorizer> token_file(const std::string& path);

struct HubOptions {
  NodeOptions node{};
  std::string address = "0.0.0.0";
  std::uint16_t port = 8443;  ///< 0 picks a free one; see Hub::port().
  TlsOptions tls{};           ///< certificate_file and key_file are needed unless `insecure` or `loopback`.
  bool insecure = false;      ///< Plaintext; refused unless `address` is a loopback address.
  Authorizer authorize{};
  /// Goes by this database's access list (access.hpp); `authorize` is asked about whom that does not know, but not for
  /// scopes below "edgesync/".
  bool access = false;
  /// What is durable here becomes stable only once backup() has made a copy that holds it. Until then nodes keep the
  /// records that they have sent, within their quotas and retention, and give back what a hub that is restored from
  /// such a copy lacks. Not for a relay: that goes by its root.
  bool stable_at_backup = false;
  bool relay = false;  ///< Between its nodes and a hub above, to which link() leads: only what is there is stable.
  HubLimits limits{};
  std::shared_ptr<Loopback> loopback{};  ///< If set, listens there and on no socket.
};

}  // namespace edgesync
