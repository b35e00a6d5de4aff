// SPDX-License-Identifier: Apache-2.0
#include "crdt/cell.hpp"

#include "base/planted.hpp"

#include <algorithm>
#include <tuple>

namespace edgesync::crdt {

bool ranks_below(const Entry& a, const Entry& b) noexcept {
  if (a.rank() != b.rank()) return a.rank() < b.rank();
  if (a.dot.replica != b.dot.replica) return a.dot.replica < b.dot.replica;
  return compare(a.value, b.value) < 0;
}

Cell merge(const Cell& local, const std::vector<Listed>& listed, const Context& mine, const Context& theirs) {
  Cell merged;
  auto at = local.begin();
  const auto keep_unknown = [&](auto end) {
    for (; at != end; ++at)
      if (planted(Bug::resurrect) || !theirs.covers(at->dot)) merged.push_back(*at);
  };
  for (const Listed& item : listed) {
    const Dot& dot = item.entry.dot;
    keep_unknown(std::find_if(at, local.end(), [&](const Entry& entry) { return entry.dot >= dot; }));
    if (at != local.end() && at->dot == dot)
      merged.push_back(*at++);
    else if (!item.reference && !mine.covers(dot))
      merged.push_back(item.entry);
  }
  keep_unknown(local.end());
  if (planted(Bug::prune_loser) && merged.size() > 1) merged = {winner(merged)};
  return merged;
}

Cell without(const Cell& cell, const Context& observed) {
  Cell rest;
  for (const Entry& entry : cell)
    if (!observed.covers(entry.dot)) rest.push_back(entry);
  return rest;
}

const Entry& winner(const Cell& cell) { return *std::max_element(cell.begin(), cell.end(), ranks_below); }

bool holds(const Cell& cell, const Dot& dot) noexcept {
  const auto at = std::lower_bound(cell.begin(), cell.end(), dot,
                                   [](const Entry& entry, const Dot& wanted) { return entry.dot < wanted; });
  return at != cell.end() && at->dot == dot;
}

Hash128 fingerprint(const Hash128& key_of_scope, ByteView key, const Entry& entry) noexcept {
  // The fixed-size fields lead and the key's length stands before the key, so no two items hash the same bytes.
  std::array<std::byte, 40> head;
  const auto put = [&head](std::size_t at, std::uint64_t word) {
    for (std::size_t i = 0; i < 8; ++i) head[at + i] = static_cast<std::byte>(word >> (8 * i));
  };
  std::copy(entry.dot.replica.bytes.begin(), entry.dot.replica.bytes.end(), head.begin());
  put(16, entry.dot.stamp);
  put(24, entry.arbitration);
  put(32, key.size());
  SipHash hash(key_of_scope);
  hash.add(head);
  hash.add(key);
  hash.add(entry.value);
  return hash.finish();
}

}  // namespace edgesync::crdt
