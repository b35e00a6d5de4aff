// SPDX-License-Identifier: Apache-2.0
// Scopes that are given up, and taken up again: replication is by context, and the context goes with the content. What
// stays is how far this replica had written there ("own-dots rule"): until that much has come back, a new transaction
// under the same id would cover the old ones, and make peers that lack them take them for seen and gone.
#include "store/records.hpp"
#include "store/retention.hpp"
#include "store/sqlite_store.hpp"

#include <array>

namespace edgesync::store {

void SqlTable::wipe() {
  constexpr std::array all{Sql::wipe_cells,   Sql::wipe_log,     Sql::wipe_contexts, Sql::wipe_versions,
                           Sql::wipe_history, Sql::damage_clear, Sql::wipe_counters, Sql::wipe_stages,
                           Sql::wipe_chunks,  Sql::wipe_previews};
  for (const Sql sql : all) Query(file_.db, sql).bind(sid_).step();
  state_ = {};
  log_.drop_tails();
  risen_.clear();
  replaced_.clear();
  noted_ = {};
  wants_sweep_ = false;
  journal_bytes_.reset();
  told_.reset();
  summary_dirty_ = true;
}

/// A stream's numbers go on where they were: only the records go.
void wipe_records(SqlTable& table, const crdt::Context& acked) {
  for (const auto& item : table.context().items()) {
    const bool own = table.file().is_self(item.replica);
    trim_records(table, {item.replica, own ? std::min(acked[item.replica], item.stamp) : item.stamp});
  }
  while (drop_oldest(table, DropReason::policy)) {
  }
}

Ticket SqliteStore::give_up(ScopeId id) {
  ScopeState* state = find(id);
  if (state == nullptr || state->policy.given_up) return accepted_;
  Policy& policy = state->policy;
  if (state->scope.plane != Plane::stream) {
    const crdt::Stamp own = std::max(state->durable.context[replica()], state->last_own);
    if (own > former_own(id)) policy.own = {replica(), own};
    state->acked = state->stable = {};
  }
  policy.given_up = state->wipe = true;
  policy.refusal.reset();
  state->last_own = 0;
  state->policy_dirty = true;
  bytes_ -= std::min(bytes_, state->memtable.bytes());
  state->memtable = {};
  streams_unwritten_ -= std::exchange(state->unwritten, 0);
  state->left_out = {};
  state->runs.clear(), state->holes.clear(), state->trims.clear();
  std::erase_if(state->versions, [](const VersionOp& op) { return op.kind != VersionOp::Kind::memo; });
  state->acks_dirty.clear(), state->stages_ended.clear();
  state->sweep = false;
  state->suspicion = {};
  return ticket(*state);
}

void SqliteStore::take_up(ScopeState& state) {
  if (!std::exchange(state.policy.given_up, false)) return;
  state.policy_dirty = true;
  touch(state);
}

crdt::Stamp SqliteStore::former_own(ScopeId id) const {
  const ScopeState* state = find(id);
  if (state == nullptr) return 0;
  const crdt::Dot& own = state->policy.own;
  return own.replica == replica() && own.stamp > state->durable.context[replica()] ? own.stamp : 0;
}

}  // namespace edgesync::store
