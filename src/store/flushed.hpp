// SPDX-License-Identifier: Apache-2.0
// What became of a batch.
#pragma once

#include "crdt/view.hpp"
#include "store/scope.hpp"

#include <edgesync/error.hpp>
#include <edgesync/records.hpp>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace edgesync::store {

/// How one accepted cut or segment ended.
struct Outcome {
  Ticket ticket = 0;
  bool applied = false;          ///< False: a base was not covered (cut), or records are missing before it (segment).
  std::optional<Error> error{};  ///< Set if it can never be applied: malformed, above a limit, or a damaged row here.
  /// Of an error: where it is; none if that is not known, or everywhere. Of a cut without one that is not applied: the
  /// scope whose base is not covered, or whose part of it is not kept here as it has to be.
  ScopeId scope{};
  Drops missing{};  ///< Of records: what of their origin, up to the last of them, was reported as dropped.
};

struct PathChange {
  ScopeId scope{};
  std::string path{};
  std::optional<crdt::Shown> before{}, after{};
};

struct Flushed {
  /// Set: nothing of the batch is in the file; or, if the file could not be opened again to look, nobody knows yet and
  /// every call fails until it can be.
  std::optional<Error> error{};
  std::optional<Error> log_error{};  ///< Set: the log could not be moved into the database: it grows.
  Ticket through = 0;                ///< Every ticket up to here is settled.
  std::vector<Outcome> outcomes{};   ///< Of the batch's cuts and segments, in order.
  std::vector<ScopeId> advanced{};   ///< Scopes whose context, versions or records grew.
  /// In watched scopes, by path; local and remote. An empty path: more changed than is told.
  std::vector<PathChange> changes{};
  std::vector<std::pair<ScopeId, std::string>> conflicts{};  ///< Paths where a cut left concurrent values.
  /// Rows that were not what was written, per scope: set aside, and what that means.
  std::vector<std::pair<ScopeId, Error>> faults{};
  std::vector<ScopeId> diverged{};  ///< Equal context with a peer, different fingerprint: an incident.
};

}  // namespace edgesync::store
