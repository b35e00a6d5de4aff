// SPDX-License-Identifier: Apache-2.0
#include "store/growth.hpp"

#include "crdt/range_drop.hpp"

#include <algorithm>

namespace edgesync::store {
namespace {

constexpr std::uint64_t entry_overhead = 16;

bool lists(const crdt::Delta& delta, ByteView key) {
  const auto at =
      std::lower_bound(delta.keys.begin(), delta.keys.end(), key,
                       [](const crdt::KeyState& one, ByteView wanted) { return compare(one.key, wanted) < 0; });
  return at != delta.keys.end() && equal(at->key, key);
}

}  // namespace

std::uint64_t entry_bytes(ByteView key, ByteView value) noexcept { return key.size() + value.size() + entry_overhead; }

std::uint64_t cell_bytes(ByteView key, const crdt::Cell& cell) noexcept {
  std::uint64_t bytes = 0;
  for (const crdt::Entry& entry : cell) bytes += entry_bytes(key, entry.value);
  return bytes;
}

std::uint64_t listed_bytes(const crdt::Delta& delta) noexcept {
  std::uint64_t bytes = 0;
  for (const crdt::KeyState& state : delta.keys)
    for (const crdt::Listed& listed : state.listed)
      if (!listed.reference) bytes += entry_bytes(state.key, listed.entry.value);
  return bytes;
}

std::uint64_t told_bytes(const crdt::Delta& delta) noexcept {
  const auto of_context = [](const crdt::Context& context) { return entry_overhead + 24 * context.items().size(); };
  std::uint64_t bytes = of_context(delta.base) + of_context(delta.upto);
  for (const crdt::KeyState& state : delta.keys) {
    bytes += entry_bytes(state.key, {});
    for (const crdt::Listed& listed : state.listed)
      bytes += entry_bytes({}, listed.reference ? ByteView() : ByteView(listed.entry.value));
  }
  for (const crdt::LogItem& item : delta.removals)
    bytes += entry_bytes(item.key, {}) + item.range.low.size() + item.range.high.size() + of_context(item.observed);
  return bytes;
}

bool fits(const crdt::Delta& delta, crdt::ScopeTable& table, std::uint64_t room) {
  if (listed_bytes(delta) <= room) return true;
  std::uint64_t before = 0, after = 0;
  const auto missing = [&] { return after > before + room; };
  const auto count = [&](ByteView key, const crdt::Cell& cell, const crdt::Cell& rest) {
    before += cell_bytes(key, cell);
    after += cell_bytes(key, rest);
    return missing();
  };
  for (const crdt::KeyState& state : delta.keys) {
    const crdt::Cell cell = table.find(state.key);
    count(state.key, cell, crdt::merge(cell, state.listed, table.context(), delta.upto));
  }
  if (missing() && delta.complete)
    table.scan({}, [&](ByteView key, const crdt::Cell& cell) {
      return lists(delta, key) || count(key, cell, crdt::without(cell, delta.upto));
    });
  std::vector<crdt::RangeDrop> drops;
  for (const crdt::LogItem& item : delta.removals)
    if (item.type == crdt::LogItem::Type::remove_range) drops.push_back({&item.range, &item.observed});
  if (missing() && !delta.complete)
    crdt::find_observed(table, std::move(drops), [&](ByteView key, const crdt::Cell& cell, crdt::Cell&& rest) {
      return lists(delta, key) || count(key, cell, rest);
    });
  return !missing();
}

}  // namespace edgesync::store
