// SPDX-License-Identifier: Apache-2.0
// A rollout to a fleet as fleets are: some nodes are away, one comes and goes, and the hub ends in the middle.
// EDGESYNC_FLEET: how many nodes (40).
#include "rollouts.hpp"

#include <cstdlib>
#include <iostream>
#include <thread>

namespace edgesync {
namespace {

/// Links and unlinks all the time.
class Flapping {
 public:
  Flapping(Node& node, Witness& links, std::function<LinkOptions()> to_hub)
      : thread_([this, &node, &links, to_hub = std::move(to_hub)] {
          while (!over_) {
            const std::size_t before = links.seen().size();
            node.link(to_hub()).value();
            links.waits_for_more_than(before, 1s);
            node.unlink();
            ++times_;
          }
          node.link(to_hub()).value();
        }) {}
  ~Flapping() {
    over_ = true;
    thread_.join();
  }
  int times() const { return times_; }

 private:
  std::atomic<bool> over_ = false;
  std::atomic<int> times_ = 0;
  std::thread thread_;
};

class RolloutFleet : public Rollouts {
 protected:
  RolloutFleet() {
    runtime_ = make_runtime();
    // A version with "bad" in it runs for a moment, and then turns out to be bad.
    react_ = [](Node& node, const Event& event) {
      if (event.kind != EventKind::activated) return;
      Config config = node.config("c");
      if (config.get("bad"))
        config.report_unhealthy("it is bad", event.version.number).ignore();
      else
        config.confirm(event.version.number).ignore();
    };
    for (int i = 0; i < size_; ++i) {
      Node& node = open(name_of(i), i % 20 == 0 ? canary_label : "rest", 1h);
      node.link(to_hub()).value();
    }
    for (int i = 0; i < size_; ++i) EXPECT_TRUE(seats_[name_of(i)].events.waits_for("confirmed 1", 300s)) << i;
  }

  static std::string name_of(int i) { return "gw-" + std::to_string(i); }
  bool is_canary(int i) const { return i % 20 == 0; }
  /// One in ten; none of them a canary.
  bool is_away(int i) const { return i % 10 == 3; }

  RolloutPlan in_three() const {
    const auto canaries = static_cast<std::uint32_t>((size_ + 19) / 20);
    return {{{.labels = {{"pool", canary_label}}, .gate = {.reported_min = canaries}},
             {.percent = 30, .gate = {.reported_min = 3, .success_percent = 90}},
             {.gate = {.reported_min = 1}}}};
  }

  const int size_ = std::getenv("EDGESYNC_FLEET") != nullptr ? std::atoi(std::getenv("EDGESYNC_FLEET")) : 40;
};

TEST_F(RolloutFleet, ABadVersionStopsInItsFirstWaveAndAGoodOneReachesAll) {
  for (int i = 0; i < size_; ++i)
    if (is_away(i)) nodes_.at(name_of(i)).unlink();
  Flapping flapping(nodes_.at(name_of(1)), seats_[name_of(1)].links, [this] { return to_hub(); });

  auto begun = std::chrono::steady_clock::now();
  const auto passed = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - std::exchange(begun, {})).count();
  };
  rollout().publish_tree({{"bad", true}}, in_three()).value();
  ASSERT_TRUE(progress_.waits_for("c 2 stopped 1", 120s));
  const double stopped = passed();
  for (int i = 0; i < size_; ++i) {
    const Seat& seat = seats_[name_of(i)];
    const auto asked = seat.asked.seen();
    EXPECT_EQ(std::count(asked.begin(), asked.end(), "2"), is_canary(i) ? 1 : 0) << i;
    EXPECT_TRUE(!is_canary(i) || seats_[name_of(i)].events.waits_for("rolled_back 1")) << i;
    EXPECT_EQ(active(name_of(i)), 1U) << i;
  }

  begun = std::chrono::steady_clock::now();
  rollout().publish_tree({{"rpm", 3}}, in_three()).value();
  ASSERT_TRUE(progress_.waits_for("c 3 running 2", 120s));
  open_hub_again();
  ASSERT_TRUE(progress_.waits_for("c 3 done 3", 120s));
  for (int i = 0; i < size_; ++i)
    EXPECT_TRUE(is_away(i) || seats_[name_of(i)].events.waits_for("confirmed 3", 120s)) << i;
  const double reached = passed();
  for (int i = 0; i < size_; ++i)
    if (is_away(i)) nodes_.at(name_of(i)).link(to_hub()).value();
  for (int i = 0; i < size_; ++i) EXPECT_TRUE(seats_[name_of(i)].events.waits_for("confirmed 3", 120s)) << i;
  std::cout << size_ << " nodes, one in ten away: a bad version stopped in wave 1 after " << stopped
            << " s; a good one in use on all that were there after " << reached
            << " s, the hub opened again in between; "
            << "one node came and went " << flapping.times() << " times\n";
}

}  // namespace
}  // namespace edgesync
