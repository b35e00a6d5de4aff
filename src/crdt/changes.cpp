// SPDX-License-Identifier: Apache-2.0
#include "crdt/changes.hpp"

#include "base/planted.hpp"

#include <algorithm>

namespace edgesync::crdt {
namespace {

constexpr std::size_t write_overhead = 96;  // map node, entry and vector headers

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

void apply_write(ScopeTable& table, ByteView key, const Changes::Write& write, const Context& observed) {
  const Cell before = table.find(key);
  Cell after = without(before, observed);
  if (write.entry) {
    after.push_back(*write.entry);
    std::sort(after.begin(), after.end(), [](const Entry& a, const Entry& b) { return a.dot < b.dot; });
  }
  table.replace(key, before, after);
}

}  // namespace

void Changes::write(ByteView key, Stamp stamp, std::optional<Entry> entry) {
  const std::size_t size = write_overhead + key.size() + (entry ? entry->value.size() : 0);
  const auto at = writes.find(key);
  if (at == writes.end()) {
    writes.emplace(to_bytes(key), Write{stamp, std::move(entry)});
    bytes += size;
  } else {
    bytes += entry ? entry->value.size() : 0;
    bytes -= at->second.entry ? at->second.entry->value.size() : 0;
    at->second = {stamp, std::move(entry)};
  }
  last = std::max(last, stamp);
}

void Changes::remove_range(Stamp stamp, KeyRange range, Context seen) {
  for (auto at = writes.lower_bound(ByteView(range.low)); at != writes.end() && range.contains(at->first);)
    at = writes.erase(at);
  bytes += write_overhead + range.low.size() * 2 + seen.items().size() * 24;
  ranges.push_back({stamp, std::move(range), std::move(seen)});
  last = std::max(last, stamp);
}

void Changes::append(Changes&& later) {
  for (RangeRemoval& removal : later.ranges)
    remove_range(removal.stamp, std::move(removal.range), std::move(removal.observed));
  for (auto& [key, write] : later.writes) this->write(key, write.stamp, std::move(write.entry));
  last = std::max(last, later.last);
}

bool Overlay::decides(ByteView key) const noexcept {
  return !concurrent && (changes_.writes.contains(key) || removed(changes_, key));
}

Cell Overlay::seen(ByteView key, const Cell& below) const {
  const auto at = changes_.writes.find(key);
  if (at != changes_.writes.end()) {
    Cell cell = without(below, observed_with_own(changes_, self_));
    if (at->second.entry) cell.push_back(*at->second.entry);
    return cell;
  }
  Cell cell = below;
  for (const Changes::RangeRemoval& removal : changes_.ranges)
    if (removal.range.contains(key)) cell = without(cell, removal.observed);
  return cell;
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
  for (const Changes::RangeRemoval& removal : changes.ranges) drop_observed(table, removal.range, removal.observed);
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
  Context reached;
  reached.advance({self, changes.last});
  table.advance(reached);
}

}  // namespace edgesync::crdt
