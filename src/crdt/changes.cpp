// SPDX-License-Identifier: Apache-2.0
#include "crdt/changes.hpp"

#include "base/planted.hpp"
#include "crdt/range_drop.hpp"

#include <algorithm>

namespace edgesync::crdt {
namespace {

constexpr std::size_t write_overhead = 96;  // map node, entry and vector headers

std::size_t cost(ByteView key, const std::optional<Entry>& entry) noexcept {
  return write_overhead + key.size() + (entry ? entry->value.size() : 0);
}

std::size_t cost(const Changes::RangeRemoval& removal) noexcept {
  return write_overhead + removal.range.low.size() * 2 + removal.observed.items().size() * sizeof(Context::Item);
}

bool contains(const KeyRange& outer, const KeyRange& inner) noexcept {
  const bool high = outer.high.empty() || (!inner.high.empty() && compare(inner.high, outer.high) <= 0);
  return high && compare(outer.low, inner.low) <= 0;
}

bool removed(const Changes& changes, ByteView key) noexcept {
  return std::any_of(changes.ranges.begin(), changes.ranges.end(),
                     [&](const Changes::RangeRemoval& removal) { return removal.range.contains(key); });
}

/// Everything a local operation saw: the context when the changes began, and all own dots.
Context observed_with_own(const Changes& changes, const ReplicaId& self) {
  Context observed = changes.observed;
  observed.advance({self, changes.last});
  return observed;
}

/// `cell` after `write`, which replaces what it observed.
Cell written(const Cell& cell, const Changes::Write& write, const Context& observed) {
  Cell after = planted(Bug::overwrite_all) ? Cell{} : without(cell, observed);
  if (write.entry) {
    after.push_back(*write.entry);
    std::sort(after.begin(), after.end(), [](const Entry& a, const Entry& b) { return a.dot < b.dot; });
  }
  return after;
}

void apply_write(ScopeTable& table, ByteView key, const Changes::Write& write, const Context& observed) {
  const Cell before = table.find(key);
  table.replace(key, before, written(before, write, observed));
}

}  // namespace

void Changes::write(ByteView key, Stamp stamp, std::optional<Entry> entry) {
  const auto at = writes.find(key);
  bytes += cost(key, entry);
  if (at == writes.end()) {
    writes.emplace(to_bytes(key), Write{stamp, std::move(entry)});
  } else {
    bytes -= cost(key, at->second.entry);
    at->second = {stamp, std::move(entry)};
  }
  last = std::max(last, stamp);
}

void Changes::remove_range(Stamp stamp, KeyRange range, Context seen) {
  for (auto at = writes.lower_bound(ByteView(range.low)); at != writes.end() && range.contains(at->first);) {
    bytes -= cost(at->first, at->second.entry);
    at = writes.erase(at);
  }
  std::erase_if(ranges, [&](const RangeRemoval& earlier) {  // a later removal of more makes an earlier one say nothing
    const bool superseded = contains(range, earlier.range) && seen.covers(earlier.observed);
    if (superseded) bytes -= cost(earlier);
    return superseded;
  });
  ranges.push_back({stamp, std::move(range), std::move(seen)});
  bytes += cost(ranges.back());
  last = std::max(last, stamp);
}

void Changes::append(Changes&& later) {
  if (empty()) observed.join(later.observed);
  for (RangeRemoval& removal : later.ranges)
    remove_range(removal.stamp, std::move(removal.range), std::move(removal.observed));
  for (auto& [key, write] : later.writes) this->write(key, write.stamp, std::move(write.entry));
  last = std::max(last, later.last);
}

bool Overlay::decides(ByteView key) const noexcept {
  return !concurrent && (changes_.writes.contains(key) || removed(changes_, key));
}

Cell Overlay::seen(ByteView key, const Cell& below) const {
  Cell cell = below;
  for (const Changes::RangeRemoval& removal : changes_.ranges)
    if (removal.range.contains(key)) cell = without(cell, removal.observed);
  const auto at = changes_.writes.find(key);
  if (at == changes_.writes.end()) return cell;
  return written(cell, at->second, observed_with_own(changes_, self_));
}

Cell Overlay::find(ByteView key) { return seen(key, decides(key) ? Cell{} : base_.find(key)); }

void Overlay::scan(const KeyRange& range, const Visit& visit) {
  auto next = changes_.writes.lower_bound(ByteView(range.low));
  const auto end = changes_.writes.end();
  bool more = true;
  const auto emit = [&](ByteView key, const Cell& below) {
    const Cell cell = seen(key, below);
    more = cell.empty() || visit(key, cell);
    return more;
  };
  base_.scan(range, [&](ByteView key, const Cell& below) {
    for (; more && next != end && compare(next->first, key) < 0; ++next) emit(next->first, {});
    if (next != end && equal(next->first, key)) ++next;
    return more && emit(key, below);
  });
  for (; more && next != end && range.contains(next->first); ++next) emit(next->first, {});
}

void apply_changes(ScopeTable& table, const ReplicaId& self, const Changes& changes) {
  if (changes.empty()) return;
  const Context observed = observed_with_own(changes, self);
  std::vector<RangeDrop> drops;
  for (const Changes::RangeRemoval& removal : changes.ranges) drops.push_back({&removal.range, &removal.observed});
  drop_observed(table, std::move(drops));
  std::vector<LogItem> items;
  for (const Changes::RangeRemoval& removal : changes.ranges)
    items.push_back({{self, removal.stamp}, LogItem::Type::remove_range, {}, removal.range, removal.observed});
  for (const auto& [key, write] : changes.writes) {
    apply_write(table, key, write, observed);
    items.push_back({{self, write.stamp}, write.entry ? LogItem::Type::write : LogItem::Type::remove, key, {}, {}});
  }
  std::stable_sort(items.begin(), items.end(),
                   [](const LogItem& a, const LogItem& b) { return a.dot.stamp < b.dot.stamp; });
  for (const LogItem& item : items) table.log(item);
  if (planted(Bug::forget_context)) return;
  const Context reached({self, changes.last});
  table.advance(reached);
}

}  // namespace edgesync::crdt
