// SPDX-License-Identifier: Apache-2.0
// Upkeep of the log. Items go stale when their cell is overwritten; that is not fixed on the write path. The sweeper
// walks the blocks once the log holds three times what the cells do, 1.5 items per item inserted, and drops what says
// nothing any more. Removal records are a bounded cache: evicting them raises the floor below which a peer gets a
// complete delta instead.
#pragma once

#include "store/sql_table.hpp"

namespace edgesync::store {

inline constexpr std::uint64_t removals_max_default = 10'000;  // per scope, 80 to 140 KB of log

/// The share of upkeep that the batch owes for what it logged. Requires: in a transaction, after save().
void upkeep(SqlTable& table);

/// All of it, to the end, with another bound. Requires: in a transaction, after save().
void compact_log(SqlTable& table, std::uint64_t removals_max);

}  // namespace edgesync::store
