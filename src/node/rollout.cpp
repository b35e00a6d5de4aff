// SPDX-License-Identifier: Apache-2.0
#include <edgesync/rollout.hpp>

#include "node/fleet.hpp"
#include "node/publishing.hpp"

#include <algorithm>

namespace edgesync {
namespace {

using sync::ConfigPlane;

RolloutStatus shown(const ConfigPlane::Rolling& rolling) {
  const config::Rollout& rollout = rolling.rollout;
  const config::Progress& progress = rolling.progress;
  return {rollout.number, to_hex(rollout.id), rollout.plan,         progress.phase,
          progress.open,  progress.reason,    progress.passed_since};
}

/// The latest. Requires: locked.
Result<ConfigPlane::Rolling> latest(const node::ScopeHandle& scope) {
  auto rolling = scope.core->engine().config().rollout(scope.id);
  if (!rolling) return std::move(rolling).error();
  if (!*rolling) return Error(Errc::not_found, "config: " + scope.name + ": nothing was ever rolled out");
  return **std::move(rolling);
}

Result<void> order(const node::ScopeHandle& scope, const Function<void(config::Rollout&)>& change) {
  auto lock = scope.lock_idle();
  if (!lock) return std::move(lock).error();
  return node::settled(scope, *lock, node::write(scope, *lock, [&](ConfigPlane& plane) {
                         return plane.order(scope.id, change, scope.core->time());
                       }));
}

}  // namespace

Rollout Config::rollout() const { return Rollout(scope_); }

Result<VersionInfo> Rollout::publish(const Edit& edit, const RolloutPlan& plan, std::string_view note) {
  auto lock = scope_->lock_idle();
  if (!lock) return std::move(lock).error();
  const auto tree = node::edited(*scope_, edit);
  if (!tree) return tree.error();
  return node::publish(*scope_, *lock, *tree, [&](ConfigPlane& plane) {
    return plane.roll_out(scope_->id, *tree, note, plan, scope_->core->time());
  });
}

Result<VersionInfo> Rollout::publish_tree(const std::map<std::string, Value>& content, const RolloutPlan& plan,
                                          std::string_view note) {
  auto lock = scope_->lock_idle();
  if (!lock) return std::move(lock).error();
  return node::publish(*scope_, *lock, content, [&](ConfigPlane& plane) {
    return plane.roll_out(scope_->id, content, note, plan, scope_->core->time());
  });
}

Result<VersionInfo> Rollout::publish_signed(const Bytes& document, const RolloutPlan& plan) {
  const auto release = node::opened(*scope_, document);
  if (!release) return release.error();
  auto lock = scope_->lock_idle();
  if (!lock) return std::move(lock).error();
  return node::publish(*scope_, *lock, release->content, [&](ConfigPlane& plane) {
    return plane.roll_out(scope_->id, release->release, plan, scope_->core->time());
  });
}

Result<void> Rollout::pause() {
  return order(*scope_, [](config::Rollout& rollout) { rollout.order = config::Rollout::Order::pause; });
}

Result<void> Rollout::resume() {
  return order(*scope_, [](config::Rollout& rollout) { rollout.order = config::Rollout::Order::run; });
}

Result<void> Rollout::approve(std::uint32_t wave) {
  return order(*scope_, [wave](config::Rollout& rollout) { rollout.approved = std::max(rollout.approved, wave); });
}

Result<void> Rollout::abort() {
  return order(*scope_, [](config::Rollout& rollout) { rollout.order = config::Rollout::Order::abort; });
}

Result<RolloutStatus> Rollout::status() const {
  auto lock = scope_->lock_idle();
  if (!lock) return std::move(lock).error();
  const auto rolling = latest(*scope_);
  if (!rolling) return rolling.error();
  return shown(*rolling);
}

Result<std::vector<WaveCounts>> Rollout::counts(const State& state) const {
  auto lock = scope_->lock_idle();
  if (!lock) return std::move(lock).error();
  const auto rolling = latest(*scope_);
  if (!rolling) return rolling.error();
  lock->unlock();
  const auto fleet = node::Fleet::load(state);
  if (!fleet) return fleet.error();
  return fleet->count(rolling->rollout, scope_->name);
}

Subscription Rollout::on_change(Function<void()> handler) const {
  return scope_->core->handlers().on_published(scope_->name, std::move(handler));
}

}  // namespace edgesync
