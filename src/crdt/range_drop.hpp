// SPDX-License-Identifier: Apache-2.0
// Range drops: what many range removals take from a table, in one walk over it. A peer may send a removal per few
// bytes, each of the whole scope, so a scan for each would be the product of the two. The order of removals does not
// matter: an entry goes if any removal over its key observed its dot. Every key is visited once at most, and only keys
// that lie under some removal are.
#pragma once

#include "crdt/scope_table.hpp"

#include <vector>

namespace edgesync::crdt {

/// What `observed` covers in `range` goes. Both outlive the call they are passed to.
struct RangeDrop {
  const KeyRange* range = nullptr;
  const Context* observed = nullptr;
};

/// Makes all `drops` at once, in any order.
void drop_observed(ScopeTable& table, std::vector<RangeDrop> drops);

/// Shows the cells of which the drops take anything, ascending, and what they leave; the visitor returns false to stop,
/// and must not change the table.
void find_observed(CellSource& table, std::vector<RangeDrop> drops,
                   const Function<bool(ByteView key, const Cell& cell, Cell&& rest)>& visit);

}  // namespace edgesync::crdt
