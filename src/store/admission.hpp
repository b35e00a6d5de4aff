// SPDX-License-Identifier: Apache-2.0
// Admission: what a peer's delta must be before anything of it touches the file. A peer may be hostile, and what is
// once stored is sent on: so nothing comes in that a frame, a row or another node's limits could not hold.
#pragma once

#include "crdt/repair.hpp"

#include <edgesync/error.hpp>

namespace edgesync::store {

/// Of one cell, encoded. The row limit is four times that, so that a local write on top always fits.
inline constexpr std::size_t cell_bytes_max = std::size_t{16} << 20;

/// Refuses a delta that breaks the rules its receiver's state rests on (keys ascend, every dot is covered by the
/// context it claims, stamps fit the file; protocol_violation), lists more of a key than a cell holds, or would bring
/// the scope whose context is `mine` above crdt::context_items_max, with one place kept for `self` (limit_exceeded).
Result<void> admit(const crdt::Delta& delta, const crdt::Context& mine, const ReplicaId& self);

/// A range removal took what its author had seen, so what is beyond the delta's context it did not.
void bound_removals(crdt::Delta& delta);

/// The same as of a delta of a repair, which must bring every value.
Result<void> admit(const crdt::Repair& repair);

}  // namespace edgesync::store
