// SPDX-License-Identifier: Apache-2.0
#include "store/growth.hpp"

#include <algorithm>
#include <set>

namespace edgesync::store {
namespace {

constexpr std::uint64_t entry_overhead = 16;

/// The cell's entries in `seen`, but for those in `listed`.
std::uint64_t gone(ByteView key, const crdt::Cell& cell, const crdt::Context& seen,
                   const std::vector<crdt::Listed>& listed) {
  std::uint64_t bytes = 0;
  for (const crdt::Entry& entry : cell) {
    const auto same = [&](const crdt::Listed& one) { return one.entry.dot == entry.dot; };
    if (seen.covers(entry.dot) && std::none_of(listed.begin(), listed.end(), same))
      bytes += entry_bytes(key, entry.value);
  }
  return bytes;
}

}  // namespace

std::uint64_t entry_bytes(ByteView key, ByteView value) noexcept { return key.size() + value.size() + entry_overhead; }

std::uint64_t cell_bytes(ByteView key, const crdt::Cell& cell) noexcept {
  std::uint64_t bytes = 0;
  for (const crdt::Entry& entry : cell) bytes += entry_bytes(key, entry.value);
  return bytes;
}

std::uint64_t brought(const crdt::Delta& delta, const crdt::Context& mine) noexcept {
  std::uint64_t bytes = 0;
  for (const crdt::KeyState& state : delta.keys)
    for (const crdt::Listed& listed : state.listed)
      if (!mine.covers(listed.entry.dot)) bytes += entry_bytes(state.key, listed.entry.value);
  return bytes;
}

std::uint64_t taken(const crdt::Delta& delta, crdt::ScopeTable& table) {
  std::uint64_t bytes = 0;
  std::set<Bytes, BytesLess> counted;
  for (const crdt::KeyState& state : delta.keys) {
    counted.insert(state.key);
    bytes += gone(state.key, table.find(state.key), delta.upto, state.listed);
  }
  const auto count = [&](ByteView key, const crdt::Cell& cell, const crdt::Context& seen) {
    if (counted.insert(to_bytes(key)).second) bytes += gone(key, cell, seen, {});
    return true;
  };
  for (const crdt::LogItem& item : delta.removals) {
    if (item.type == crdt::LogItem::Type::remove) count(item.key, table.find(item.key), delta.upto);
    if (item.type == crdt::LogItem::Type::remove_range)
      table.scan(item.range, [&](ByteView key, const crdt::Cell& cell) { return count(key, cell, item.observed); });
  }
  if (delta.complete)
    table.scan({}, [&](ByteView key, const crdt::Cell& cell) { return count(key, cell, delta.upto); });
  return bytes;
}

}  // namespace edgesync::store
