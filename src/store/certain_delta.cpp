// SPDX-License-Identifier: Apache-2.0
#include "store/certain_delta.hpp"

#include <algorithm>

namespace edgesync::store {
namespace {

using crdt::LogItem;

struct Missed {
  bool any = false;     ///< A change of a damaged key.
  bool others = false;  ///< One that is not this replica's own, or that the hub was said to have.
};

Missed missed_damage(SqlTable& table, const crdt::Context& receiver, crdt::Stamp acked) {
  Missed missed;
  const ReplicaId& self = table.file().replica();
  for (const auto& origin : table.context().items())
    table.scan_log(origin.replica, receiver[origin.replica], [&](const LogItem& item) {
      if (item.type == LogItem::Type::remove_range || !table.unknown(item.key)) return true;
      missed.any = true;
      missed.others |= origin.replica != self || item.dot.stamp <= acked;
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

crdt::Delta certain_delta(SqlTable& table, const crdt::Context& receiver, crdt::Stamp acked) {
  crdt::Delta nothing;
  nothing.base = nothing.upto = receiver;
  nothing.summary = table.summary();
  if (!receiver.covers(table.floors())) return nothing;  // only a listing of everything would be exact
  crdt::Delta delta = crdt::make_fast_delta(table, receiver);
  const Missed missed = missed_damage(table, receiver, acked);
  if (!missed.any) return delta;
  if (missed.others || !has_all_others(receiver, table)) return nothing;
  std::erase_if(delta.keys, [&](const crdt::KeyState& state) { return table.unknown(state.key); });
  std::erase_if(delta.removals,
                [&](const LogItem& item) { return item.type == LogItem::Type::remove && table.unknown(item.key); });
  return delta;
}

}  // namespace edgesync::store
