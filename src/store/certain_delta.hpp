// SPDX-License-Identifier: Apache-2.0
// What a damaged scope may still tell. A key whose row was lost must not be listed: its absence would be taken for a
// removal. So a receiver that has missed no change of a damaged key gets all the rest; one that has missed some gets
// this replica's own changes, if it has all others, without those of damaged keys; and else nothing, until a peer has
// mended the scope.
#pragma once

#include "crdt/delta.hpp"
#include "store/sql_table.hpp"

namespace edgesync::store {

/// `acked`: own changes up to here are known to be at the hub. Nothing to tell: `upto` is `receiver`.
crdt::Delta certain_delta(SqlTable& table, const crdt::Context& receiver, crdt::Stamp acked);

}  // namespace edgesync::store
