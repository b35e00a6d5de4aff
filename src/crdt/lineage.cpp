// SPDX-License-Identifier: Apache-2.0
#include "crdt/lineage.hpp"

#include <algorithm>

namespace edgesync::crdt {

void Lineage::add(const Row& row) {
  if (rows_.size() == rows_max) rows_.erase(rows_.begin());
  rows_.push_back(row);
}

void Lineage::inherit(const ReplicaId& from, const ReplicaId& to) {
  const auto rows = rows_;
  for (const Row& row : rows)
    if (row.self == from) add({to, row.first, row.secret});
}

bool Lineage::minted(const ReplicaId& self, Stamp stamp, Stamp last) const noexcept {
  const Stamp wanted = std::min(stamp, last);
  const auto at = std::find_if(rows_.rbegin(), rows_.rend(),
                               [&](const Row& row) { return row.self == self && row.first <= wanted; });
  return at == rows_.rend() ? rows_.size() == rows_max : Hlc::tagged_under(at->secret, stamp);
}

}  // namespace edgesync::crdt
