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
  return scopes_.contains(scope) ? Result<void>() : take_up(scope, nullptr);
}

Result<void> ConfigPlane::take_up(store::ScopeId scope, const config::Activation* failed) {
  const auto rows = store_.versions(scope);
  if (!rows) return rows.error();
  if (const auto later = root_of(scope); later && gate_.resume(*later)) consider_all();
  auto roles = role_rows(*rows);
  auto counted = add_starts(scope, roles);
  Scope& opened = scopes_.emplace(scope, Scope{config::Activation(store_.scope(scope).name, std::move(roles), rules_)})
                      .first->second;
  opened.counted = std::move(counted);
  opened.active = info(scope, opened.activation.active());
  for (const store::VersionRow& row : *rows)
    if (row.manifest.number == opened.active.number && to_hex(row.manifest.id) == opened.active.id)
      opened.expires = row.manifest.expires;
  if (const auto memo = store_.memo(scope, seen_memo))
    opened.seen = config::Seen::decode(*memo).value_or(config::Seen{});
  else if (!memo.error().is(Errc::not_found))
    return scopes_.erase(scope), memo.error();
  remember(scope, opened);
  moved_.insert(scope);
  if (gate_.guards(store_.scope(scope).name)) opened.activation.revoke_below(opened.seen.floor);
  withdraw_fallen(scope, opened);
  journal(scope, opened, opened.activation.restart(failed));
  consider(scope, opened);
  return {};
}

/// The version that there is a count for.
std::optional<store::VersionKey> ConfigPlane::add_starts(store::ScopeId scope,
                                                         std::vector<config::RoleRow>& rows) const {
  const auto memo = store_.memo(scope, starts_memo);
  if (!memo || memo->empty()) return std::nullopt;
  Reader in(*memo);
  const std::uint64_t number = in.varint();
  const store::VersionKey version{number, std::string(as_text(in.blob()))};
  const std::uint64_t starts = in.varint();
  if (!in.done()) return std::nullopt;
  for (config::RoleRow& row : rows)
    if (key_of(row) == version) row.starts = static_cast<std::uint32_t>(starts);
  return version;
}

/// At most one version has starts: the one that was asked about, or is on trial. What others do leaves its count.
void ConfigPlane::note_starts(store::ScopeId id, Scope& scope, const config::Step& step) {
  Bytes memo;
  if (step.row.starts > 0) {
    Writer writer(memo);
    writer.varint(step.row.number);
    writer.blob(as_view(step.row.id));
    writer.varint(step.row.starts);
    scope.counted = key_of(step.row);
  } else if (scope.counted == key_of(step.row)) {
    scope.counted.reset();
  } else {
    return;
  }
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
  moved_.erase(scope);
  std::erase_if(waiting_, [scope](const Waiting& waiting) { return waiting.scope == scope; });
  std::erase_if(ready_, [scope](const Action& action) { return action.scope == scope; });
}

Result<config::Release> ConfigPlane::newest(store::ScopeId scope) {
  auto found = look(scope);
  if (!found) return std::move(found).error();
  if (found->releases.empty()) return no_version(store_.scope(scope), 0);
  return std::move(found->releases.back());
}

Result<std::pair<store::Ticket, VersionInfo>> ConfigPlane::rollback(store::ScopeId id, std::uint64_t number,
                                                                    std::string_view reason) {
  const auto found = usable(id);
  if (!found) return found.error();
  Scope& scope = **found;
  auto target = release(id, number);
  if (!target) return target.error();
  const VersionInfo version = target->manifest.info();
  auto outcome = scope.activation.rollback(number, version.id, reason);
  if (!outcome) return outcome.error();
  journal(id, scope, *std::move(outcome), nullptr, *std::move(target));
  return std::pair(store_.accepted(), version);
}

Result<void> ConfigPlane::verdict(store::ScopeId id, const VersionInfo& version, Verdict answer,
                                  std::string_view reason) {
  const auto found = usable(id);
  if (!found) return found.error();
  Scope& scope = **found;
  std::optional<config::Release> read, kept = std::exchange(scope.asked, {});
  if (answer == Verdict::healthy) {
    // The root or the time may have changed while the application thought about it.
    const bool same = kept && kept->manifest.number == version.number && kept->manifest.info().id == version.id;
    auto asked = same ? Result<config::Release>(*std::move(kept)) : store_.release(id, {version.number, version.id});
    if (!asked) {
      if (!asked.error().is(Errc::not_found)) lost_.try_emplace(id);  // the question is put again
      return asked.error();
    }
    if (auto good = standing(id, scope, asked->manifest); !good) {
      refuse(id, scope, asked->manifest, good.error());
      journal(id, scope, scope.activation.withdraw(version.number, version.id));
      return {};
    }
    read = *std::move(asked);
  }
  auto outcome = scope.activation.verdict(version.number, version.id, answer, reason);
  if (!outcome) return outcome.error();
  journal(id, scope, *std::move(outcome), nullptr, std::move(read));
  return {};
}

