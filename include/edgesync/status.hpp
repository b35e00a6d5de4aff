// SPDX-License-Identifier: Apache-2.0
// Status and metrics: the truth in one call. Both are copies.
#pragma once

#include <edgesync/error.hpp>
#include <edgesync/stream.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace edgesync {

/// Why something is not synchronized yet. The most telling reason is given: what is wrong here before what is wrong
/// with the link, and of a link that is down the cause, not that it is tried again (Status::retry_in says when).
enum class Why : std::uint8_t {
  in_sync,     ///< Nothing is missing.
  syncing,     ///< On its way.
  local_only,  ///< The stream is not meant to leave.
  closed,      ///< The node was closed.

  // This node
  disk_full,       ///< The disk or quota is full: what is written is refused, what was written stays and is sent.
  storage,         ///< The disk fails.
  corrupt,         ///< The database is damaged; run `edgesync verify`.
  clock,           ///< This node's clock is too far from the hub's: see Status::clock_offset.
  identity_clash,  ///< Another copy of the database, or another session of the node, goes by the same replica id
                   ///< (Errc::identity_clash). Copies settle it by themselves: EventKind::identity.
  repairing,       ///< Damaged rows were set aside; what they held is being fetched from the peer.
  waiting_cut,     ///< A large change is arriving; it becomes visible when it is whole. See ScopeStatus::arriving.

  // The hub's word
  refused,       ///< The hub refuses the scope, or writes to it, or what one side sends the other cannot store: see
                 ///< ScopeStatus::refusal.
  unauthorized,  ///< The hub refuses the token.
  hub_storage,   ///< The hub's disk is full or fails.

  // The link
  no_link,             ///< link() was never called, or unlink() was.
  connecting,          ///< The first attempt is under way.
  backoff,             ///< The link ended in order, or for a reason without a word of its own: see Status::last_error.
  name_unknown,        ///< The hub's name does not resolve.
  no_route,            ///< No network, or no way from it to the hub.
  connection_refused,  ///< The hub's host is there, and nobody listens.
  unreachable,         ///< The connection broke, or is answered by something else, such as a captive portal.
  no_answer,           ///< Something awaited of the hub did not come in time: Status::last_error names it.
  untrusted,           ///< The hub's certificate or name does not verify.
  insecure,            ///< The hub offers no TLS that is good enough.
  protocol_mismatch,   ///< No common protocol version.
  protocol_violation,  ///< Hub and node disagree about the protocol: a fault of one of them.
  limit,               ///< A bound of the protocol was passed: see Status::last_error.
};

/// "in_sync", "syncing", ...
EDGESYNC_EXPORT const char* name(Why why) noexcept;

/// How far a transfer has come.
struct Progress {
  std::uint64_t done = 0;   ///< Bytes.
  std::uint64_t total = 0;  ///< 0: not known.
};

struct ScopeStatus {
  Plane plane{};
  std::string scope{};
  std::uint64_t pending = 0;    ///< Keys or records not yet acked by the hub.
  std::uint64_t acked = 0;      ///< Own commits' highest stamp, or record sequence, that the hub holds durably.
  std::uint64_t stable = 0;     ///< The same for the root.
  std::uint64_t rejected = 0;   ///< Refusals that were told as EventKind::rejected, since open.
  std::uint64_t conflicts = 0;  ///< Merges that met concurrent values, since open.
  std::optional<std::chrono::milliseconds> oldest_pending{};  ///< Age, by this node's clock.
  /// Why the scope, or what it holds, is or was refused when last tried; kept over a restart until it goes through.
  std::optional<Error> refusal{};
  std::optional<Progress> arriving{};  ///< A change of the hub's that is not whole yet.
  Why why{};
  Digest digest{};
  VersionInfo version{};  ///< config: the active one
  /// config: why the version that the hub offers is not taken, or, not_in_force, that the active one's time is over.
  std::optional<Error> version_refused{};
  StreamCounts counts{};  ///< stream: own records
  Drops missing{};        ///< stream, at a hub or relay: records of all others that never came (Stream::dropped())
  /// Of all that is here: keys and values, and 16 for each entry; of a stream, its segments as they lie in the file.
  std::uint64_t bytes = 0;
};

struct Status {
  std::string name{};
  ReplicaId replica{};
  bool linked = false;
  Why why{};                             ///< Of the node as a whole: in_sync if all its scopes are.
  std::chrono::milliseconds retry_in{};  ///< Until the next attempt to link; 0 while one is under way.
  std::size_t peers = 0;                 ///< Nodes linked to this hub.
  std::string salvaged{};                ///< What the last salvage of the database says; empty: there was none.
  Error last_error{};                    ///< Why the last link ended; a watchdog names what it waited for.
  std::uint64_t pending = 0;             ///< Keys and records of all scopes.
  std::optional<std::chrono::milliseconds> oldest_pending{};  ///< The greatest of all scopes.
  /// How far the hub's clock is ahead of this node's (negative: behind), as told when they last met.
  std::optional<std::chrono::milliseconds> clock_offset{};
  std::vector<ScopeStatus> scopes{};
};

/// All only grow until the node closes.
struct Metrics {
  std::uint64_t commits = 0;        ///< Local transactions accepted.
  std::uint64_t group_commits = 0;  ///< Disk commits, fsync included.
  std::uint64_t cuts_sent = 0, cuts_applied = 0;
  std::uint64_t keys_sent = 0, keys_received = 0;
  /// Of scopes, for peers: read from the file and encoded, and sent as another peer was told it.
  std::uint64_t deltas_read = 0, deltas_shared = 0;
  std::uint64_t patches_sent = 0;  ///< Keys of config scopes told as what differs from a version that the peer had.
  std::uint64_t searches = 0;      ///< For removals that a peer missed and whose records were gone here.
  std::uint64_t segments_sent = 0, segments_received = 0;
  std::uint64_t records_appended = 0;
  std::uint64_t bytes_sent = 0, bytes_received = 0;  ///< Frames, above TLS.
  std::uint64_t links = 0, links_failed = 0;
  std::uint64_t conflicts = 0, divergences = 0, storage_faults = 0, handler_faults = 0;
  std::uint64_t watchdogs = 0;        ///< Waits that ended without what was awaited.
  std::uint64_t identities = 0;       ///< identity events: copies noticed, hubs that had lost something, sessions in
                                      ///< a quarrel.
  std::uint64_t records_missing = 0;  ///< Records that the hub lost after it had acked them and this node trimmed them.
};

}  // namespace edgesync
