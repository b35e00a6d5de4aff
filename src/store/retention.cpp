// SPDX-License-Identifier: Apache-2.0
#include "store/retention.hpp"

#include "store/ledger.hpp"

#include <algorithm>
#include <optional>

namespace edgesync::store {
namespace {

constexpr std::size_t step_segments = 512;  // a few milliseconds; a commit waits for it

/// The oldest segment of all ids that are ours: those of an earlier id are older.
std::optional<Victim> oldest(SqlTable& table) {
  const auto& selves = table.file().selves;
  for (auto self = selves.rbegin(); self != selves.rend(); ++self) {
    const Oid oid = table.file().origins.find(*self);
    if (oid == 0) continue;
    Query row(table.file().db, Sql::segment_oldest);
    if (row.bind(table.sid()).bind(oid).step())
      return Victim{*self, row.number(0), row.number(1), row.number(2), row.number(3)};
  }
  return std::nullopt;
}

bool newest(SqlTable& table, const Victim& victim) {
  return victim.origin == table.file().replica() && victim.first + victim.count - 1 == table.context()[victim.origin];
}

}  // namespace

void drop_segment(SqlTable& table, const Victim& victim, DropReason why) {
  Query(table.file().db, Sql::segment_delete)
      .bind(table.sid())
      .bind(table.file().origins.find(victim.origin))
      .bind(victim.first)
      .step();
  table.count_bytes(-static_cast<std::int64_t>(victim.bytes + stream::row_overhead));
  add_gap(table, victim.origin, {victim.first, victim.first + victim.count - 1, why});
}

bool drop_oldest(SqlTable& table, DropReason why) {
  const auto victim = oldest(table);
  if (victim) drop_segment(table, *victim, why);
  return victim.has_value() && !table.file().db.failed();
}

bool apply_budget(SqlTable& table, const stream::Budget& budget, std::uint64_t shed) {
  const bool drops_oldest = budget.overflow.kind() == Overflow::Kind::drop_oldest;
  const std::uint64_t held = table.bytes();
  const std::uint64_t target = std::min(budget.quota == 0 ? held : budget.quota, held - std::min(held, shed));
  for (std::size_t i = 0; i < step_segments; ++i) {
    const auto victim = oldest(table);
    if (!victim || table.file().db.failed()) return false;
    const bool old = stream::expired(victim->at, table.file().age, budget.retention);
    // The newest stays, so that a quota below one segment still holds one.
    const bool over = drops_oldest && table.bytes() > target && !newest(table, *victim);
    if (!old && !over) return false;
    drop_segment(table, *victim, old ? DropReason::age : DropReason::quota);
  }
  return true;
}

}  // namespace edgesync::store
