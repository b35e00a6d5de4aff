// SPDX-License-Identifier: Apache-2.0
// Examination: after a crash every row is looked at once, a few at a time, so that opening stays quick and what a disk
// has spoilt is found before it is needed, and while a peer still has it.
#include "store/records.hpp"
#include "store/sqlite_store.hpp"

namespace edgesync::store {

bool SqliteStore::examine_cells(ScopeState& state, std::size_t rows) {
  std::size_t seen = 0;
  Bytes last;
  state.table.scan({examined_->low, {}}, [&](ByteView key, const crdt::Cell&) {
    last = to_bytes(key);
    return ++seen < rows;
  });
  if (seen < rows) return examine_log(state, rows - seen);
  last.push_back(std::byte{0});  // the least key that is greater
  examined_->low = std::move(last);
  return false;
}

bool SqliteStore::examine_log(ScopeState& state, std::size_t rows) {
  const auto& origins = state.durable.context.items();
  for (auto& [origin, at] = examined_->log; origin < origins.size(); ++origin) {
    const Oid oid = file_.origins.find(origins[origin].replica);
    if (at.oid != oid) at = {static_cast<std::uint32_t>(state.scope.id), oid, 0, 0};
    for (;; --rows) {
      if (rows == 0) return false;
      const auto read = state.table.blocks().block_after(at);
      if (state.table.blocks().damaged()) {
        file_.db.take_error();
        return true;  // the sweep reads all of them, and tells
      }
      if (!read) break;
      at = read->block.key();
    }
  }
  return true;
}

bool SqliteStore::examine_records(ScopeState& state) {
  constexpr std::size_t bytes = 64 * 1024;
  for (const auto& item : state.durable.context.items()) {
    const std::uint64_t after = std::max(examined_->after[item.replica], state.durable.floors[item.replica]);
    if (after >= item.stamp) continue;
    const auto segments = read_segments(state.table, item.replica, after, bytes);
    if (!segments) return true;  // checked() tells
    const bool any = !segments->empty();
    examined_->after.advance({item.replica, any ? segments->back().first + segments->back().count - 1 : item.stamp});
    return false;
  }
  return true;
}

Result<bool> SqliteStore::examine(std::size_t rows) {
  if (!examined_) return false;
  if (auto open = revive(); !open) return open.error();
  ScopeState* next = nullptr;
  for (const auto& [sid, state] : states_)
    if (sid >= examined_->sid && (next == nullptr || sid < static_cast<std::uint32_t>(next->scope.id)))
      next = state.get();
  if (next == nullptr) {
    examined_.reset();
    file_.db.leave_log(false);
    return false;
  }
  const auto sid = static_cast<std::uint32_t>(next->scope.id);
  if (sid != examined_->sid) examined_ = Examined{sid, {}, {}, {}};
  const bool whole = next->scope.plane == Plane::stream ? examine_records(*next) : examine_cells(*next, rows);
  const auto good = checked(*next);
  // Pages that are no pages any more stay so: the other scopes are still to be looked at.
  if (whole || (!good && good.error().is(Errc::storage_corrupt))) examined_ = Examined{sid + 1, {}, {}, {}};
  if (!good) return good.error();
  return true;
}

}  // namespace edgesync::store
