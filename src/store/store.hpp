// SPDX-License-Identifier: Apache-2.0
// Store: everything a node knows, in one SQLite file, behind a write-behind memtable. FORMAT.md specifies the file.
//
// Writes are accepted in memory (commit, append, apply, ...), visible to reads at once if they are local, and become
// durable together in a group commit of three steps, so that the caller can let go of its lock while the disk works:
//
//   auto batch = store.begin_flush();   // takes everything accepted so far
//   store.write(*batch);                // the only slow call; the only one that may run beside others
//   auto flushed = store.finish(std::move(batch));   // publishes what became durable, or reports that nothing did
//
// What is shipped to peers is read from the file, never from the memtable: a commit cannot be sent before it is
// durable. Remote cuts become visible when they are durable, whole.
//
// Thread safety: one caller at a time (the node's lock), except that write() may run on one thread while others call
// the members marked "in memory". The other members require: !writing().
#pragma once

#include "base/clock.hpp"
#include "base/random.hpp"
#include "config/manifest.hpp"
#include "store/flushed.hpp"
#include "store/remote.hpp"
#include "store/stage.hpp"
#include "stream/budget.hpp"
#include "stream/segment.hpp"

#include <edgesync/edit.hpp>
#include <edgesync/error.hpp>
#include <edgesync/mask.hpp>
#include <edgesync/options.hpp>
#include <edgesync/quarantine.hpp>
#include <edgesync/records.hpp>
#include <edgesync/stream.hpp>
#include <edgesync/versions.hpp>

#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace edgesync::store {

struct Options {
  std::string path{};                                  ///< Created if missing, mode 0600.
  std::string vfs{};                                   ///< A registered SQLite VFS; empty: the default one.
  std::size_t memtable_bytes = 512 * 1024;             ///< wants_flush() beyond this, crowded() beyond twice that.
  std::size_t cache_bytes = 1024 * 1024;               ///< SQLite page cache.
  std::size_t ballast_bytes = 0;                       ///< Kept beside the file for upkeep on a full disk; 0: none.
  std::uint64_t stage_bytes = std::uint64_t{1} << 30;  ///< All that is kept aside of cuts not complete yet.
  std::chrono::milliseconds clock_drift_max{600'000};  ///< Remote stamps further ahead do not move our clock.
  std::uint64_t stream_bytes = 0;                      ///< Of all streams that have a budget; 0: any number.
  std::size_t seal_segments = 256;                     ///< So many small segments of records become full ones; 0: none.
  /// What the records' age goes by: which boot of the machine this is (0: not known), and how long ago it began.
  std::uint64_t boot = 0;
  Instant since_boot{};
  bool salvage = false;  ///< If the file cannot be read, another takes its place, with what proves itself of it.
  Function<Environment()> environment{};  ///< Where the file is opened, asked once it is; another one: it is a copy.
};

/// An id that the file went by before.
struct Former {
  ReplicaId id{};
  crdt::Stamp last = 0;  ///< Its last stamp here, if it is still ours to send; 0: all of it was said again.
};

/// The database goes by another replica id.
struct Renamed {
  ReplicaId before{}, after{};
  std::string reason{};
};

struct Committed {
  Ticket ticket = 0;
  crdt::Stamp stamp = 0;
};

struct StoredSegment {
  std::uint64_t first = 0;
  std::uint32_t count = 0;
  Bytes body{};
};

/// One origin's records in a stream scope, durable ones.
struct StreamState {
  ReplicaId origin{};
  std::uint64_t last = 0;     ///< Highest sequence held or once held.
  std::uint64_t trimmed = 0;  ///< Sequences up to here have been deleted after a stable ack, or dropped before.
};

/// Sequences follow one another without holes, but for records reported as failed while later ones had been accepted
/// already: their numbers stay unused, in a gap (DropReason::refused).
struct Appended {
  Ticket ticket = 0;
  std::uint64_t first = 0, last = 0;  ///< 0: the budget left all out.
  std::uint64_t kept = 0;             ///< Records that are stored: the first so many, unless they are thinned.
};

/// A config version's number and id. Equal content may be published again under a higher number, so the id alone is
/// none.
struct VersionKey {
  std::uint64_t number = 0;
  std::string id{};
  auto operator<=>(const VersionKey&) const = default;
};

/// A config version as this node knows it.
struct VersionRow {
  config::Manifest manifest{};
  VersionRole role{};
};

/// One entry of a scope's journal: what one group commit replaced.
struct JournalEntry {
  std::uint64_t version = 0;
  Timestamp at{};
  std::vector<PathChange> changes{};
};

/// What begin_flush() took; opaque.
class Batch {
 public:
  virtual ~Batch() = default;
};

class Store {
 public:
  /// Fails with: already_open, storage_io, storage_corrupt, storage_too_new, storage_full.
  static Result<std::unique_ptr<Store>> open(Options options, Random& random, Timestamp now);
  virtual ~Store() = default;

