// SPDX-License-Identifier: Apache-2.0
// Repair: a copy of a scope that has lost rows is told what a peer holds in those key ranges. Nothing stands still
// meanwhile, so a repair says as of which context it was told, and of a key that anything newer has touched here it
// says nothing: that key waits for the next repair. Dots stay what they are: a repair is no news to anybody, it makes a
// copy what it would be, had it lost nothing.
#pragma once

#include "crdt/delta.hpp"

namespace edgesync::crdt {

/// All that a peer holds in `ranges`.
struct Repair {
  std::vector<KeyRange> ranges{};  ///< Ascending and disjoint.
  Context upto{};                  ///< The peer's context.
  std::vector<KeyState> keys{};    ///< Every key there, ascending, with all its entries, ascending, and their values.
};

/// What one peer would have told who knew all that the two knew, of what both told.
Repair both(const Repair& one, const Repair& other);

struct Repaired {
  std::vector<Bytes> left{};                      ///< Keys that must wait: something newer has touched them.
  std::vector<Bytes> changed{};                   ///< Keys that hold something else now.
  std::vector<std::pair<Bytes, Cell>> dropped{};  ///< What was here of keys of which the peer knows that some is gone.
};

/// True if `table` knows all that the peer knew, and its log tells all that is newer: then apply_repair() is right. But
/// for changes by `selves`, up to whose stamps the hub has acknowledged them, beyond these: if their records are gone,
/// nobody can say which of the lost keys they touched, so these keys hold what the peer holds, as if they had not.
bool repairable(const ScopeTable& table, const Repair& repair, std::span<const Dot> selves = {});
/// Makes the keys for which `lost` is true what the peer holds. Requires: repairable().
Repaired apply_repair(ScopeTable& table, const Repair& repair, const Function<bool(ByteView key)>& lost);

}  // namespace edgesync::crdt
