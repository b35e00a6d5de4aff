// SPDX-License-Identifier: Apache-2.0
// Retention: what a stream's budget has no room for goes, the oldest first, whole segments at a time. Each record that
// goes is in a gap with its reason, in the same transaction.
#pragma once

#include "store/sql_table.hpp"
#include "stream/budget.hpp"

namespace edgesync::store {

/// Deletes a segment of this replica, or an earlier id of it; its records are dropped.
struct Victim {
  ReplicaId origin{};
  std::uint64_t first = 0, count = 0, bytes = 0, at = 0;
};
void drop_segment(SqlTable& table, const Victim& victim, DropReason why);

/// Drops the oldest segment of its own; false if there is none.
bool drop_oldest(SqlTable& table, DropReason why);

/// Drops what is too old, then what is too much, or `shed` more bytes. True if there is more to do: a step is bounded.
/// Requires: in a transaction, after the batch's records.
bool apply_budget(SqlTable& table, const stream::Budget& budget, std::uint64_t shed);

}  // namespace edgesync::store
