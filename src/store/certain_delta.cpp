// SPDX-License-Identifier: Apache-2.0
#include "store/certain_delta.hpp"

#include <algorithm>

namespace edgesync::store {
namespace {

using crdt::LogItem;

struct Missed {
  bool any = false;     ///< A change of a damaged key.
  bool others = false;  ///< One that is not this replica's own, or that a hub may have.
};

Missed missed_damage(SqlTable& table, const crdt::Context& receiver, const crdt::Context& reached, crdt::Stamp known) {
  Missed missed;
  const ReplicaId& self = table.file().replica();
  for (const auto& origin : reached.items())
    table.scan_log(origin.replica, receiver[origin.replica], [&](const LogItem& item) {
      if (item.dot.stamp > origin.stamp) return false;
      if (item.type == LogItem::Type::remove_range || !table.unknown(item.key)) return true;
      missed.any = true;
      missed.others |= origin.replica != self || item.dot.stamp <= known;
      return true;
    });
  return missed;
}

bool has_all_others(const crdt::Context& receiver, SqlTable& table) {
  return std::all_of(table.context().items().begin(), table.context().items().end(), [&](const auto& item) {
    return item.replica == table.file().replica() || receiver[item.replica] >= item.stamp;
  });
}

}  // namespace

crdt::Chunk certain_chunk(SqlTable& table, const crdt::Context& receiver, crdt::Stamp known, std::size_t bytes_max) {
  crdt::Chunk nothing;
  nothing.delta.base = nothing.delta.upto = nothing.reached = receiver;
  nothing.delta.summary = table.summary();
  if (!receiver.covers(table.floors())) return nothing;  // only a listing of everything would be exact
  crdt::Chunk chunk = crdt::make_chunk(table, receiver, bytes_max);
  const Missed missed = missed_damage(table, receiver, chunk.reached, known);
  if (!missed.any) return chunk;
  if (missed.others || !has_all_others(receiver, table)) return nothing;
  std::erase_if(chunk.delta.keys, [&](const crdt::KeyState& state) { return table.unknown(state.key); });
  std::erase_if(chunk.delta.removals,
                [&](const LogItem& item) { return item.type == LogItem::Type::remove && table.unknown(item.key); });
  return chunk;
}

crdt::Repair certain_repair(SqlTable& table, const std::vector<crdt::KeyRange>& ranges, std::size_t bytes_max) {
  const auto without_damage = [&table](RangeSet set) {
    for (const RangeSet* lost : {&table.state().damaged, &table.noted()})
      for (const crdt::KeyRange& range : lost->ranges()) set.remove(range);
    return set;
  };
  RangeSet asked, told;
  for (const crdt::KeyRange& range : ranges) asked.add(range);
  crdt::Repair repair;
  std::size_t bytes = 0;
  const RangeSet sound = without_damage(asked);
  for (crdt::KeyRange range : sound.ranges()) {
    bool all = true;
    table.scan(range, [&](ByteView key, const crdt::Cell& cell) {
      all = bytes < bytes_max;
      if (!all) return range.high = to_bytes(key), false;
      repair.keys.push_back(crdt::list(key, cell, {}));
      bytes += crdt::cost(repair.keys.back());
      return true;
    });
    if (all || compare(range.low, range.high) < 0) told.add(std::move(range));
    if (!all) break;
  }
  told = without_damage(std::move(told));  // that was met on the way
  std::erase_if(repair.keys, [&](const crdt::KeyState& state) { return !told.contains(state.key); });
  repair.ranges = told.ranges();
  repair.upto = table.context();
  return repair;
}

}  // namespace edgesync::store
