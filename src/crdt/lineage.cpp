// SPDX-License-Identifier: Apache-2.0
#include "crdt/lineage.hpp"

#include <algorithm>

namespace edgesync::crdt {

void Lineage::add(const Row& row) {
  if (rows_.size() == rows_max) rows_.erase(rows_.begin());
  rows_.push_back(row);
}

bool Lineage::minted(Stamp stamp, Stamp last) const noexcept {
  const auto next = std::upper_bound(rows_.begin(), rows_.end(), std::min(stamp, last),
                                     [](Stamp wanted, const Row& row) { return wanted < row.first; });
  if (next == rows_.begin()) return rows_.size() == rows_max;
  return Hlc::tagged_under((next - 1)->secret, stamp);
}

}  // namespace edgesync::crdt
