// SPDX-License-Identifier: Apache-2.0
#include "crdt/scope_table.hpp"

#include <vector>

namespace edgesync::crdt {

void drop_observed(ScopeTable& table, const KeyRange& range, const Context& observed) {
  std::vector<std::pair<Bytes, Cell>> touched;  // collected first: a scan must not see its table change
  table.scan(range, [&](ByteView key, const Cell& cell) {
    if (without(cell, observed).size() != cell.size()) touched.emplace_back(to_bytes(key), cell);
    return true;
  });
  for (const auto& [key, cell] : touched) table.replace(key, cell, without(cell, observed));
}

}  // namespace edgesync::crdt
