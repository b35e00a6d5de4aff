// SPDX-License-Identifier: Apache-2.0
#include "crdt/repair.hpp"

#include "base/planted.hpp"
#include "crdt/chunk.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace edgesync::crdt {
namespace {

/// Keys that something outside `seen` has touched, by the table's log.
class Touched {
 public:
  Touched(ScopeTable& table, const Context& seen) {
    if (planted(Bug::repair_over_news)) return;
    for (const Context::Item& item : table.context().items())
      table.scan_log(item.replica, seen[item.replica], [&](const LogItem& log) {
        if (log.type == LogItem::Type::remove_range)
          ranges_.push_back(log.range);
        else
          keys_.insert(log.key);
        return true;
      });
  }
  bool contains(ByteView key) const {
    return keys_.contains(key) ||
           std::any_of(ranges_.begin(), ranges_.end(), [&](const KeyRange& range) { return range.contains(key); });
  }
  /// What was written and lost again, neither side may hold.
  const std::set<Bytes, BytesLess>& keys() const noexcept { return keys_; }

 private:
  std::set<Bytes, BytesLess> keys_;
  std::vector<KeyRange> ranges_;
};

/// Entries that came back, until it is known that the log tells of them.
class Returned {
 public:
  void note(const Bytes& key, const Cell& before, const Cell& after) {
    for (const Entry& entry : after)
      if (!holds(before, entry.dot)) dots_[entry.dot.replica].emplace(entry.dot.stamp, key);
  }
  /// A log that has lost some of them has lost removals, too: it must not pass for complete.
  void settle(ScopeTable& table) {
    for (auto& [replica, writes] : dots_) {
      table.scan_log(replica, writes.begin()->first - 1, [&writes = writes](const LogItem& log) {
        if (log.type == LogItem::Type::write) writes.erase({log.dot.stamp, log.key});
        return !writes.empty();
      });
      if (writes.empty()) continue;
      const Context untold({replica, writes.rbegin()->first});
      table.raise_floors(untold);
      std::vector<LogItem> items;
      for (const auto& [stamp, key] : writes) items.push_back({{replica, stamp}, LogItem::Type::write, key, {}, {}});
      table.restore_log(replica, items);
    }
  }

 private:
  std::map<ReplicaId, std::set<std::pair<Stamp, Bytes>>> dots_;
};

Cell cell_of(const KeyState& state) {
  Cell cell;
  for (const Listed& listed : state.listed) cell.push_back(listed.entry);
  return cell;
}

/// All keys of the repair's ranges that anybody knows of, with what the peer holds.
std::map<Bytes, Cell, BytesLess> by_key(CellSource& cells, const Repair& repair, const Touched& touched) {
  std::map<Bytes, Cell, BytesLess> told;
  for (const KeyRange& range : repair.ranges) {
    cells.scan(range, [&](ByteView key, const Cell&) { return told.try_emplace(to_bytes(key)), true; });
    const auto& news = touched.keys();
    for (auto at = news.lower_bound(range.low); at != news.end() && range.contains(*at); ++at) told.try_emplace(*at);
  }
  for (const KeyState& state : repair.keys) {
    told[state.key] = cell_of(state);
  }
  return told;
}

/// An empty bound is beyond every key.
bool ends_before(const Bytes& one, const Bytes& other) noexcept {
  return !one.empty() && (other.empty() || compare(one, other) < 0);
}

bool by_bytes(const KeyState& one, const KeyState& other) noexcept { return compare(one.key, other.key) < 0; }

bool within(const std::vector<KeyRange>& ranges, ByteView key) {
  return std::any_of(ranges.begin(), ranges.end(), [key](const KeyRange& range) { return range.contains(key); });
}

bool all_covered(const Cell& cell, const Context& context) {
  return std::all_of(cell.begin(), cell.end(), [&](const Entry& entry) { return context.covers(entry.dot); });
}

bool all_held(const Cell& cell, const Cell& by) {
  return std::all_of(cell.begin(), cell.end(), [&](const Entry& entry) { return holds(by, entry.dot); });
}

}  // namespace

Repair both(const Repair& one, const Repair& other) {
  Repair all;
  all.upto = one.upto;
  all.upto.join(other.upto);
  for (auto a = one.ranges.begin(), b = other.ranges.begin(); a != one.ranges.end() && b != other.ranges.end();) {
    const KeyRange& first = ends_before(a->high, b->high) ? *a : *b;
    KeyRange shared{std::max(a->low, b->low, BytesLess{}), first.high};
    if (shared.high.empty() || compare(shared.low, shared.high) < 0) all.ranges.push_back(std::move(shared));
    if (&first == &*a)
      ++a;
    else
      ++b;
  }
  std::map<Bytes, Cell, BytesLess> cells;
  for (const KeyState& state : one.keys) cells.emplace(state.key, cell_of(state));
  for (const KeyState& state : other.keys) {
    Cell& cell = cells[state.key];
    cell = merge(cell, state.listed, one.upto, other.upto);
  }
  for (const KeyState& state : one.keys)
    if (!std::binary_search(other.keys.begin(), other.keys.end(), state, by_bytes))
      cells[state.key] = merge(cells[state.key], {}, one.upto, other.upto);
  for (auto& [key, cell] : cells)
    if (!cell.empty() && within(all.ranges, key)) all.keys.push_back(list(key, cell, {}));
  return all;
}

bool repairable(const ScopeTable& table, const Repair& repair, std::span<const Dot> selves) {
  const auto& floors = table.floors().items();
  const auto known = [&](const Context::Item& floor) {
    const auto self =
        std::find_if(selves.begin(), selves.end(), [&](const Dot& one) { return one.replica == floor.replica; });
    const Stamp wanted = self != selves.end() ? std::min(floor.stamp, self->stamp) : floor.stamp;
    return wanted <= repair.upto[floor.replica];
  };
  return table.context().covers(repair.upto) && std::all_of(floors.begin(), floors.end(), known);
}

Repaired apply_repair(ScopeTable& table, const Repair& repair, const Function<bool(ByteView key)>& lost) {
  Repaired repaired;
  Returned returned;
  const Touched touched(table, repair.upto);
  for (const auto& [key, after] : by_key(table, repair, touched)) {
    if (!lost(key)) continue;
    if (touched.contains(key) || !all_covered(after, repair.upto)) {
      repaired.left.push_back(key);
      continue;
    }
    const Cell before = table.find(key);
    if (before == after) continue;
    if (!all_held(before, after)) repaired.dropped.emplace_back(key, before);
    table.replace(key, before, after);
    returned.note(key, before, after);
    repaired.changed.push_back(key);
  }
  returned.settle(table);
  return repaired;
}

}  // namespace edgesync::crdt
