// SPDX-License-Identifier: Apache-2.0
#include "crdt/memory_table.hpp"

#include <algorithm>

namespace edgesync::crdt {

Cell MemoryTable::find(ByteView key) {
  const auto at = cells_.find(key);
  return at == cells_.end() ? Cell{} : at->second;
}

void MemoryTable::scan(const KeyRange& range, const Visit& visit) {
  for (auto at = cells_.lower_bound(ByteView(range.low)); at != cells_.end() && range.contains(at->first); ++at)
    if (!visit(at->first, at->second)) return;
}

void MemoryTable::replace(ByteView key, const Cell& before, const Cell& after) {
  for (const Entry& entry : before) summary_.sum -= fingerprint(fingerprint_key_, key, entry);
  for (const Entry& entry : after) summary_.sum += fingerprint(fingerprint_key_, key, entry);
  summary_.count += after.size();
  summary_.count -= before.size();
  const auto at = cells_.find(key);
  if (after.empty()) {
    if (at != cells_.end()) cells_.erase(at);
  } else if (at != cells_.end()) {
    at->second = after;
  } else {
    cells_.emplace(to_bytes(key), after);
  }
}

void MemoryTable::log(const LogItem& item) { log_[item.dot.replica].push_back(item); }

void MemoryTable::scan_log(const ReplicaId& replica, Stamp after, const Function<bool(const LogItem&)>& visit) {
  const auto found = log_.find(replica);
  if (found == log_.end()) return;
  const auto& items = found->second;
  auto at = std::upper_bound(items.begin(), items.end(), after,
                             [](Stamp stamp, const LogItem& item) { return stamp < item.dot.stamp; });
  for (; at != items.end(); ++at)
    if (!visit(*at)) return;
}

void MemoryTable::restore_log(const ReplicaId& replica, std::span<const LogItem> items) {
  std::deque<LogItem>& log = log_[replica];
  log.insert(log.end(), items.begin(), items.end());
  std::stable_sort(log.begin(), log.end(), [](const LogItem& a, const LogItem& b) { return a.dot < b.dot; });
}

void MemoryTable::rewind(const Dot& to) {
  context_ = lowered(context_, to);
  floors_ = lowered(floors_, to);
  std::erase_if(log_[to.replica], [&](const LogItem& item) { return item.dot.stamp > to.stamp; });
}

void MemoryTable::evict_removals(const ReplicaId& replica, Stamp through) {
  const auto found = log_.find(replica);
  if (found == log_.end()) return;
  const auto evicted = std::erase_if(found->second, [&](const LogItem& item) {
    return item.type != LogItem::Type::write && item.dot.stamp <= through;
  });
  if (evicted > 0) floors_.advance({replica, through});
}

void MemoryTable::sweep() {
  for (auto& [replica, items] : log_)
    std::erase_if(items, [&](const LogItem& item) {
      return item.type == LogItem::Type::write && !holds(find(item.key), item.dot);
    });
}

}  // namespace edgesync::crdt