  // --- identity and scopes (in memory) ---
  virtual const ReplicaId& replica() const = 0;
  /// replica(), then the ids that the file went by before, the last one first: what they wrote is this node's, too.
  virtual const std::vector<ReplicaId>& selves() const = 0;
  /// Set if the file was found to be a copy when it was opened.
  virtual const std::optional<Renamed>& renamed() const = 0;
  virtual const std::vector<Former>& former() const = 0;
  /// What the last salvage of the database says; empty: there was none.
  virtual const std::string& salvaged() const = 0;
  /// False: certainly no stamp that this file minted, nor one that the same process went on to mint after the file was
  /// copied. Wrong once in 4,096 about those of others. `last`: Former::last, of an id before.
  virtual bool minted(const ReplicaId& self, crdt::Stamp stamp,
                      crdt::Stamp last = std::numeric_limits<crdt::Stamp>::max()) const = 0;
  /// Finds the scope or creates it, durable with the next flush. Fails with: invalid_argument (name).
  virtual Result<ScopeId> open_scope(Plane plane, std::string_view name) = 0;
  /// With the next flush all that is here of the scope goes. find_scope() and scopes() do not know it from now on,
  /// until open_scope() takes it up again, empty. Requires: !writing().
  virtual Ticket give_up(ScopeId id) = 0;
  /// Of a scope that was given up: the last stamp of this replica there, while that much has not come back. Until then
  /// commit() fails with identity_clash: it would make peers that lack the earlier transactions lose them.
  virtual crdt::Stamp former_own(ScopeId id) const = 0;
  virtual std::optional<ScopeId> find_scope(Plane plane, std::string_view name) const = 0;
  virtual std::vector<Scope> scopes() const = 0;
  virtual Scope scope(ScopeId id) const = 0;
  /// PathChanges are reported for watched scopes only.
  virtual void watch(ScopeId id, bool on) = 0;
  /// Keep the before-images of the last `versions` group commits that touched the scope; 0 (the default) keeps none.
  virtual void keep_history(ScopeId id, std::uint32_t versions) = 0;
  /// From here on read() shows what has come of the scope's first bootstrap; until the store is closed.
  virtual void preview(ScopeId id) = 0;

