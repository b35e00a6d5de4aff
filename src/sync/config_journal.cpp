// SPDX-License-Identifier: Apache-2.0
// ConfigPlane: steps before actions. What the activation machine decides goes into the store, and is done when the
// store says that it is durable; what did not get there was not decided.
#include "sync/config_plane.hpp"

#include <algorithm>

namespace edgesync::sync {
namespace {

/// What an action is about; with the content only where somebody is shown it.
Result<config::Release> about(store::Store& store, store::ScopeId id, const config::Action& action) {
  if (action.kind == config::Action::Kind::ask || action.kind == config::Action::Kind::activate)
    return store.release(id, {action.number, action.id});
  auto rows = store.versions(id);
  if (!rows) return std::move(rows).error();
  for (store::VersionRow& row : *rows)
    if (row.manifest.number == action.number && row.manifest.info().id == action.id)
      return config::Release{std::move(row.manifest), {}};
  return Error(Errc::not_found, "config: version " + std::to_string(action.number));
}

}  // namespace

void ConfigPlane::journal(store::ScopeId id, Scope& scope, config::Outcome outcome, const config::Release* fresh,
                          std::optional<config::Release> read) {
  if (outcome.empty()) return;
  store::Ticket ticket = 0;
  for (const config::Step& step : outcome.journal) {
    note_starts(id, scope, step);
    const store::VersionKey version{step.row.number, step.row.id};
    const bool first =
        fresh != nullptr && fresh->manifest.number == version.number && fresh->manifest.info().id == version.id;
    ticket = first ? store_.save_version(id, *std::exchange(fresh, nullptr), step.row.role)
                   : store_.set_role(id, version, step.row.role);
  }
  for (const config::RoleRow& row : outcome.forget) ticket = store_.forget_version(id, {row.number, row.id});
  if (const store::Ticket noted = note_use(id, scope, outcome)) ticket = noted;
  waiting_.push_back({ticket, id, std::move(outcome), std::move(read)});
  if (ticket == 0) take_durable();  // nothing to journal first
}

void ConfigPlane::flushed(const store::Flushed& flushed) {
  if (flushed.error) {
    lose(flushed.through);
    return begin_again();
  }
  begin_again();
  take_durable();
  for (store::ScopeId id : flushed.advanced) {
    const auto at = scopes_.find(id);
    if (at == scopes_.end() || lost_.contains(id)) continue;
    consider(id, at->second);
    make_room(id, at->second);
  }
}

/// Steps that are not on disk were not taken: begin again from the journal as it stands. But for those of which nobody
/// knows yet whether they are: what was decided after a step that failed will turn out to be there, or not.
void ConfigPlane::lose(store::Ticket through) {
  for (const Waiting& waiting : waiting_)
    if (waiting.ticket <= through) lost_.try_emplace(waiting.scope);
  for (const Waiting& waiting : waiting_)
    if (const auto at = lost_.find(waiting.scope); at != lost_.end()) at->second = std::max(at->second, waiting.ticket);
  std::erase_if(waiting_, [this](const Waiting& waiting) { return lost_.contains(waiting.scope); });
}

/// One at a time: what is gone makes no room before the next commit.
void ConfigPlane::make_room(store::ScopeId id, Scope& scope) {
  if (rules_.observes) return;
  const auto bytes = store_.versions_bytes(id);
  if (bytes && *bytes > rules_.bytes_max) journal(id, scope, scope.activation.shed());
}

void ConfigPlane::take_durable() {
  while (!waiting_.empty() && waiting_.front().ticket <= store_.durable()) {
    Waiting waiting = std::move(waiting_.front());
    waiting_.pop_front();
    take(std::move(waiting));
  }
}

void ConfigPlane::begin_again() {
  const auto lost = lost_;  // one that is taken up may have all others looked at: those that wait are still among these
  for (const auto& [id, until] : lost) {
    if (until > store_.durable()) continue;
    lost_.erase(id);
    auto before = scopes_.extract(id);
    const bool opened = take_up(id, before.empty() ? nullptr : &before.mapped().activation).has_value();
    // A root that was followed stays followed; that it is in the file as well may be what failed.
    if (opened && gate_.root()) store_.put_memo(id, root_memo, gate_.root()->encode());
    if (opened || before.empty()) continue;
    scopes_.insert(std::move(before));  // readers keep what they see; the next group commit tries again
    lost_.try_emplace(id);
  }
}

void ConfigPlane::take(Waiting waiting) {
  const store::ScopeId id = waiting.scope;
  const config::Outcome& outcome = waiting.outcome;
  Scope& scope = scopes_.at(id);
  moved_.insert(id);
  for (const config::Step& step : outcome.journal) {
    const bool left = step.row.role == VersionRole::quarantined || step.row.role == VersionRole::rolled_back;
    if (left || step.row.number > scope.left.number) scope.left = {step.row.number, left ? step.reason : std::string()};
  }
  for (const config::Action& action : outcome.actions) {
    if (action.kind == config::Action::Kind::fetch) continue;  // a release arrives whole, in its register
    const bool shown = action.kind == config::Action::Kind::ask || action.kind == config::Action::Kind::activate;
    const bool read = shown && waiting.read && waiting.read->manifest.number == action.number &&
                      waiting.read->manifest.info().id == action.id;
    auto held = read ? Result<config::Release>(*std::exchange(waiting.read, {})) : about(store_, id, action);
    if (!held) {
      // A disk that fails now must not make us forget a question: it is put again from the journal.
      if (!held.error().is(Errc::not_found)) lost_.try_emplace(id);
      continue;
    }
    if (action.kind == config::Action::Kind::ask) {
      if (auto good = standing(id, scope, held->manifest); !good) {
        refuse(id, scope, held->manifest, good.error());
        journal(id, scope, scope.activation.withdraw(action.number, action.id));
        continue;
      }
    }
    std::string reason;
    for (const config::Step& step : outcome.journal)
      if (step.row.number == action.number && step.row.id == action.id) reason = step.reason;
    if (action.kind == config::Action::Kind::activate) activate(id, scope, *held);
    if (action.kind == config::Action::Kind::ask) scope.asked = *held;
    ready_.push_back({id, action.kind, *std::move(held), std::move(reason)});
  }
}

void ConfigPlane::activate(store::ScopeId id, Scope& scope, const config::Release& release) {
  scope.active = release.manifest.info();
  scope.expires = release.manifest.expires;
  scope.stale_told = false;
  look_at_time(id, scope);
  if (scope.content) hold_content(scope, release);  // somebody reads it, and will
}

}  // namespace edgesync::sync
