// SPDX-License-Identifier: Apache-2.0
// What a damaged scope may still tell. A key whose row was lost must not be listed: its absence would be taken for a
// removal. So a receiver that has missed no change of a damaged key gets all the rest; one that has missed some gets
// this replica's own changes, if it has all others, without those of damaged keys; and else nothing, until a peer has
// mended the scope. Of a delta that is told in chunks each is judged by itself.
#pragma once

#include "crdt/chunk.hpp"
#include "crdt/repair.hpp"
#include "store/sql_table.hpp"

namespace edgesync::store {

/// `known`: own changes up to here some hub may have. Nothing to tell: `upto` and `reached` are `told`.
crdt::Chunk certain_chunk(SqlTable& table, const crdt::Context& told, crdt::Stamp known, std::size_t bytes_max);

/// What is in `ranges` and not damaged, as far as it has about `bytes_max`.
crdt::Repair certain_repair(SqlTable& table, const std::vector<crdt::KeyRange>& ranges, std::size_t bytes_max);

}  // namespace edgesync::store