  // --- durable facts about scopes (in memory: cached, and published only by finish()) ---
  virtual const crdt::Context& context(ScopeId id) const = 0;
  virtual crdt::Summary summary(ScopeId id) const = 0;
  virtual Hash128 fingerprint_key(ScopeId id) const = 0;
  /// Below these the log does not tell all removals.
  virtual const crdt::Context& floors(ScopeId id) const = 0;
  /// Key ranges of which rows were found damaged: what is not there may never have been removed. So nothing that
  /// touches them may be told to a peer, and searches begin elsewhere. Ascending and disjoint; empty: the scope is
  /// sound.
  virtual std::vector<crdt::KeyRange> damaged(ScopeId id) const = 0;
  /// This replica links to another hub than before: the one before may know of changes that it never acknowledged.
  virtual void another_hub() = 0;
  /// Own changes are lost with rows of the scope that the hub does not have and another hub may. What is left must not
  /// be told: keys that are not there would be taken for removed. Requires: !writing().
  virtual bool loss_in_doubt(ScopeId id) = 0;
  /// No other hub has them, then.
  virtual void end_doubt(ScopeId id) = 0;
  /// What the hub holds durably, and what is stable; kept in the file with the next flush, for status after a restart.
  virtual void note_acked(ScopeId id, const crdt::Context& acked, const crdt::Context& stable) = 0;
  virtual const crdt::Context& acked(ScopeId id) const = 0;
  /// Why the scope is refused as things stand; null: it is not. Kept in the file likewise.
  virtual void note_refusal(ScopeId id, const Refused* why) = 0;
  virtual const Refused* refusal(ScopeId id) const = 0;
  virtual const crdt::Context& stable(ScopeId id) const = 0;
  virtual std::vector<StreamState> stream(ScopeId id) const = 0;
  /// Own records, durable ones. `kept_here`: they are to go nowhere.
  virtual StreamCounts counts(ScopeId id, bool kept_here) const = 0;
  /// Of the records of `origin` up to the last, those that were reported as dropped and never came; of an own id, those
  /// up to what the hub acknowledged, as it says.
  virtual Drops missing(ScopeId id, const ReplicaId& origin) const = 0;
  virtual Drops missing(ScopeId id) const = 0;  ///< Of all others together.
  /// Of the entries of a scope, as growth.hpp counts them; of a stream, of its segments in the file.
  virtual std::uint64_t bytes(ScopeId id) const = 0;
  /// The same of all scopes that `scopes` covers (a name, a prefix ending in "/*", or "*"), of one plane or of all.
  virtual Held held(std::optional<Plane> plane, std::string_view scopes) const = 0;
  /// That an own record is not here, for a reason that is known.
  virtual bool dropped(ScopeId id, const ReplicaId& self, std::uint64_t sequence) const = 0;
  /// The hub's word on what it never got of `self`, up to what it acknowledged; kept with the next flush.
  virtual void note_missing(ScopeId id, const ReplicaId& self, const Drops& missing) = 0;

  // --- time, for the age of records (in memory) ---
  /// Now and then: what has grown too old is dropped with the next batch.
  virtual void look_at_age(Instant now) = 0;
  /// A hub said that it is `hub`.
  virtual void hub_time(Timestamp hub, Instant when) = 0;

  // --- local writes (in memory, except that operations for which crdt::reads(op) holds require: !writing()) ---
  virtual Result<Committed> commit(ScopeId id, std::span<const Edit::Op> ops, Timestamp wall) = 0;
  /// The stream's columns, those that leave. `masks`: what whoever appends has done to some of them. Later calls must
  /// give the same, or fail with: type_mismatch.
  virtual Result<void> define_stream(ScopeId id, const stream::Schema& schema, bool local_only,
                                     const Masks& masks = {}) = 0;
  virtual const Masks& masks(ScopeId id) const = 0;
  virtual std::optional<stream::Schema> schema(ScopeId id) const = 0;
  /// What this replica's records may take; kept in the file. Without one they take what they need.
  virtual Result<void> set_budget(ScopeId id, const stream::Budget& budget) = 0;
  virtual Priority priority(ScopeId id) const = 0;
  virtual bool local_only(ScopeId id) const = 0;
  /// Their sequences are given here. Fails with: not_found (no schema), type_mismatch (column named), storage_full. All
  /// records or none.
  virtual Result<Appended> append(ScopeId id, std::span<const Record> records) = 0;
  virtual Ticket save_version(ScopeId id, const config::Release& release, VersionRole role) = 0;
  virtual Ticket set_role(ScopeId id, const VersionKey& version, VersionRole role) = 0;
  virtual Ticket forget_version(ScopeId id, const VersionKey& version) = 0;
  /// A small fact about the scope that is this node's own affair: never shipped, and kept when the scope is given up.
  /// An empty body: it is forgotten.
  virtual Ticket put_memo(ScopeId id, std::string_view name, Bytes body) = 0;
  /// Deletes whole segments of `origin` that end at or before `through`.
  virtual Ticket trim(ScopeId id, const ReplicaId& origin, std::uint64_t through) = 0;

