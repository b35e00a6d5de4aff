// SPDX-License-Identifier: Apache-2.0
// Rollout: a config version that reaches the fleet in waves instead of all nodes at once. Whoever may write to the
// scope starts one and gives orders, from any node and without a network; a RolloutController beside the hub opens the
// waves by what the nodes report (NodeOptions::fleet). Nodes that are offline hold up nobody and come in when they are
// back; new ones come in under the wave that is theirs. A node that no wave has let in has the version before. Thread
// safety: any member from any thread.
//
//   RolloutPlan plan;
//   plan.waves = {{.labels = {{"pool", "canary"}}}, {.percent = 10, .gate = {.soak = 1h}}, {}};
//   hub.config("line").rollout().publish_tree(content, plan, "pump limits");
#pragma once

#include <edgesync/config.hpp>
#include <edgesync/hub.hpp>
#include <edgesync/rollout_plan.hpp>
#include <edgesync/state.hpp>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace edgesync {

/// Of one config scope. Handles as in state.hpp.
class EDGESYNC_EXPORT Rollout {
 public:
  /// As Config::publish(), publish_tree() and publish_signed(), for the waves of `plan`; another rollout of the scope
  /// that is under way ends. Durable when they return. A version with signatures is proved by each node as ever: a hub
  /// decides when nodes take it, not what it is. Fail also with: invalid_argument (the plan).
  Result<VersionInfo> publish(const Edit& edit, const RolloutPlan& plan, std::string_view note = {});
  Result<VersionInfo> publish_tree(const std::map<std::string, Value>& content, const RolloutPlan& plan,
                                   std::string_view note = {});
  Result<VersionInfo> publish_signed(const Bytes& release, const RolloutPlan& plan);

  /// Nodes that have not taken the version yet do not begin to, until resume(). Fail with: not_found (no rollout, or it
  /// is over).
  Result<void> pause();
  Result<void> resume();
  /// The gate of `wave`, counted from 1, and those before it, count as passed: also that of the last one, which a node
  /// that is gone for good keeps open. Fails with: not_found, invalid_argument (there is no such wave).
  Result<void> approve(std::uint32_t wave);
  /// It is offered to nobody any more. Nodes that have it in use keep it: Config::rollback() at the root publishes an
  /// earlier content for them. Fails with: not_found.
  Result<void> abort();

  /// The latest, even if it is over. Fails with: not_found (there never was one).
  Result<RolloutStatus> status() const;
  /// Its nodes, wave by wave. `fleet`: the state scope in which the controller keeps what they report. Fails with:
  /// not_found, storage_*.
  Result<std::vector<WaveCounts>> counts(const State& fleet) const;
  /// `handler` is called when status() may have changed, and when another version was published.
  Subscription on_change(Function<void()> handler) const;

  explicit Rollout(std::shared_ptr<node::ScopeHandle> scope) noexcept : scope_(std::move(scope)) {}

 private:
  std::shared_ptr<node::ScopeHandle> scope_;
};

struct RolloutControllerOptions {
  /// The stream of the nodes' reports, and the state scope in which the controller keeps the latest of each node, for
  /// whoever may read it: "NODE/labels/KEY", and "NODE/config/SCOPE/version", ".../id", ".../role", ".../active",
  /// ".../active_id", ".../error"; '%' and '/' in a name are "%25" and "%2F".
  std::string fleet = "fleet";
  /// Called when a rollout is in another phase or another wave is open, at most once for each; on the controller's
  /// thread, the first time inside start(). Must not destroy the controller.
  Function<void(const std::string& scope, const RolloutStatus&)> on_progress{};
};

/// Opens the waves of all rollouts at a root hub. What it decides is in the config scope before any node acts on it,
/// and what it knows in the hub's database: a restart at any moment goes on where it was, but a soak, which begins
/// anew: what happened meanwhile is not known yet. It remembers every node that ever reported. One per hub.
class EDGESYNC_EXPORT RolloutController {
 public:
  /// `hub` outlives it. Fails with: invalid_argument (the name), storage_*, limit_exceeded (no thread).
  static Result<RolloutController> start(Hub& hub, RolloutControllerOptions options = {});
  RolloutController(RolloutController&&) noexcept;
  RolloutController& operator=(RolloutController&&) noexcept;
  ~RolloutController();

 private:
  class Worker;
  explicit RolloutController(std::unique_ptr<Worker> worker) noexcept;
  std::unique_ptr<Worker> worker_;
};

}  // namespace edgesync
