// SPDX-License-Identifier: Apache-2.0
// Streams: what a budget lets in, what age and quota take, and the accounts of it.
#include "store/sqlite_store.hpp"

#include <algorithm>

namespace edgesync::store {
namespace {

Error used_up(const std::string& stream, const char* whose) {
  return {Errc::storage_full, "append: \"" + stream + "\": the quota of " + whose + " is used up"};
}

}  // namespace

stream::Usage SqliteStore::usage(const ScopeState& state) const noexcept {
  return {state.durable.log_items + state.unwritten, state.policy.budget.quota};
}

stream::Usage SqliteStore::usage() const noexcept {
  return {streams_held_ + streams_unwritten_, options_.stream_bytes};
}

Result<void> SqliteStore::set_budget(ScopeId id, const stream::Budget& budget) {
  ScopeState* state = find(id);
  if (state == nullptr || !state->policy.schema)
    return Error(Errc::invalid_argument, "set_budget: no such stream, or one without columns");
  if (auto good = stream::validate(budget); !good) return good;
  Policy& policy = state->policy;
  if (policy.budgeted && policy.budget == budget) return {};
  if (!std::exchange(policy.budgeted, true)) streams_held_ += state->durable.log_items;
  policy.budget = budget;
  state->budget_due = 0;
  state->policy_dirty = true;
  touch(*state);
  return {};
}

Priority SqliteStore::priority(ScopeId id) const {
  const ScopeState* state = find(id);
  return state != nullptr && budgeted(*state) ? state->policy.budget.priority : Priority::normal;
}

/// A record that has its number and is not kept.
void SqliteStore::skip_record(ScopeState& state) {
  const std::uint64_t sequence = state.next_sequence++;
  if (!state.holes.empty() && state.holes.back().last + 1 == sequence)
    state.holes.back().last = sequence;
  else
    state.holes.push_back({sequence, sequence, DropReason::quota});
}

Result<Appended> SqliteStore::append_within(ScopeState& state, std::span<const Record> records) {
  const Overflow overflow = budgeted(state) ? state.policy.budget.overflow : Overflow::drop_oldest;
  if (overflow.kind() == Overflow::Kind::reject) {
    std::uint64_t bytes = 0;
    for (const Record& record : records) bytes += stream::record_bytes(record.fields);
    const bool own = usage(state).full(bytes);
    if (own || usage().full(bytes)) {
      state.left_out.refused += records.size();
      ticket(state);
      return used_up(state.scope.name, own ? "the stream" : "all streams");
    }
  }
  Appended appended{0, state.next_sequence, 0, 0};
  bool full = false;  // what follows a record that found no room finds none, small as it may be
  for (const Record& record : records) appended.kept += take_record(state, record, overflow, full);
  appended.last = state.next_sequence - 1;
  if (appended.last < appended.first) appended.first = appended.last = 0;
  appended.ticket = ticket(state);
  return appended;
}

/// Whether the record is kept.
bool SqliteStore::take_record(ScopeState& state, const Record& record, const Overflow& overflow, bool& full) {
  if (overflow.kind() == Overflow::Kind::drop_newest) {
    const std::uint64_t bytes = stream::record_bytes(record.fields);
    full = full || usage(state).full(bytes) || usage().full(bytes);
    if (full) return skip_record(state), false;
  } else if (overflow.kind() == Overflow::Kind::thin) {
    const unsigned level = std::max(stream::Thinner::level(usage(state)), stream::Thinner::level(usage()));
    if (!state.thinner.keeps(overflow.of(), level)) return ++state.left_out.policy, false;
  }
  add_record(state, record);
  return true;
}

StreamCounts SqliteStore::counts(ScopeId id, bool kept_here) const {
  StreamCounts sum;
  const ScopeState* state = find(id);
  if (state == nullptr || state->scope.plane != Plane::stream) return sum;
  const Durable& durable = state->durable;
  for (const ReplicaId& self : selves_) {
    Account account{durable.context[self], state->acked[self], durable.floors[self], {}, {}, {}, kept_here};
    if (const auto at = state->told_missing.find(self); at != state->told_missing.end()) account.told = at->second;
    if (const auto at = durable.ledger.left_out.find(self); at != durable.ledger.left_out.end())
      account.left_out = at->second;
    if (const auto at = durable.ledger.gaps.find(self); at != durable.ledger.gaps.end()) account.gaps = at->second;
    const StreamCounts counts = balance(account);
    sum.produced += counts.produced, sum.delivered += counts.delivered;
    sum.pending += counts.pending, sum.dropped += counts.dropped;
    sum.drops += counts.drops;
  }
  return sum;
}

Drops SqliteStore::missing(ScopeId id, const ReplicaId& origin) const {
  const ScopeState* state = find(id);
  if (state == nullptr) return {};
  const bool own = std::find(selves_.begin(), selves_.end(), origin) != selves_.end();
  const auto& missing = own ? state->told_missing : state->durable.ledger.missing;
  const auto at = missing.find(origin);
  return at != missing.end() ? at->second : Drops{};
}

Drops SqliteStore::missing(ScopeId id) const {
  Drops sum;
  if (const ScopeState* state = find(id))
    for (const auto& [origin, drops] : state->durable.ledger.missing) sum += drops;
  return sum;
}

bool SqliteStore::dropped(ScopeId id, const ReplicaId& self, std::uint64_t sequence) const {
  const ScopeState* state = find(id);
  if (state == nullptr) return false;
  const auto own = state->durable.ledger.gaps.find(self);
  return own != state->durable.ledger.gaps.end() &&
         std::any_of(own->second.begin(), own->second.end(),
                     [&](const Gap& gap) { return gap.first <= sequence && sequence <= gap.last; });
}

void SqliteStore::note_missing(ScopeId id, const ReplicaId& self, const Drops& missing) {
  ScopeState* state = find(id);
  if (state == nullptr || state->told_missing[self] == missing) return;
  state->told_missing[self] = missing;
  state->missing_dirty.push_back(self);
  touch(*state);
}

void SqliteStore::look_at_age(Instant now) {
  age_.look(now);
  for (auto& [sid, state] : states_) {
    const auto retention = state->policy.budget.retention;
    if (!budgeted(*state) || retention.count() == 0 || state->durable.log_items == 0) continue;
    if (age_.age() < state->budget_due) continue;
    // Each look costs a commit: what is too old stays a little longer.
    const auto often =
        std::clamp<std::chrono::microseconds>(retention / 16, std::chrono::seconds(1), std::chrono::hours(1));
    state->budget_due = age_.age() + static_cast<std::uint64_t>(often.count());
    touch(*state);
    ++accepted_;
  }
}

void SqliteStore::freeze(ScopeId id, std::uint64_t through) {
  if (ScopeState* state = find(id)) state->sealed = std::max(state->sealed, through);
}

/// A full segment goes when the last of it is too old: the first may be so by a sixteenth of the retention.
stream::Age SqliteStore::sealable_age(const ScopeState& state) const noexcept {
  const auto keep = budgeted(state) ? static_cast<stream::Age>(state.policy.budget.retention.count()) : 0;
  return keep == 0 ? 0 : age_.age() - std::min(age_.age(), keep / 16);
}

void SqliteStore::hub_time(Timestamp hub, Instant when) { age_.told(hub, when); }

Result<std::vector<Gap>> SqliteStore::gaps(ScopeId id, const ReplicaId& origin, std::uint64_t after,
                                           std::size_t limit) {
  if (auto open = revive(); !open) return open.error();
  ScopeState* state = find(id);
  if (state == nullptr || state->policy.given_up) return Error(Errc::not_found, "store: no such scope");
  auto gaps = read_gaps(state->table, origin, after, limit);
  if (auto good = file_.check(); !good) return good.error();
  return gaps;
}

}  // namespace edgesync::store