  // --- from peers (in memory) ---
  virtual Ticket apply(RemoteCut cut) = 0;
  virtual Ticket apply(RemoteSegment segment) = 0;
  virtual Ticket apply(RemoteGap gap) = 0;
  /// Of what is damaged, makes known again what the repair tells and nothing newer has touched. Not applied
  /// (Outcome::applied): it is older than what the log tells, or newer than what is here.
  virtual Ticket apply(RemoteRepair repair) = 0;
  /// Keeps a chunk aside. A cut that names the stage ends it. Fails (Outcome::error) with: limit_exceeded, beyond
  /// Options::stage_bytes.
  virtual Ticket keep(RemoteChunk chunk) = 0;
  /// What is kept aside of a scope, durably.
  virtual const Stages& stages(ScopeId id) const = 0;

  // --- group commit ---
  virtual Ticket accepted() const = 0;               ///< The last ticket given out. (in memory)
  virtual Ticket durable() const = 0;                ///< The last ticket settled. (in memory)
  virtual bool wants_flush() const = 0;              ///< The memtable is over its bound. (in memory)
  virtual bool crowded() const = 0;                  ///< ... over twice its bound. (in memory)
  virtual bool writing() const = 0;                  ///< Between begin_flush() and finish().
  virtual std::unique_ptr<Batch> begin_flush() = 0;  ///< Requires: !writing().
  virtual void write(Batch& batch) = 0;
  virtual Flushed finish(std::unique_ptr<Batch> batch) = 0;

  // --- reads (require !writing(); each answers for the memtable over the file) ---
  /// Runs `read` over the scope's cells as they stand. Fails with: storage_io; storage_corrupt, also if a key that was
  /// asked for by itself is in a damaged row. Scans of many paths go on past such rows.
  virtual Result<void> read(ScopeId id, const Function<void(crdt::CellSource&)>& read) = 0;
  /// From the file: what the scope has and a peer with `receiver` has not. `searched`: the peer searched from there on,
  /// so that the log is enough even below the floors. Of a damaged scope only what is certain: perhaps nothing, then
  /// `upto` is `receiver`.
  virtual Result<crdt::Delta> delta(ScopeId id, const crdt::Context& receiver, bool searched = false) = 0;
  /// The same while it has about `bytes_max`; nothing if it has more.
  virtual Result<std::optional<crdt::Delta>> small_delta(ScopeId id, const crdt::Context& receiver, bool searched,
                                                         std::size_t bytes_max) = 0;
  /// From the file: the next chunk for a peer who was told `told`; `told` again if nothing is certain.
  virtual Result<crdt::Chunk> chunk(ScopeId id, const crdt::Context& told, std::size_t bytes_max) = 0;
  /// From the file: what is in `ranges`, without what is damaged here, as far as it has about `bytes_max`.
  virtual Result<crdt::Repair> repair(ScopeId id, const std::vector<crdt::KeyRange>& ranges, std::size_t bytes_max) = 0;
  /// Runs `look` over the cells of the file.
  virtual Result<void> look(ScopeId id, const Function<void(crdt::CellSource&)>& look) = 0;
  /// From the file: whole segments of `origin` after sequence `after`, about `bytes_max` together, at least one if any.
  virtual Result<std::vector<StoredSegment>> segments(ScopeId id, const ReplicaId& origin, std::uint64_t after,
                                                      std::size_t bytes_max) = 0;
  /// A peer is told of own records up to there, as they are now: they stay so.
  virtual void freeze(ScopeId id, std::uint64_t through) = 0;
  /// From the file: gaps of `origin` that end after sequence `after`, ascending.
  virtual Result<std::vector<Gap>> gaps(ScopeId id, const ReplicaId& origin, std::uint64_t after,
                                        std::size_t limit) = 0;
  virtual Result<std::vector<VersionRow>> versions(ScopeId id) = 0;  ///< Newest first.
  virtual Result<std::uint64_t> versions_bytes(ScopeId id) = 0;      ///< What they take in the file.
  /// From the file: the content with this id, proved. Fails with: not_found, storage_*.
  virtual Result<Bytes> content(ScopeId id, ByteView content) = 0;
  /// With its content, if that was ever here: proved by its hash. Fails with: not_found, storage_corrupt (its row is
  /// damaged, or one that it is stored as a difference to), storage_io.
  virtual Result<config::Release> release(ScopeId id, const VersionKey& version) = 0;
  virtual Result<Bytes> memo(ScopeId id, std::string_view name) = 0;  ///< not_found
  /// By name, those that begin with `prefix`; damaged ones are left out.
  virtual Result<std::map<std::string, Bytes>> memos(ScopeId id, std::string_view prefix) = 0;
  virtual Result<std::vector<JournalEntry>> journal(ScopeId id, std::size_t limit) = 0;  ///< Newest first.
  /// Own transactions not yet acked, as the number of keys that would be sent, or of sequence numbers used; and the
  /// oldest one's time.
  struct Pending {
    std::uint64_t count = 0;
    std::optional<Timestamp> oldest{};
  };
  virtual Result<Pending> pending(ScopeId id) = 0;

