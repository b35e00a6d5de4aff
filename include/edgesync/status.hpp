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

/// Why something is not synchronized yet.
enum class Why : std::uint8_t {
  in_sync,       ///< Nothing is missing.
  syncing,       ///< On its way.
  no_link,       ///< link() was never called, or unlink() was.
  connecting,    ///< An attempt is under way.
  backoff,       ///< The last attempt failed; `retry_in` tells when the next one is.
  unauthorized,  ///< The hub refuses the token.
  refused,       ///< The hub refuses the scope.
  storage,       ///< The local disk fails.
  local_only,    ///< The stream is not meant to leave.
};

/// "in_sync", "syncing", ...
EDGESYNC_EXPORT const char* name(Why why) noexcept;

struct ScopeStatus {
  Plane plane{};
  std::string scope{};
  std::uint64_t pending = 0;    ///< Keys or records not yet acked by the hub.
  std::uint64_t acked = 0;      ///< Own commits' highest stamp, or record sequence, that the hub holds durably.
  std::uint64_t stable = 0;     ///< The same for the root.
  std::uint64_t rejected = 0;   ///< Refused for good.
  std::uint64_t conflicts = 0;  ///< Merges that met concurrent values, since open.
  std::optional<std::chrono::milliseconds> oldest_pending{};  ///< Age, by this node's clock.
  Why why{};
  Digest digest{};
  VersionInfo version{};  ///< config: the active one
  StreamCounts counts{};  ///< stream: own records
};

struct Status {
  std::string name{};
  ReplicaId replica{};
  bool linked = false;
  Why why{};
  std::chrono::milliseconds retry_in{};
  std::size_t peers = 0;  ///< Nodes linked to this hub.
  Error last_error{};     ///< Why the last link ended.
  std::vector<ScopeStatus> scopes{};
};

/// All only grow until the node closes.
struct Metrics {
  std::uint64_t commits = 0;        ///< Local transactions accepted.
  std::uint64_t group_commits = 0;  ///< Disk commits, fsync included.
  std::uint64_t cuts_sent = 0, cuts_applied = 0;
  std::uint64_t keys_sent = 0, keys_received = 0;
  std::uint64_t searches = 0;  ///< For removals that a peer missed and whose records were gone here.
  std::uint64_t segments_sent = 0, segments_received = 0;
  std::uint64_t records_appended = 0;
  std::uint64_t bytes_sent = 0, bytes_received = 0;  ///< Frames, above TLS.
  std::uint64_t links = 0, links_failed = 0;
  std::uint64_t conflicts = 0, divergences = 0, storage_faults = 0, handler_faults = 0;
};

}  // namespace edgesync
