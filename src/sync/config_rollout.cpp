// SPDX-License-Identifier: Apache-2.0
// ConfigPlane: versions that reach the fleet in waves. What is rolled out stands beside the register for everybody, so
// that a node which no wave has let in knows nothing of it, and whoever comes new gets the version before.
#include "sync/config_plane.hpp"

#include <algorithm>
#include <tuple>

namespace edgesync::sync {

Result<std::pair<store::Ticket, VersionInfo>> ConfigPlane::roll_out(store::ScopeId scope,
                                                                    const config::Content& content,
                                                                    std::string_view note, const RolloutPlan& plan,
                                                                    Timestamp now) {
  const auto release = draft(scope, content, note, now);
  if (!release) return release.error();
  return put(scope, *release, plan, now);
}

Result<std::pair<store::Ticket, VersionInfo>> ConfigPlane::roll_out(store::ScopeId scope,
                                                                    const config::Release& release,
                                                                    const RolloutPlan& plan, Timestamp now) {
  if (auto good = may_publish(scope, release, now); !good) return std::move(good).error();
  return put(scope, release, plan, now);
}

Result<std::pair<store::Ticket, VersionInfo>> ConfigPlane::put(store::ScopeId scope, const config::Release& release,
                                                               const RolloutPlan& plan, Timestamp now) {
  if (auto good = config::check(plan); !good) return std::move(good).error();
  const config::Rollout rollout{release.manifest.number, release.manifest.id, plan};
  const Edit edit = Edit().set(candidate_key, release.encode()).set(rollout_key, rollout.encode());
  const auto committed = store_.commit(scope, edit.ops(), now);
  if (!committed) return committed.error();
  return std::pair(committed->ticket, release.manifest.info());
}

Result<std::optional<ConfigPlane::Rolling>> ConfigPlane::rollout(store::ScopeId scope) const {
  auto found = look(scope);
  if (!found) return std::move(found).error();
  if (!found->rollout) return std::optional<Rolling>();
  const bool overtaken = found->overtaken();
  Rolling rolling{*std::move(found->rollout), {}, overtaken};
  const config::Rollout& rollout = rolling.rollout;
  if (found->progress && found->progress->number == rollout.number && found->progress->id == rollout.id)
    rolling.progress = *std::move(found->progress);
  else
    rolling.progress.number = rollout.number, rolling.progress.id = rollout.id;
  return std::optional(std::move(rolling));
}

Result<store::Ticket> ConfigPlane::order(store::ScopeId scope, const Function<void(config::Rollout&)>& change,
                                         Timestamp now) {
  auto rolling = rollout(scope);
  if (!rolling) return std::move(rolling).error();
  const std::string what = "config: " + store_.scope(scope).name + ": ";
  if (!*rolling) return Error(Errc::not_found, what + "nothing was ever rolled out");
  config::Rollout& rollout = (*rolling)->rollout;
  const bool aborted = rollout.order == config::Rollout::Order::abort;  // though the hub may not have heard of it
  if (aborted || config::is_over((*rolling)->progress.phase))
    return Error(Errc::not_found, what + "the rollout of version " + std::to_string(rollout.number) + " is over: " +
                                      name(aborted ? RolloutPhase::aborted : (*rolling)->progress.phase));
  const std::uint32_t approved = rollout.approved;
  change(rollout);
  if (rollout.approved > approved && rollout.approved > rollout.plan.waves.size())
    return Error(Errc::invalid_argument, what + "there are " + std::to_string(rollout.plan.waves.size()) + " waves");
  const auto committed = store_.commit(scope, Edit().set(rollout_key, rollout.encode()).ops(), now);
  if (!committed) return committed.error();
  return committed->ticket;
}

Result<store::Ticket> ConfigPlane::advance(store::ScopeId scope, config::Progress progress, Timestamp now) {
  Edit edit;
  if (config::is_over(progress.phase)) edit.erase(candidate_key);
  if (progress.phase == RolloutPhase::done) {
    std::optional<Bytes> release;
    const auto look = [&](crdt::CellSource& cells) { release = candidate(cells, progress); };
    if (auto read = store_.read(scope, look); !read) return std::move(read).error();
    if (release) {
      edit.set(release_key, *std::move(release));
    } else {
      progress.phase = RolloutPhase::stopped;
      progress.reason = "its content is gone";
    }
  }
  edit.set(progress_key, progress.encode());
  const auto committed = store_.commit(scope, edit.ops(), now);
  if (!committed) return committed.error();
  return committed->ticket;
}

ConfigPlane::Standing ConfigPlane::standing(store::ScopeId id) const {
  const auto at = scopes_.find(id);
  if (at == scopes_.end()) return {};
  const Scope& scope = at->second;
  Standing standing;
  standing.active = scope.active.number, standing.active_id = scope.active.id;
  standing.error = scope.refused ? scope.refused->detail : scope.left.reason;
  if (!scope.activation.rows().empty()) {
    const config::RoleRow& newest = scope.activation.rows().back();
    standing.number = newest.number, standing.id = newest.id, standing.role = newest.role;
  }
  standing.refused = scope.refused && scope.refused_version > std::pair(standing.number, standing.id);
  if (standing.refused) std::tie(standing.number, standing.id) = scope.refused_version;
  return standing;
}

}  // namespace edgesync::sync
