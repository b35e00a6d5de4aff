// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite_store.hpp"

#include "base/path.hpp"
#include "base/planted.hpp"
#include "store/salvage.hpp"
#include "store/upkeep.hpp"

#include <algorithm>

namespace edgesync::store {
namespace {

const crdt::Context no_context;
const Stages no_stages;

Hash128 draw_secret(Random& random) {
  const std::uint64_t first = random.next();
  return {first, random.next()};
}

}  // namespace

Result<std::unique_ptr<Store>> Store::open(Options options, Random& random, Timestamp now) {
  const ReplicaId fresh = random.id();
  const std::string path = options.path;
  const bool files = options.vfs.empty(), may_salvage = options.salvage && files;
  if (files)
    if (auto completed = complete_salvage(path); !completed) return completed.error();
  auto store = std::make_unique<SqliteStore>(std::move(options), draw_secret(random));
  auto started = store->start(fresh, now);
  if (!started && started.error().is(Errc::storage_corrupt) && may_salvage) {
    store->close();
    const auto salvaged = salvage(path, random);
    if (!salvaged) return Error(started.error().code, started.error().detail + "; " + salvaged.error().detail);
    started = store->start(fresh, now);
    if (started) store->report({Errc::storage_corrupt, "salvaged: " + salvaged->report});
  }
  if (!started) return started.error();
  return std::unique_ptr<Store>(std::move(store));
}

void SqliteStore::close() { file_.db.close(true); }

void SqliteStore::report(Error fault) {
  faults_.emplace_back(ScopeId{}, std::move(fault));
  ++accepted_;  // so that somebody comes to hear of it
}

SqliteStore::SqliteStore(Options options, const Hash128& secret)
    : options_(std::move(options)),
      file_(options_.path, options_.vfs, options_.cache_bytes, options_.ballast_bytes),
      secret_(secret),
      clock_(secret, 0) {}

Result<void> SqliteStore::start(const ReplicaId& fresh, Timestamp now) {
  auto loaded = file_.open(fresh);
  if (!loaded) return loaded.error();
  if (file_.db.log_left()) {
    examined_ = Examined{};
    file_.db.leave_log(true);  // whoever closes it before it is examined leaves that to the next
  }
  // What an earlier process wrote and did not live to sync, or failed to, may be in the system's cache only: it would
  // be shipped and acknowledged, and then a power cut would take it.
  if (!planted(Bug::trust_cache))
    if (auto durable = file_.db.rewrite_log(); !durable) return durable;
  auto renamed = file_.settle_identity(options_.environment ? options_.environment() : Environment{}, fresh, *loaded);
  if (!renamed) return renamed.error();
  renamed_ = *std::move(renamed);
  salvaged_ = loaded->salvaged;
  take_selves(std::move(loaded->former));
  age_saved_ = loaded->clock;
  age_.start(loaded->clock, loaded->age, options_.boot, options_.since_boot);
  lineage_ = std::move(loaded->lineage);
  if (auto good = load(*loaded); !good) return good;
  install(*loaded);
  file_.now = now;
  if (renamed_) end_stages();
  if (auto swept = sweep_suspicious(); !swept) return swept;
  for (auto& [sid, state] : states_) {
    if (state->scope.plane == Plane::stream) continue;
    state->last_own = state->elsewhere = state->durable.context[file_.replica()];
    lineage_from_ = std::max(lineage_from_, state->last_own + 1);
    observe_context(state->durable.context, now);
  }
  return {};
}

/// What peers told the original is not gone on with: they and it have not stood still.
void SqliteStore::end_stages() {
  for (auto& [sid, state] : states_) {
    for (const auto& [from, stage] : state->durable.stages) state->stages_ended.push_back(file_.origins.find(from));
    if (!state->stages_ended.empty()) touch(*state);
  }
}

Result<void> SqliteStore::sweep_suspicious() {
  if (touched_.empty()) return {};
  auto batch = begin_flush();
  write(*batch);
  Flushed flushed = finish(std::move(batch));
  if (flushed.error) return *std::move(flushed.error);
  faults_ = std::move(flushed.faults);
  ++accepted_;  // so that somebody comes to hear of it
  return {};
}

void SqliteStore::sweep_with_next(ScopeState& state) {
  if (std::exchange(state.sweep, true)) return;
  touch(state);
  ++accepted_;
}

void SqliteStore::look_back(ScopeState& state) {
  if (!state.table.wants_sweep() && !state.table.blocks().damaged()) return;
  state.noted = state.table.noted();
  sweep_with_next(state);
}

void SqliteStore::take_selves(std::vector<Former> former) {
  former_ = std::move(former);
  selves_ = {file_.replica()};
  for (const Former& self : former_) selves_.push_back(self.id);
  file_.selves = selves_;
}

Result<void> SqliteStore::load(const Loaded& loaded) {
  for (const LoadedScope& scope : loaded.scopes) {
    auto policy = Policy::decode(scope.policy);
    if (!policy)
      return Error(Errc::storage_corrupt, "store: " + options_.path + ": policy of scope \"" + scope.name + '"');
    ScopeState& state = add({static_cast<ScopeId>(scope.sid), scope.plane, scope.name});
    state.policy = *std::move(policy);
    state.acked = scope.acked;
    state.stable = scope.stable;
    state.told_missing = scope.told_missing;
  }
  return {};
}

void SqliteStore::install(Loaded& loaded) {
  batch_ = std::max(batch_, loaded.batch);
  for (auto& [sid, state] : states_) state->stored = false;
  streams_held_ = 0;
  for (LoadedScope& scope : loaded.scopes)
    if (ScopeState* state = find(static_cast<ScopeId>(scope.sid))) install(*state, scope);
  for (auto& [sid, state] : states_) {
    if (state->stored) continue;
    state->durable = {};
    state->table.reset({});
    touch(*state);
  }
}

void SqliteStore::install(ScopeState& state, LoadedScope& loaded) {
  if (!(state.durable.context == loaded.durable.context)) state.memtable.learned();
  state.stored = true;
  if (!loaded.lost.empty() || loaded.lost_summary) {
    state.suspicion = {std::move(loaded.lost), loaded.lost_summary};
    sweep_with_next(state);
  }
  if (!loaded.stages_lost.empty()) {
    state.stages_ended = std::move(loaded.stages_lost);
    faults_.emplace_back(state.scope.id, Error(Errc::storage_corrupt,
                                               "scope " + state.scope.name + ": damaged: cuts that were kept aside"));
    touch(state);
    ++accepted_;
  }
  state.durable = loaded.durable;
  state.table.reset(std::move(loaded.durable));
  streams_held_ += budgeted(state) ? state.durable.log_items : 0;
  const std::uint64_t own = state.durable.context[file_.replica()];
  if (state.scope.plane != Plane::stream)
    clock_.pass(std::max(own, state.policy.own.replica == file_.replica() ? state.policy.own.stamp : 0));
  if (state.runs.empty() && state.holes.empty()) state.next_sequence = own + 1;
  state.sealed = own;  // a peer may hold these as they are: whether they were sent is not known any more
}

void SqliteStore::observe_context(const crdt::Context& context, Timestamp now) {
  for (const crdt::Context::Item& item : context.items()) clock_.observe(item.stamp, now, options_.clock_drift_max);
}

ScopeState* SqliteStore::find(ScopeId id) const noexcept {
  const auto at = states_.find(static_cast<std::uint32_t>(id));
  return at == states_.end() ? nullptr : at->second.get();
}

ScopeState& SqliteStore::add(Scope scope) {
  const auto sid = static_cast<std::uint32_t>(scope.id);
  last_sid_ = std::max(last_sid_, sid);
  names_[{scope.plane, scope.name}] = scope.id;
  return *(states_[sid] = std::make_unique<ScopeState>(file_, std::move(scope)));
}

void SqliteStore::touch(ScopeState& state) {
  if (!std::exchange(state.touched, true)) touched_.push_back(&state);
}

Ticket SqliteStore::ticket(ScopeState& state) {
  touch(state);
  return ++accepted_;
}

Result<ScopeId> SqliteStore::open_scope(Plane plane, std::string_view name) {
  if (plane < Plane::state || plane > Plane::stream) return Error(Errc::invalid_argument, "scope: unknown plane");
  if (auto good = check_path("scope", name); !good) return good.error();
  if (const auto known = names_.find({plane, std::string(name)}); known != names_.end()) {
    take_up(*find(known->second));
    return known->second;
  }
  ScopeState& state = add({static_cast<ScopeId>(last_sid_ + 1), plane, std::string(name)});
  touch(state);
  return state.scope.id;
}

std::optional<ScopeId> SqliteStore::find_scope(Plane plane, std::string_view name) const {
  const auto at = names_.find({plane, std::string(name)});
  if (at == names_.end() || find(at->second)->policy.given_up) return std::nullopt;
  return at->second;
}

std::vector<Scope> SqliteStore::scopes() const {
  std::vector<Scope> scopes;
  for (const auto& [sid, state] : states_)
    if (!state->policy.given_up) scopes.push_back(state->scope);
  std::sort(scopes.begin(), scopes.end(), [](const Scope& a, const Scope& b) { return a.id < b.id; });
  return scopes;
}

Scope SqliteStore::scope(ScopeId id) const {
  const ScopeState* state = find(id);
  return state != nullptr ? state->scope : Scope{};
}

void SqliteStore::watch(ScopeId id, bool on) {
  if (ScopeState* state = find(id)) state->watched = on;
}

void SqliteStore::keep_history(ScopeId id, std::uint32_t versions) {
  ScopeState* state = find(id);
  if (state == nullptr || state->policy.history == versions) return;
  state->policy.history = versions;
  state->policy_dirty = true;
  touch(*state);
}

const crdt::Context& SqliteStore::context(ScopeId id) const {
  const ScopeState* state = find(id);
  return state != nullptr ? state->durable.context : no_context;
}

crdt::Summary SqliteStore::summary(ScopeId id) const {
  const ScopeState* state = find(id);
  return state != nullptr ? state->durable.summary : crdt::Summary{};
}

void SqliteStore::another_hub() {
  for (auto& [sid, state] : states_)
    if (state->scope.plane != Plane::stream) state->elsewhere = state->durable.context[file_.replica()];
}

/// Own changes up to here may be known to any hub; later ones to the one that is linked at most, which says so.
crdt::Stamp SqliteStore::perhaps_known(const ScopeState& state) const {
  const ReplicaId& self = file_.replica();
  return std::max(state.acked[self], std::min(state.elsewhere, state.durable.context[self]));
}

bool SqliteStore::loss_in_doubt(ScopeId id) {
  ScopeState* state = find(id);
  if (state == nullptr || !state->table.damaged()) return false;
  const ReplicaId& self = file_.replica();
  const crdt::Stamp acked = state->acked[self], known = perhaps_known(*state);
  // A floor that high: blocks of the log are lost as well.
  bool doubt = known > acked && state->durable.floors[self] > acked;
  if (known > acked && !doubt)
    state->table.scan_log(self, acked, [&](const crdt::LogItem& item) {
      doubt =
          item.dot.stamp <= known && item.type != crdt::LogItem::Type::remove_range && state->table.unknown(item.key);
      return !doubt && item.dot.stamp <= known;
    });
  return doubt;
}

void SqliteStore::end_doubt(ScopeId id) {
  if (ScopeState* state = find(id)) state->elsewhere = 0;
}

std::uint64_t SqliteStore::bytes(ScopeId id) const {
  const ScopeState* state = find(id);
  if (state == nullptr) return 0;
  return state->scope.plane == Plane::stream ? state->durable.log_items : state->durable.bytes;
}

Held SqliteStore::held(std::optional<Plane> plane, std::string_view scopes) const {
  Held sum;
  const bool all = scopes == "*";
  const std::string first(scopes.substr(0, scopes.size() - (scopes.ends_with('*') ? 1 : 0)));
  for (const Plane one : {Plane::state, Plane::config, Plane::stream}) {
    if (plane && *plane != one) continue;
    for (auto at = names_.lower_bound({one, first}); at != names_.end() && at->first.first == one; ++at) {
      if (!all && !at->first.second.starts_with(first)) break;
      if (!covers(scopes, at->first.second)) continue;
      sum.bytes += bytes(at->second);
      for (const auto& [from, stage] : stages(at->second)) sum.aside += stage.bytes;
    }
  }
  return sum;
}

Hash128 SqliteStore::fingerprint_key(ScopeId id) const {
  const ScopeState* state = find(id);
  return state != nullptr ? state->table.fingerprint_key() : Hash128{};
}

const crdt::Context& SqliteStore::floors(ScopeId id) const {
  const ScopeState* state = find(id);
  return state != nullptr ? state->durable.floors : no_context;
}

std::vector<crdt::KeyRange> SqliteStore::damaged(ScopeId id) const {
  const ScopeState* state = find(id);
  if (state == nullptr) return {};
  RangeSet all = state->durable.damaged;
  for (const crdt::KeyRange& range : state->noted.ranges()) all.add(range);
  return all.ranges();
}

const Stages& SqliteStore::stages(ScopeId id) const {
  const ScopeState* state = find(id);
  return state != nullptr ? state->durable.stages : no_stages;
}

void SqliteStore::note_acked(ScopeId id, const crdt::Context& acked, const crdt::Context& stable) {
  ScopeState* state = find(id);
  if (state == nullptr) return;
  const auto changed = [state](crdt::Context& known, const crdt::Context& now) {
    for (const auto& item : known.items())
      if (now[item.replica] != item.stamp) state->acks_dirty.push_back(item.replica);
    for (const auto& item : now.items())
      if (known[item.replica] == 0) state->acks_dirty.push_back(item.replica);
    known = now;
  };
  changed(state->acked, acked);
  changed(state->stable, stable);
  if (!state->acks_dirty.empty()) touch(*state);
}

const crdt::Context& SqliteStore::acked(ScopeId id) const {
  const ScopeState* state = find(id);
  return state != nullptr ? state->acked : no_context;
}

const crdt::Context& SqliteStore::stable(ScopeId id) const {
  const ScopeState* state = find(id);
  return state != nullptr ? state->stable : no_context;
}

std::vector<StreamState> SqliteStore::stream(ScopeId id) const {
  std::vector<StreamState> origins;
  const ScopeState* state = find(id);
  if (state == nullptr || state->scope.plane != Plane::stream) return origins;
  for (const auto& item : state->durable.context.items())
    origins.push_back({item.replica, item.stamp, state->durable.floors[item.replica]});
  return origins;
}

}  // namespace edgesync::store