  /// What was set aside, ascending, after the one with number `after`.
  virtual Result<std::vector<Quarantined>> quarantine(std::uint64_t after, std::size_t limit) = 0;
  virtual Result<QuarantineCounts> quarantined() = 0;
  /// Puts back what was set aside under `id` (Node::replay()), with the next flush. Requires: all is flushed but for
  /// other replays. Fails with: not_found, storage_*.
  virtual Result<Replayed> replay(std::uint64_t id, Timestamp wall) = 0;
  /// With the next flush these are gone from the quarantine, and counted. Fails with: storage_full.
  virtual Result<Ticket> drop(std::vector<std::uint64_t> ids) = 0;
  /// With the next flush the segment of `origin` that ends at `last` is in the quarantine, and no more in the stream:
  /// the hub can never store it. Not applied (Outcome) if there is no room for it: then it stays.
  virtual Ticket set_aside(RefusedSegment refused) = 0;

  /// True if whoever had the file open before did not close it: its rows are to be examined.
  virtual bool unclean() const = 0;
  /// Looks at the next `rows` or so of an unclean file. Damaged ones are set aside by the next batch. True while there
  /// are more; there may be after a failure, too. Fails with: storage_*; storage_corrupt: pages of a scope that cannot
  /// be read, which only a salvage mends.
  virtual Result<bool> examine(std::size_t rows) = 0;
  /// Checks the file: SQLite's own check, fingerprints recomputed, log against cells, segments' checksums. Each string
  /// is one finding; none means sound.
  virtual Result<std::vector<std::string>> verify() = 0;

  /// Another copy minted under `self`, one of selves(): takes the id `fresh` and says again under it what is not
  /// certainly everybody's (crdt/reissue.hpp), durably, in one transaction. `authority`: nothing is certain, for nobody
  /// keeps its acks. Records of an authority, or of an earlier id, stay. A null `self`: there is no
  /// other copy, and nothing is said again; only what is written next has another author. Requires: all is flushed.
  /// Fails with: storage_*; then nothing has changed, or revive() will tell.
  virtual Result<Renamed> reidentify(const ReplicaId& fresh, const ReplicaId& self, std::string reason,
                                     bool authority) = 0;
  /// Writes a consistent copy to `path`, which opens under a replica id of its own. Requires: all is flushed.
  /// Fails with: invalid_argument (`path` exists), storage_io, storage_full.
  virtual Result<void> backup(const std::string& path) = 0;

  /// Log upkeep: sweeps stale items and evicts removal records beyond the bounds. Called by write() in small steps;
  /// this runs it to the end, for tests. `removals_max` overrides the bound.
  virtual Result<void> compact(std::size_t removals_max) = 0;
};

}  // namespace edgesync::store
