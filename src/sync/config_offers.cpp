// SPDX-License-Identifier: Apache-2.0
// ConfigPlane: what a scope's cells offer, and what of it is let through. Whoever may write there, a hub above all, may
// put anything: what the gate refuses leaves no trace but a notice, told once, and the next offer is weighed as if it
// had never been.
#include "base/planted.hpp"
#include "crdt/key.hpp"
#include "crdt/value_codec.hpp"
#include "sync/config_plane.hpp"

#include <algorithm>

namespace edgesync::sync {
namespace {

constexpr std::size_t told_max = 256;               // refusals remembered per scope, so that each is told once
constexpr std::chrono::seconds look_again_max{60};  // a clock may be set meanwhile

bool by_number(const config::Release& a, const config::Release& b) {
  return std::pair(a.manifest.number, a.manifest.id) < std::pair(b.manifest.number, b.manifest.id);
}

template <class Take>
void each_value(crdt::CellSource& cells, const std::string& key, Take take) {
  for (const crdt::Entry& entry : cells.find(crdt::cell_key(key, crdt::Kind::value))) {
    const auto value = crdt::decode_value(entry.value);
    const auto* bytes = value ? std::get_if<Bytes>(&*value) : nullptr;
    take(bytes != nullptr ? ByteView(*bytes) : ByteView());
  }
}

/// What stands in a register, and what is wrong with the rest.
template <class Thing>
std::vector<Thing> things(crdt::CellSource& cells, std::string_view key, std::vector<Error>& unreadable) {
  std::vector<Thing> found;
  each_value(cells, std::string(key), [&](ByteView bytes) {
    auto thing = Thing::decode(bytes);
    if (thing)
      found.push_back(*std::move(thing));
    else
      unreadable.push_back(std::move(thing).error());
  });
  return found;
}

/// The one that counts of those that were written without knowledge of each other.
template <class Thing>
std::optional<Thing> last_of(std::vector<Thing> found) {
  const auto last = std::max_element(found.begin(), found.end(),
                                     [](const Thing& a, const Thing& b) { return config::precedes(a, b); });
  return last == found.end() ? std::nullopt : std::optional(std::move(*last));
}

/// A version that is known here, where a later one was to be.
Error older(const std::string& scope, std::uint64_t number, std::uint64_t seen) {
  return {Errc::outdated, "config '" + scope + "': version " + std::to_string(number) + ": version " +
                              std::to_string(seen) + " was here before"};
}

/// Until the wall clock should show `at`, by timers that run by the other clock.
Instant due(Timestamp at, Timestamp wall, Instant now) {
  if (at <= wall) return now + std::chrono::milliseconds(1);
  return wall + look_again_max <= at ? now + look_again_max : now + (at - wall);  // any time may be claimed
}

}  // namespace

ConfigPlane::Offers ConfigPlane::offers(crdt::CellSource& cells) const {
  Offers found;
  found.releases = things<config::Release>(cells, release_key, found.unreadable);
  std::sort(found.releases.begin(), found.releases.end(), by_number);
  if (gate_.root())
    found.roots = things<config::Root>(cells, std::string(root_key) + std::to_string(gate_.root()->version + 1),
                                       found.unreadable);
  found.rollout = last_of(things<config::Rollout>(cells, rollout_key, found.unreadable));
  if (!found.rollout) return found;
  found.progress = last_of(things<config::Progress>(cells, progress_key, found.unreadable));
  if (!member_ || !found.progress || found.overtaken()) return found;
  if (!config::lets_in(*found.rollout, *found.progress, *member_)) return found;
  for (config::Release& release : things<config::Release>(cells, candidate_key, found.unreadable))
    if (found.rollout->is_of(release.manifest.number, release.manifest.info().id)) found.candidate = std::move(release);
  return found;
}

std::optional<Bytes> ConfigPlane::candidate(crdt::CellSource& cells, const config::Progress& of) {
  std::vector<Error> unreadable;
  for (const config::Release& release : things<config::Release>(cells, candidate_key, unreadable))
    if (release.manifest.number == of.number && release.manifest.id == of.id) return release.encode();
  return std::nullopt;
}

std::uint64_t ConfigPlane::Offers::number() const noexcept {
  const std::uint64_t published = releases.empty() ? 0 : releases.back().manifest.number;
  return rollout ? std::max(published, rollout->number) : published;
}

bool ConfigPlane::Offers::overtaken() const {
  if (!rollout || releases.empty()) return false;
  const config::Manifest& last = releases.back().manifest;
  return std::pair(last.number, last.id) > std::pair(rollout->number, rollout->id);
}

/// Whatever waits that is neither for everybody nor rolled out to this node was taken back, and does not come back when
/// another version is refused.
void ConfigPlane::take_back(store::ScopeId id, Scope& scope, const Offers& found) {
  if (!member_ || !found.rollout) return;
  const std::vector<config::RoleRow> rows = scope.activation.rows();
  for (const config::RoleRow& row : rows) {
    const bool for_all = std::any_of(found.releases.begin(), found.releases.end(), [&](const config::Release& release) {
      return release.manifest.number == row.number && release.manifest.info().id == row.id;
    });
    const bool for_us = found.candidate && found.rollout->is_of(row.number, row.id);
    if (config::is_pending(row.role) && !for_all && !for_us)
      journal(id, scope, scope.activation.withdraw(row.number, row.id));
  }
}

void ConfigPlane::consider(store::ScopeId id, Scope& scope) {
  Offers found;
  const auto look = [&] { return store_.read(id, [&](crdt::CellSource& cells) { found = offers(cells); }); };
  bool followed = false;
  do {
    if (!look()) return;
    followed = follow(id, scope, found.roots);
    if (followed) consider_all();
  } while (followed);
  scope.look_again = never;
  for (const Error& error : found.unreadable) {
    scope.refused = Error(Errc::untrusted, store_.scope(id).name + ": " + error.detail);
    scope.refused_version = {};
    tell(id, scope, {}, *scope.refused);
  }
  take_back(id, scope, found);
  if (found.candidate) {
    found.releases.push_back(*std::move(found.candidate));
    std::sort(found.releases.begin(), found.releases.end(), by_number);
  }
  if (!found.releases.empty()) weigh(id, scope, found);
}

/// True if one of them is the gate's root now.
bool ConfigPlane::follow(store::ScopeId id, Scope& scope, std::vector<config::Root>& roots) {
  for (config::Root& root : roots) {
    const Bytes bytes = root.encode();
    const std::uint64_t version = root.version;
    if (auto next = gate_.follow(std::move(root)); !next) {
      tell(id, scope, {version, {}, {}, {}, {}, {}}, next.error());
      continue;
    }
    store_.put_memo(id, root_memo, bytes);
    return true;
  }
  return false;
}

/// Under another root, what was let through may fall, and what was refused may stand.
void ConfigPlane::consider_all() {
  std::vector<store::ScopeId> ids;
  for (const auto& [id, scope] : scopes_) ids.push_back(id);
  for (const store::ScopeId id : ids) {
    if (lost_.contains(id)) continue;
    withdraw_fallen(id, scopes_.at(id));
    consider(id, scopes_.at(id));
  }
}

Result<void> ConfigPlane::standing(store::ScopeId id, const Scope& scope, const config::Manifest& manifest) const {
  return gate_.standing(manifest, store_.scope(id).name, scope.seen, wall_);
}

void ConfigPlane::withdraw_fallen(store::ScopeId id, Scope& scope) {
  const auto rows = store_.versions(id);
  if (!rows) return;
  for (const store::VersionRow& row : *rows) {
    if (!config::is_pending(row.role)) continue;
    const auto good = standing(id, scope, row.manifest);
    // What has fallen for the time's sake is looked at again when its turn comes to be asked about.
    if (good || good.error().is(Errc::not_in_force)) continue;
    journal(id, scope, scope.activation.withdraw(row.manifest.number, row.manifest.info().id));
  }
}

void ConfigPlane::weigh(store::ScopeId id, Scope& scope, const Offers& found) {
  const std::string& name = store_.scope(id).name;
  const std::vector<config::Release>& releases = found.releases;
  // What was rolled out here and taken back leaves the version before it the last one.
  const bool tried = found.rollout && found.rollout->number >= scope.seen.number;
  const config::Manifest& newest = releases.back().manifest;
  for (auto release = releases.begin(); release != releases.end(); ++release) {
    const config::Manifest& manifest = release->manifest;
    const VersionInfo version = manifest.info();
    const auto& rows = scope.activation.rows();
    const auto same_number = [&](const config::RoleRow& row) { return row.number == version.number; };
    const bool known = std::any_of(rows.begin(), rows.end(), [&](const config::RoleRow& row) {
      const bool same = row.id == version.id || planted(Bug::accept_equal_version);
      return same_number(row) && same && row.role != VersionRole::offered;
    });
    const bool last = manifest.number == newest.number;
    if (known && last && !tried && gate_.guards(name) && manifest.number < scope.seen.number) {
      refuse(id, scope, manifest, older(name, manifest.number, scope.seen.number));
    } else if (known && last) {
      scope.refused.reset();
    }
    if (known) continue;
    auto admitted = gate_.admit(manifest, name, scope.seen, wall_);
    const bool twin = std::any_of(releases.begin(), releases.end(), [&](const config::Release& other) {
      return other.manifest.number == manifest.number && other.manifest.id != manifest.id &&
             gate_.standing(other.manifest, name, scope.seen, wall_);
    });
    if (admitted && twin && gate_.guards(name))
      admitted = Error(Errc::equivocation, "config '" + name + "': version " + std::to_string(version.number) +
                                               ": two of different content were signed");
    if (admitted && last) scope.refused.reset(), scope.told.clear();
    // What was rolled out and refused before leaves no row under another number, and is not to be waited for.
    const bool spoilt = std::any_of(rows.begin(), rows.end(), [&](const config::RoleRow& row) {
      return row.id == version.id && row.role == VersionRole::quarantined;
    });
    if (admitted && spoilt && found.rollout && found.rollout->is_of(version.number, version.id))
      refuse(id, scope, manifest,
             {Errc::rejected, "config '" + name + "': the application refused this content before"});
    else if (admitted)
      take_in(id, scope, *release);
    else if (last || !admitted.error().is(Errc::outdated))  // beside a later one, an older one is no surprise
      refuse(id, scope, manifest, admitted.error());
  }
}

void ConfigPlane::take_in(store::ScopeId id, Scope& scope, const config::Release& release) {
  const VersionInfo version = release.manifest.info();
  const auto proved = config::verify(release);
  // Content that is not what the id names says nothing about the id: only content that is may quarantine it.
  const bool permanent = !proved && !proved.error().is(Errc::untrusted);
  const bool guarded = gate_.guards(release.manifest.scope);
  if (!proved) refuse(id, scope, release.manifest, proved.error());
  if (guarded && !proved && !permanent) return;
  if (guarded) {
    scope.seen.add(release.manifest);
    store_.put_memo(id, seen_memo, scope.seen.encode());
    scope.activation.revoke_below(scope.seen.floor);
  }
  config::Outcome outcome = scope.activation.offered(version.number, version.id);
  auto next = proved ? scope.activation.verified(version.number, version.id)
                     : scope.activation.failed(version.number, version.id, permanent, proved.error().detail);
  if (next) {
    outcome.journal.insert(outcome.journal.end(), next->journal.begin(), next->journal.end());
    outcome.forget.insert(outcome.forget.end(), next->forget.begin(), next->forget.end());
    outcome.actions.insert(outcome.actions.end(), next->actions.begin(), next->actions.end());
  }
  journal(id, scope, std::move(outcome), &release, proved ? std::optional(release) : std::nullopt);
}

void ConfigPlane::refuse(store::ScopeId id, Scope& scope, const config::Manifest& manifest, Error why) {
  if (why.is(Errc::not_in_force)) {
    const bool early = wall_ < manifest.not_before;
    scope.look_again = std::min(scope.look_again, due(early ? manifest.not_before : Timestamp::max(), wall_, now_));
    scope.refused = why;
    scope.refused_version = {};
    if (early || wall_ == Timestamp{}) return;  // it waits, and nothing is wrong
  }
  tell(id, scope, manifest.info(), why);
  scope.refused = std::move(why);
  scope.refused_version = {manifest.number, manifest.info().id};
  moved_.insert(id);
}

void ConfigPlane::tell(store::ScopeId id, Scope& scope, const VersionInfo& version, const Error& why) {
  if (scope.told.size() == told_max) scope.told.clear();
  if (!scope.told.emplace(why.code.value(), version.number, version.id).second) return;
  notices_.push_back({id, EventKind::rejected, version, why});
}

void ConfigPlane::look_at_time(store::ScopeId id, Scope& scope) {
  if (scope.stale_told || scope.expires == Timestamp{} || wall_ < scope.expires) return;
  scope.stale_told = true;
  notices_.push_back({id, EventKind::stale, scope.active, *refused(id)});
}

std::optional<Error> ConfigPlane::refused(store::ScopeId id) const {
  const auto at = scopes_.find(id);
  if (at == scopes_.end()) return std::nullopt;
  const Scope& scope = at->second;
  if (scope.refused || scope.expires == Timestamp{} || wall_ < scope.expires) return scope.refused;
  return Error(Errc::not_in_force, "config: " + store_.scope(id).name + ": version " +
                                       std::to_string(scope.active.number) + ": its time is over; it stays active");
}

void ConfigPlane::tick(Timestamp wall, Instant now) {
  wall_ = wall;
  now_ = now;
  if (store_.writing()) return;
  for (auto& [id, scope] : scopes_) {
    if (!lost_.contains(id)) journal(id, scope, scope.activation.tick(now));
    look_at_time(id, scope);
    if (scope.look_again <= now && !lost_.contains(id)) consider(id, scope);
  }
}

Instant ConfigPlane::deadline() const {
  Instant next = never;
  if (store_.writing()) return next;
  for (const auto& [id, scope] : scopes_) {
    if (lost_.contains(id)) continue;  // its turn comes with the next commit, not with time
    next = std::min({next, scope.look_again, scope.activation.deadline()});
    if (!scope.stale_told && scope.expires != Timestamp{}) next = std::min(next, due(scope.expires, wall_, now_));
  }
  return next;
}

}  // namespace edgesync::sync
