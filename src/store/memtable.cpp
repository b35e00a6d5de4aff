// SPDX-License-Identifier: Apache-2.0
#include "store/memtable.hpp"

#include <algorithm>

namespace edgesync::store {

void Memtable::append(crdt::Changes&& transaction) {
  if (begins())
    generations_.push_back({std::move(transaction), false});
  else
    generations_.back().changes.append(std::move(transaction));
}

void Memtable::learned() noexcept {
  for (Generation& generation : generations_) generation.concurrent = true;
}

std::size_t Memtable::bytes() const noexcept {
  std::size_t sum = 0;
  for (const Generation& generation : generations_) sum += generation.changes.bytes;
  return sum;
}

bool Memtable::writes(ByteView key) const {
  return std::any_of(generations_.begin(), generations_.end(),
                     [&](const Generation& generation) { return generation.changes.writes.contains(key); });
}

MemtableView::MemtableView(crdt::CellSource& file, const Memtable& memtable, const ReplicaId& self) : top_(&file) {
  for (const Memtable::Generation& generation : memtable.generations()) {
    chain_.emplace_back(*top_, generation.changes, self);
    chain_.back().concurrent = generation.concurrent;
    top_ = &chain_.back();
  }
}

}  // namespace edgesync::store
