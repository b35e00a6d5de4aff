// SPDX-License-Identifier: Apache-2.0
// A hub with a RolloutController and nodes that report, in one process over a loopback.
#pragma once

#include "fleet.hpp"

#include <atomic>
#include <functional>

namespace edgesync {

inline const std::string canary_label = "canary";

class Rollouts : public Fleet {
 protected:
  Rollouts() {
    open_hub_again();
    config("hub").publish_tree({{"rpm", 1}}).value();
  }

  void open_hub_again() {
    controller_.reset();
    if (hub_) hub_->close();
    hub_.emplace(open_hub());
    RolloutControllerOptions options;
    options.on_progress = [this](const std::string& scope, const RolloutStatus& status) {
      progress_.saw(scope + " " + std::to_string(status.version) + " " + name(status.phase) + " " +
                    std::to_string(status.open));
    };
    controller_.emplace(RolloutController::start(*hub_, std::move(options)).value());
  }

  /// A node that runs version `version` of "c" and is linked.
  Node& join(const std::string& name, const std::string& pool, std::uint64_t version = 1) {
    Node& node = open(name, pool);
    node.link(to_hub()).value();
    EXPECT_TRUE(seats_[name].events.waits_for("activated " + std::to_string(version))) << name;
    return node;
  }
  Node& open(const std::string& name, const std::string& pool, std::chrono::milliseconds health_window = 0ms) {
    NodeOptions options{.database = file(name + ".db"), .name = name};
    options.labels = {{"pool", pool}};
    options.fleet = "fleet";
    options.health_window = health_window;
    options.runtime = runtime_;
    const auto [at, fresh] = nodes_.insert_or_assign(name, Node::open(std::move(options)).value());
    Seat& seat = seats_[name];
    Node& node = at->second;
    handlers_.push_back(node.on_event([this, &seat, &node](const Event& event) {
      if (event.plane == Plane::config && react_) react_(node, event);
      if (event.plane == Plane::config)
        seat.events.saw(std::string(edgesync::name(event.kind)) + " " + std::to_string(event.version.number));
      else if (event.kind == EventKind::linked)
        seat.links.saw("linked");
    }));
    handlers_.push_back(node.config("c").on_activate([&seat](const Candidate& candidate) {
      const Verdict answer = candidate.version.number < 2 ? Verdict::healthy : seat.verdict.load();
      seat.asked.saw(std::to_string(candidate.version.number));
      return answer;
    }));
    return node;
  }

  Config config(const std::string& node) { return node == "hub" ? hub_->config("c") : nodes_.at(node).config("c"); }
  Rollout rollout() { return config("hub").rollout(); }
  std::uint64_t active(const std::string& node) { return config(node).active().number; }

  /// Waits until `look` says so, after changes below `key`.
  static bool comes_true(const State& state, const std::string& key, const std::function<bool()>& look) {
    const auto seen = std::make_shared<Witness>();  // a handler may be running a moment longer than we wait
    const auto subscription = state.on_change(key, [seen, look](const Change&) {
      if (look()) seen->saw("yes");
    });
    return look() || seen->waits_for("yes");
  }
  /// Waits until the hub knows so of its waves.
  void counts_become(const std::vector<WaveCounts>& wanted) {
    const State fleet = hub_->state("fleet");
    const auto look = [fleet, rollout = rollout(), wanted] { return rollout.counts(fleet).value() == wanted; };
    EXPECT_TRUE(comes_true(fleet, {}, look));
  }
  /// Waits until the hub has this cell of the fleet.
  void reported(const std::string& key) {
    const State fleet = hub_->state("fleet");
    EXPECT_TRUE(comes_true(fleet, key, [fleet, key] { return fleet.get(key).has_value(); })) << key;
  }
  /// What was sent before is there.
  void settle(const std::string& node) {
    hub_->state("order").set("last", node).value();
    const State state = nodes_.at(node).state("order");
    EXPECT_TRUE(comes_true(state, "last", [state, node] {
      const auto last = state.get("last");
      return last && *last == Value(node);
    }));
  }

  RolloutPlan canary_first(RolloutGate gate = {}) { return {{{.labels = {{"pool", canary_label}}, .gate = gate}, {}}}; }

  /// What a node's application sees and says.
  struct Seat {
    Witness asked{}, events{}, links{};
    std::atomic<Verdict> verdict = Verdict::healthy;
  };
  std::map<std::string, Seat> seats_;
  std::function<void(Node&, const Event&)> react_{};  ///< What each application does about its versions.
  std::shared_ptr<Runtime> runtime_{};                ///< Of all nodes; null: one each.
  Witness progress_;
  std::optional<Hub> hub_;
  std::optional<RolloutController> controller_;
  std::map<std::string, Node> nodes_;
  std::vector<Subscription> handlers_;
};

}  // namespace edgesync
