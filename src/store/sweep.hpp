// SPDX-License-Identifier: Apache-2.0
// Sweep: goes through all rows of one scope, sets aside those that are not what was written, and makes what depends on
// them true again, from what is left. Cells that are lost become a damaged range, for no local row tells what they
// held. A log is made anew: what it said of writes stands in the cells, and where it told removals the floor rises. A
// context row that cannot be read is set to what the cells and the log prove: a peer tells the rest again.
#pragma once

#include "store/sql_table.hpp"

#include <string>

namespace edgesync::store {

/// What is known to be wrong beside the rows.
struct Suspicion {
  std::vector<ReplicaId> lost{};  ///< Whose row of the context cannot be read.
  bool lost_summary = false;
};

/// What was lost, in words; empty: nothing. Requires: in a transaction of a batch, before anything else writes.
std::string sweep(SqlTable& table, Plane plane, const Suspicion& suspicion);

}  // namespace edgesync::store
