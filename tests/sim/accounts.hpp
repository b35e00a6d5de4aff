// SPDX-License-Identifier: Apache-2.0
// Accounts: whether every record is somewhere. What an edge says of its own records is compared with what it holds,
// what the application gave it, and, at rest, with what its hub holds: produced = delivered + pending + dropped, to the
// record.
#pragma once

#include "sim/truth.hpp"
#include "stream/budget.hpp"

namespace edgesync::sim {

class Accounts {
 public:
  /// Records that the store has taken.
  void appended(const ReplicaId& who, std::uint64_t first, std::uint64_t last, Instant at);
  /// Nothing is dropped before its time, or without a rule that says so.
  Finding dropped_by_rule(store::Store& store, const std::optional<stream::Budget>& budget, bool bounded,
                          Instant now) const;

 private:
  std::map<ReplicaId, std::map<std::uint64_t, Instant>> appended_;  // by the first of each append
};

/// What the store says of its own records adds up, and pending are those that it holds and the hub has not
/// acknowledged.
Finding balanced(store::Store& store);

/// Everything is told: what `edge` calls delivered is what `above` got of it, and nothing is pending.
Finding settled(store::Store& edge, store::Store& above);

/// Some record of the stream, of whomever, is in a gap here.
bool has_gaps(store::Store& store, store::ScopeId scope);

}  // namespace edgesync::sim
