// SPDX-License-Identifier: Apache-2.0
#include "sync/config_plane.hpp"

#include "base/planted.hpp"

#include <algorithm>

namespace edgesync::sync {
namespace {

std::vector<config::RoleRow> role_rows(const std::vector<store::VersionRow>& rows) {
  std::vector<config::RoleRow> roles;
  for (const store::VersionRow& row : rows) roles.push_back({row.manifest.number, row.manifest.info().id, row.role});
  return roles;
}

store::VersionKey key_of(const config::RoleRow& row) { return {row.number, row.id}; }

Error no_version(const store::Scope& scope, std::uint64_t number) {
  return {Errc::not_found, "config: " + scope.name + ": version " + std::to_string(number) + " is not kept here"};
}

}  // namespace

Result<void> ConfigPlane::open(store::ScopeId scope) {
  if (scopes_.contains(scope)) return {};
  const auto rows = store_.versions(scope);
  if (!rows) return rows.error();
  if (const auto later = root_of(scope); later && gate_.resume(*later)) consider_all();
  auto roles = role_rows(*rows);
  const bool counted = add_starts(scope, roles);
  Scope& opened = scopes_.emplace(scope, Scope{config::Activation(store_.scope(scope).name, std::move(roles), rules_)})
                      .first->second;
  opened.counted = counted;
  opened.active = info(scope, opened.activation.active());
  for (const store::VersionRow& row : *rows)
    if (row.manifest.number == opened.active.number && to_hex(row.manifest.id) == opened.active.id)
      opened.expires = row.manifest.expires;
  if (const auto memo = store_.memo(scope, seen_memo))
    opened.seen = config::Seen::decode(*memo).value_or(config::Seen{});
  else if (!memo.error().is(Errc::not_found))
    return scopes_.erase(scope), memo.error();
  withdraw_fallen(scope, opened);
  journal(scope, opened, opened.activation.restart());
  consider(scope, opened);
  return {};
}

/// True if there is a count for any version.
bool ConfigPlane::add_starts(store::ScopeId scope, std::vector<config::RoleRow>& rows) const {
  const auto memo = store_.memo(scope, starts_memo);
  if (!memo || memo->empty()) return false;
  Reader in(*memo);
  const std::uint64_t number = in.varint();
  const std::string id(as_text(in.blob()));
  const std::uint64_t starts = in.varint();
  if (!in.done()) return false;
  for (config::RoleRow& row : rows)
    if (row.number == number && row.id == id) row.starts = static_cast<std::uint32_t>(starts);
  return true;
}

/// At most one version has starts: the one that was asked about, or is on trial.
void ConfigPlane::note_starts(store::ScopeId id, Scope& scope, const config::Step& step) {
  Bytes memo;
  if (step.row.starts > 0) {
    Writer writer(memo);
    writer.varint(step.row.number);
    writer.blob(as_view(step.row.id));
    writer.varint(step.row.starts);
  }
  if (memo.empty() && !scope.counted) return;
  scope.counted = !memo.empty();
  store_.put_memo(id, starts_memo, std::move(memo));
}

/// The latest root that was followed in this scope.
std::optional<config::Root> ConfigPlane::root_of(store::ScopeId scope) const {
  const auto memo = store_.memo(scope, root_memo);
  if (!memo) return std::nullopt;
  auto root = config::Root::decode(*memo);
  return root ? std::optional(*std::move(root)) : std::nullopt;
}

void ConfigPlane::close(store::ScopeId scope) {
  scopes_.erase(scope);
  lost_.erase(scope);
  std::erase_if(waiting_, [scope](const Waiting& waiting) { return waiting.scope == scope; });
  std::erase_if(ready_, [scope](const Action& action) { return action.scope == scope; });
}

Result<config::Release> ConfigPlane::newest(store::ScopeId scope) {
  Offers found;
  if (auto read = store_.read(scope, [&](crdt::CellSource& cells) { found = offers(cells); }); !read)
    return read.error();
  if (found.releases.empty()) return no_version(store_.scope(scope), 0);
  return std::move(found.releases.back());
}

Result<std::pair<store::Ticket, VersionInfo>> ConfigPlane::rollback(store::ScopeId id, std::uint64_t number,
                                                                    std::string_view reason) {
  const auto found = usable(id);
  if (!found) return found.error();
  Scope& scope = **found;
  const auto target = release(id, number);
  if (!target) return target.error();
  const VersionInfo version = target->manifest.info();
  if (gate_.guards(store_.scope(id).name) && number < scope.seen.floor)
    return Error(Errc::rejected, "config: " + store_.scope(id).name + ": version " + std::to_string(number) +
                                     " was revoked by its publisher");
  auto outcome = scope.activation.rollback(number, version.id, reason);
  if (!outcome) return outcome.error();
  journal(id, scope, *std::move(outcome));
  return std::pair(store_.accepted(), version);
}

Result<void> ConfigPlane::verdict(store::ScopeId id, const VersionInfo& version, Verdict answer,
                                  std::string_view reason) {
  const auto found = usable(id);
  if (!found) return found.error();
  Scope& scope = **found;
  if (answer == Verdict::healthy) {
    // The root or the time may have changed while the application thought about it.
    const auto asked = release(id, scope, {version.number, version.id});
    if (!asked) return asked.error();
    if (auto good = standing(id, scope, asked->manifest); !good) {
      refuse(id, scope, asked->manifest, good.error());
      journal(id, scope, scope.activation.withdraw(version.number, version.id));
      return {};
    }
  }
  auto outcome = scope.activation.verdict(version.number, version.id, answer, reason);
  if (!outcome) return outcome.error();
  journal(id, scope, *std::move(outcome));
  return {};
}

Result<ConfigPlane::Scope*> ConfigPlane::on_trial(store::ScopeId id) {
  const auto found = usable(id);
  if (!found || (*found)->activation.deadline() != never) return found;
  return Error(Errc::not_found, "config: " + store_.scope(id).name + ": no version is on trial");
}

Result<store::Ticket> ConfigPlane::confirm(store::ScopeId id) {
  const auto scope = on_trial(id);
  if (!scope) return scope.error();
  journal(id, **scope, (*scope)->activation.confirm("confirmed by the application"));
  return store_.accepted();
}

Result<store::Ticket> ConfigPlane::fail(store::ScopeId id, std::string_view reason) {
  const auto scope = on_trial(id);
  if (!scope) return scope.error();
  journal(id, **scope, (*scope)->activation.fail(reason));
  return store_.accepted();
}

Result<void> ConfigPlane::ask_again(store::ScopeId id) {
  const auto found = usable(id);
  if (!found) return found.error();
  Scope& scope = **found;
  if (const auto asked = scope.activation.asked()) {
    auto waiting = release(id, scope, key_of(*asked));
    if (!waiting) return waiting.error();
    ready_.push_back({id, config::Action::Kind::ask, *std::move(waiting), {}});
  }
  journal(id, scope, scope.activation.resume());
  return {};
}

void ConfigPlane::journal(store::ScopeId id, Scope& scope, config::Outcome outcome) {
  if (outcome.empty()) return;
  store::Ticket ticket = 0;
  for (const config::Step& step : outcome.journal) {
    note_starts(id, scope, step);
    const auto fresh = scope.fresh.find(key_of(step.row));
    ticket = fresh == scope.fresh.end() ? store_.set_role(id, key_of(step.row), step.row.role)
                                        : store_.save_version(id, fresh->second, step.row.role);
  }
  for (const config::RoleRow& row : outcome.forget) {
    ticket = store_.forget_version(id, key_of(row));
    scope.fresh.erase(key_of(row));
  }
  waiting_.push_back({ticket, id, std::move(outcome)});
  if (ticket == 0) take_durable();  // nothing to journal first
}

void ConfigPlane::flushed(const store::Flushed& flushed) {
  if (flushed.error) {
    // Steps that are not on disk were not taken: begin again from the journal as it stands.
    for (const Waiting& waiting : waiting_) lost_.insert(waiting.scope);
    waiting_.clear();
    return begin_again();
  }
  begin_again();
  take_durable();
  for (store::ScopeId id : flushed.advanced)
    if (const auto at = scopes_.find(id); at != scopes_.end() && !lost_.contains(id)) consider(id, at->second);
}

void ConfigPlane::take_durable() {
  while (!waiting_.empty() && waiting_.front().ticket <= store_.durable()) {
    const Waiting waiting = std::move(waiting_.front());
    waiting_.pop_front();
    take(waiting.scope, scopes_.at(waiting.scope), waiting.outcome);
  }
}

void ConfigPlane::begin_again() {
  for (const store::ScopeId id : std::exchange(lost_, {})) {
    auto before = scopes_.extract(id);
    const bool opened = open(id).has_value();
    // A root that was followed stays followed; that it is in the file as well may be what failed.
    if (opened && gate_.root()) store_.put_memo(id, root_memo, gate_.root()->encode());
    if (opened || before.empty()) continue;
    scopes_.insert(std::move(before));  // readers keep what they see; the next group commit tries again
    lost_.insert(id);
  }
}

Result<ConfigPlane::Scope*> ConfigPlane::usable(store::ScopeId id) {
  const auto at = scopes_.find(id);
  if (at == scopes_.end()) return Error(Errc::not_found, "config: " + store_.scope(id).name + ": was given up");
  if (!lost_.contains(id)) return &at->second;
  return Error(Errc::storage_io, "config: " + store_.scope(id).name + ": its journal cannot be read");
}

void ConfigPlane::take(store::ScopeId id, Scope& scope, const config::Outcome& outcome) {
  for (const config::Action& action : outcome.actions) {
    if (action.kind == config::Action::Kind::fetch) continue;  // a release arrives whole, in its register
    auto held = release(id, scope, {action.number, action.id});
    if (!held) {
      // A disk that fails now must not make us forget a question: it is put again from the journal.
      if (!held.error().is(Errc::not_found)) lost_.insert(id);
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
      if (key_of(step.row) == store::VersionKey{action.number, action.id}) reason = step.reason;
    if (action.kind == config::Action::Kind::activate) {
      scope.active = held->manifest.info();
      scope.expires = held->manifest.expires;
      scope.stale_told = false;
      look_at_time(id, scope);
      scope.content.reset();
    }
    ready_.push_back({id, action.kind, *std::move(held), std::move(reason)});
  }
  for (const config::Step& step : outcome.journal) scope.fresh.erase(key_of(step.row));
}

Result<config::Release> ConfigPlane::release(store::ScopeId id, const Scope& scope, const store::VersionKey& version) {
  if (const auto fresh = scope.fresh.find(version); fresh != scope.fresh.end()) return fresh->second;
  return store_.release(id, version);
}

Result<config::Release> ConfigPlane::release(store::ScopeId id, std::uint64_t number) {
  const auto rows = store_.versions(id);
  if (!rows) return rows.error();
  for (const store::VersionRow& row : *rows)
    if (row.manifest.number == number) return store_.release(id, {number, row.manifest.info().id});
  return no_version(store_.scope(id), number);
}

ConfigPlane::ContentPtr ConfigPlane::active_content(store::ScopeId id) {
  const auto at = scopes_.find(id);
  if (at == scopes_.end()) return nullptr;
  Scope& scope = at->second;
  if (scope.content || scope.active.number == 0) return scope.content;
  const auto held = release(id, scope, {scope.active.number, scope.active.id});
  if (!held) return nullptr;
  auto content = config::verify(*held);
  const auto newer = [&](const config::RoleRow& row) { return row.number > scope.active.number; };
  const auto& rows = scope.activation.rows();
  if (planted(Bug::rollback_skips_key) && content && std::any_of(rows.begin(), rows.end(), newer))
    content->erase(content->begin());
  if (content) scope.content = std::make_shared<const config::Content>(*std::move(content));
  return scope.content;
}

VersionInfo ConfigPlane::active(store::ScopeId scope) const {
  // A scope that only a node asked for is in the store and not open here.
  const auto at = scopes_.find(scope);
  return at == scopes_.end() ? VersionInfo{} : at->second.active;
}

VersionInfo ConfigPlane::last_good(store::ScopeId scope) const {
  const auto at = scopes_.find(scope);
  return at == scopes_.end() ? VersionInfo{} : info(scope, at->second.activation.last_good());
}

VersionInfo ConfigPlane::info(store::ScopeId id, const std::optional<config::RoleRow>& row) const {
  if (!row) return {};
  const auto rows = store_.versions(id);
  if (!rows) return {row->number, row->id, {}, {}, {}, {}};
  for (const store::VersionRow& kept : *rows)
    if (kept.manifest.number == row->number && kept.manifest.info().id == row->id) return kept.manifest.info();
  return {};
}

}  // namespace edgesync::sync
