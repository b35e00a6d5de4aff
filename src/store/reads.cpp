// SPDX-License-Identifier: Apache-2.0
// Reads: the memtable over the file for the application, the file alone for peers.
#include "base/planted.hpp"
#include "store/certain_delta.hpp"
#include "store/journal.hpp"
#include "store/letters.hpp"
#include "store/patches.hpp"
#include "store/preview.hpp"
#include "store/records.hpp"
#include "store/sqlite_store.hpp"
#include "store/upkeep.hpp"
#include "store/verify.hpp"
#include "store/version_rows.hpp"

#include <algorithm>

namespace edgesync::store {
namespace {

Error no_scope() { return {Errc::not_found, "store: no such scope"}; }

bool gone(const ScopeState* state) noexcept { return state == nullptr || state->policy.given_up; }

void older(std::optional<Timestamp>& oldest, Timestamp at) { oldest = oldest ? std::min(*oldest, at) : at; }

}  // namespace

Result<void> SqliteStore::read(ScopeId id, const Function<void(crdt::CellSource&)>& read) {
  if (auto open = revive(); !open) return open.error();
  ScopeState* state = find(id);
  if (gone(state)) return no_scope();
  const auto seen = [&](crdt::CellSource& file) {
    MemtableView view(file, state->memtable, file_.replica());
    read(planted(Bug::hide_own_writes) ? file : view);
  };
  const Oid from = previewed(*state);
  PreviewView early(state->table, from);
  seen(from != 0 ? static_cast<crdt::CellSource&>(early) : state->table);
  return checked(*state);
}

/// The peer of whose stage the application sees what has come; 0: none.
Oid SqliteStore::previewed(const ScopeState& state) const noexcept {
  const Stages& stages = state.durable.stages;
  if (!state.preview || stages.empty() || !previewable(file_, state.durable.context)) return 0;
  return file_.origins.find(stages.begin()->first);
}

void SqliteStore::preview(ScopeId id) {
  if (ScopeState* state = find(id)) state->preview = true;
}

Result<void> SqliteStore::checked(ScopeState& state) {
  look_back(state);
  auto unknown = state.table.take_unknown();
  if (auto good = file_.check(); !good) return good;
  if (unknown) return *std::move(unknown);
  return {};
}

Result<void> SqliteStore::look(ScopeId id, const Function<void(crdt::CellSource&)>& look) {
  if (auto open = steady(); !open) return open;
  ScopeState* state = find(id);
  if (gone(state) || state->scope.plane == Plane::stream) return no_scope();
  const std::size_t known = state->table.noted().ranges().size();
  look(state->table);
  const bool found = state->table.noted().ranges().size() > known;
  if (auto good = checked(*state); !good) return good;
  // What is missing by damage would be taken for removed.
  if (found) return Error(Errc::storage_corrupt, "store: scope " + state->scope.name + ": damaged rows");
  return {};
}

Result<crdt::Delta> SqliteStore::delta(ScopeId id, const crdt::Context& receiver, bool searched) {
  if (auto open = steady(); !open) return open.error();
  ScopeState* state = find(id);
  if (gone(state) || state->scope.plane == Plane::stream) return no_scope();
  SqlTable& table = state->table;
  crdt::Delta delta;
  if (!table.damaged()) delta = searched ? crdt::make_fast_delta(table, receiver) : crdt::make_delta(table, receiver);
  if (table.damaged()) delta = certain_chunk(table, receiver, perhaps_known(*state), SIZE_MAX).delta;
  if (auto good = told(*state); !good) return good.error();
  return delta;
}

Result<std::optional<crdt::Delta>> SqliteStore::small_delta(ScopeId id, const crdt::Context& receiver, bool searched,
                                                            std::size_t bytes_max) {
  if (auto open = steady(); !open) return open.error();
  ScopeState* state = find(id);
  if (gone(state) || state->scope.plane == Plane::stream) return no_scope();
  std::optional<crdt::Delta> delta;
  if (!searched && !state->table.damaged()) delta = crdt::make_small_delta(state->table, receiver, bytes_max);
  if (searched || state->table.damaged()) {
    crdt::Chunk all = sound_chunk(*state, receiver, bytes_max);
    delta = all.last() ? std::optional(std::move(all.delta)) : std::nullopt;
  }
  if (auto good = told(*state); !good) return good.error();
  return delta;
}

Result<crdt::Chunk> SqliteStore::chunk(ScopeId id, const crdt::Context& told, std::size_t bytes_max) {
  if (auto open = steady(); !open) return open.error();
  ScopeState* state = find(id);
  if (gone(state) || state->scope.plane == Plane::stream) return no_scope();
  crdt::Chunk chunk = sound_chunk(*state, told, bytes_max);
  if (auto good = this->told(*state); !good) return good.error();
  return chunk;
}

Result<crdt::Repair> SqliteStore::repair(ScopeId id, const std::vector<crdt::KeyRange>& ranges, std::size_t bytes_max) {
  if (auto open = steady(); !open) return open.error();
  ScopeState* state = find(id);
  if (state == nullptr || state->scope.plane == Plane::stream) return no_scope();
  crdt::Repair repair = certain_repair(state->table, ranges, bytes_max);
  if (auto good = told(*state); !good) return good.error();
  return repair;
}

/// Damage may be found as the chunk is read.
crdt::Chunk SqliteStore::sound_chunk(ScopeState& state, const crdt::Context& told, std::size_t bytes_max) {
  if (!state.table.damaged()) {
    crdt::Chunk chunk = crdt::make_chunk(state.table, told, bytes_max);
    if (!state.table.damaged()) return chunk;
  }
  return certain_chunk(state.table, told, perhaps_known(state), bytes_max);
}

/// After a read for a peer: rows that it met damaged are none of its answer.
Result<void> SqliteStore::told(ScopeState& state) {
  look_back(state);
  state.table.take_unknown();
  return file_.check();
}

Result<std::vector<StoredSegment>> SqliteStore::segments(ScopeId id, const ReplicaId& origin, std::uint64_t after,
                                                         std::size_t bytes_max) {
  if (auto open = revive(); !open) return open.error();
  ScopeState* state = find(id);
  if (gone(state)) return no_scope();
  auto read = read_segments(state->table, origin, after, bytes_max);
  look_back(*state);
  return read;
}

Result<std::vector<VersionRow>> SqliteStore::versions(ScopeId id) {
  if (auto open = revive(); !open) return open.error();
  ScopeState* state = find(id);
  if (gone(state)) return no_scope();
  auto read = read_versions(state->table, state->versions);
  look_back(*state);
  return read;
}

Result<Bytes> SqliteStore::memo(ScopeId id, std::string_view name) {
  ScopeState* state = find(id);
  if (state == nullptr) return Error(Errc::not_found, "memo: unknown scope");
  if (auto open = revive(); !open) return open.error();
  return read_memo(state->table, name, state->versions);
}

Result<std::map<std::string, Bytes>> SqliteStore::memos(ScopeId id, std::string_view prefix) {
  ScopeState* state = find(id);
  if (state == nullptr) return Error(Errc::not_found, "memos: unknown scope");
  if (auto open = revive(); !open) return open.error();
  return read_memos(state->table, prefix, state->versions);
}

Result<config::Release> SqliteStore::release(ScopeId id, const VersionKey& version) {
  if (auto open = revive(); !open) return open.error();
  ScopeState* state = find(id);
  if (gone(state)) return no_scope();
  auto read = read_release(state->table, version, state->versions);
  look_back(*state);
  return read;
}

Result<std::uint64_t> SqliteStore::versions_bytes(ScopeId id) {
  if (auto open = revive(); !open) return open.error();
  ScopeState* state = find(id);
  return gone(state) ? Result<std::uint64_t>(no_scope()) : read_version_bytes(state->table);
}

Result<Bytes> SqliteStore::content(ScopeId id, ByteView content) {
  if (auto open = revive(); !open) return open.error();
  ScopeState* state = find(id);
  return gone(state) ? Result<Bytes>(no_scope()) : find_content(state->table, content);
}

Result<std::vector<JournalEntry>> SqliteStore::journal(ScopeId id, std::size_t limit) {
  if (auto open = revive(); !open) return open.error();
  ScopeState* state = find(id);
  if (gone(state)) return no_scope();
  auto read = read_journal(state->table, id, limit);
  look_back(*state);
  return read;
}

Result<Store::Pending> SqliteStore::pending(ScopeId id) {
  if (auto open = revive(); !open) return open.error();
  ScopeState* state = find(id);
  if (gone(state)) return no_scope();
  return state->scope.plane == Plane::stream ? pending_records(*state) : pending_cells(*state);
}

Result<Store::Pending> SqliteStore::pending_cells(ScopeState& state) {
  Pending pending;
  const auto count = [&pending](crdt::Stamp stamp) {
    ++pending.count;
    older(pending.oldest, crdt::Hlc::wall(stamp));
  };
  for (const ReplicaId& self : selves_)
    state.table.scan_log(self, state.acked[self], [&](const crdt::LogItem& item) {
      const bool range = item.type == crdt::LogItem::Type::remove_range;
      const bool overtaken = !range && state.memtable.writes(item.key);
      const bool live = item.type != crdt::LogItem::Type::write || holds(state.table.find(item.key), item.dot);
      if (live && !overtaken) count(item.dot.stamp);
      return true;
    });
  for (const Memtable::Generation& generation : state.memtable.generations()) {
    for (const auto& [key, write] : generation.changes.writes) count(write.stamp);
    for (const auto& range : generation.changes.ranges) count(range.stamp);
  }
  look_back(state);
  state.table.take_unknown();
  if (auto good = file_.check(); !good) return good.error();
  return pending;
}

Result<Store::Pending> SqliteStore::pending_records(ScopeState& state) {
  Pending pending;
  for (const ReplicaId& self : selves_) {
    const std::uint64_t done = std::max(state.acked[self], state.durable.floors[self]);
    const std::uint64_t last = state.durable.context[self];
    if (last <= done) continue;
    pending.count += last - done;
    if (const auto own = state.durable.ledger.gaps.find(self); own != state.durable.ledger.gaps.end())
      for (const Gap& gap : own->second)
        if (gap.last > done) pending.count -= gap.last - std::max(gap.first - 1, done);
    const auto first = read_segments(state.table, self, done, 1);
    if (!first) return first.error();
    if (first->empty()) continue;
    if (const auto info = stream::inspect(first->front().body)) older(pending.oldest, info->from);
  }
  for (const Run& run : state.runs) {
    pending.count += run.segment.count;
    older(pending.oldest, run.oldest);
  }
  return pending;
}

Result<std::vector<std::string>> SqliteStore::verify() {
  if (auto open = revive(); !open) return open.error();
  std::vector<std::string> findings;
  verify_pages(file_, findings);
  for (const Scope& scope : scopes()) {
    ScopeState& state = *find(scope.id);
    verify_scope(state.table, scope, findings);
    look_back(state);
  }
  return findings;
}

Result<std::vector<Quarantined>> SqliteStore::quarantine(std::uint64_t after, std::size_t limit) {
  if (auto open = revive(); !open) return open.error();
  auto rows = read_aside(file_, after, limit);
  if (!rows) return rows.error();
  std::vector<Quarantined> items;
  for (AsideRow& row : *rows) {
    if (const ScopeState* state = find(static_cast<ScopeId>(row.sid)))
      row.item.plane = state->scope.plane, row.item.scope = state->scope.name;
    describe(row.sid, row.item, file_.origins);
    items.push_back(std::move(row.item));
  }
  return items;
}

Result<QuarantineCounts> SqliteStore::quarantined() {
  if (auto open = revive(); !open) return open.error();
  return count_aside(file_);
}

Result<void> SqliteStore::backup(const std::string& path) {
  if (auto open = revive(); !open) return open;
  return file_.backup(path);
}

Result<void> SqliteStore::compact(std::size_t removals_max) {
  if (auto open = revive(); !open) return open;
  auto done = compact_scopes(removals_max);
  for (auto& [sid, state] : states_) {
    look_back(*state);
    state->table.take_unknown();  // nobody asked for the keys that it met
  }
  if (!done || file_.db.log_doubtful()) {
    file_.db.close(true);
    for (auto& [sid, state] : states_) state->table.reset(state->durable);
    if (!doubtful_) doubtful_ = batch_;  // what was written under the last batch's number may be there and not durable
    revive().ignore();
    return done;
  }
  for (auto& [sid, state] : states_) state->durable = state->table.state();
  return {};
}

Result<void> SqliteStore::compact_scopes(std::size_t removals_max) {
  Query(file_.db, Sql::begin).step();
  for (auto& [sid, state] : states_) {
    if (state->scope.plane == Plane::stream || !state->stored) continue;
    compact_log(state->table, removals_max);
    state->table.save();
  }
  if (auto good = file_.check(); !good) return good;
  return file_.commit(batch_);
}

}  // namespace edgesync::store