Result<ConfigPlane::Scope*> ConfigPlane::on_trial(store::ScopeId id, std::uint64_t number) {
  const auto found = usable(id);
  if (!found) return found;
  const config::Activation& activation = (*found)->activation;
  if (activation.deadline() == never)
    return Error(Errc::not_found, "config: " + store_.scope(id).name + ": no version is on trial");
  if (const std::uint64_t tried = activation.active()->number; number != 0 && number != tried)
    return Error(Errc::not_found, "config: " + store_.scope(id).name + ": version " + std::to_string(tried) +
                                      " is on trial, not " + std::to_string(number));
  return found;
}

Result<store::Ticket> ConfigPlane::confirm(store::ScopeId id, std::uint64_t number) {
  const auto scope = on_trial(id, number);
  if (!scope) return scope.error();
  journal(id, **scope, (*scope)->activation.confirm("confirmed by the application"));
  return store_.accepted();
}

Result<store::Ticket> ConfigPlane::fail(store::ScopeId id, std::uint64_t number, std::string_view reason) {
  const auto scope = on_trial(id, number);
  if (!scope) return scope.error();
  journal(id, **scope, (*scope)->activation.fail(reason));
  return store_.accepted();
}

Result<void> ConfigPlane::ask_again(store::ScopeId id) {
  const auto found = usable(id);
  if (!found) return found.error();
  Scope& scope = **found;
  if (const auto asked = scope.activation.asked()) {
    auto waiting = store_.release(id, key_of(*asked));
    if (!waiting) return waiting.error();
    ready_.push_back({id, config::Action::Kind::ask, *std::move(waiting), {}});
  }
  journal(id, scope, scope.activation.resume());
  return {};
}

Result<ConfigPlane::Scope*> ConfigPlane::usable(store::ScopeId id) {
  const auto at = scopes_.find(id);
  if (at == scopes_.end()) return Error(Errc::not_found, "config: " + store_.scope(id).name + ": was given up");
  if (!lost_.contains(id)) return &at->second;
  return Error(Errc::storage_io, "config: " + store_.scope(id).name + ": its journal cannot be read");
}

Result<config::Release> ConfigPlane::release(store::ScopeId id, std::uint64_t number) {
  const auto version = kept(id, number);
  return version ? store_.release(id, {number, version->id}) : version.error();
}

Result<VersionInfo> ConfigPlane::kept(store::ScopeId id, std::uint64_t number) {
  const auto rows = store_.versions(id);
  if (!rows) return rows.error();
  const store::VersionRow* best = nullptr;
  for (const store::VersionRow& row : *rows) {
    if (row.manifest.number != number) continue;
    // Of two that were given one number, whichever was in use; else the one that nodes take.
    if (best == nullptr || config::was_in_use(row.role) || !config::was_in_use(best->role)) best = &row;
  }
  if (best == nullptr) return no_version(store_.scope(id), number);
  return best->manifest.info();
}

ConfigPlane::ContentPtr ConfigPlane::active_content(store::ScopeId id) {
  const auto at = scopes_.find(id);
  if (at == scopes_.end()) return nullptr;
  Scope& scope = at->second;
  if (scope.content || scope.active.number == 0) return scope.content;
  const auto held = store_.release(id, {scope.active.number, scope.active.id});
  if (!held) {
    if (!held.error().is(Errc::not_found)) lost_.try_emplace(id);
    return nullptr;
  }
  hold_content(scope, *held);
  return scope.content;
}

/// The active version's, for readers. The store has proved it.
void ConfigPlane::hold_content(Scope& scope, const config::Release& release) {
  auto content = config::parse_content(release.content);
  const auto newer = [&](const config::RoleRow& row) { return row.number > scope.active.number; };
  const auto& rows = scope.activation.rows();
  if (planted(Bug::rollback_skips_key) && content && std::any_of(rows.begin(), rows.end(), newer))
    content->erase(content->begin());
  scope.content = content ? std::make_shared<const config::Content>(*std::move(content)) : nullptr;
}

Bytes ConfigPlane::latest_content(store::ScopeId id) const {
  const auto at = scopes_.find(id);
  if (at == scopes_.end()) return {};
  const config::RoleRow* latest = nullptr;
  for (const config::RoleRow& row : at->second.activation.rows())
    if (row.role != VersionRole::quarantined && (latest == nullptr || latest->number < row.number)) latest = &row;
  return latest == nullptr ? Bytes{} : from_hex(latest->id).value_or(Bytes{});
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
