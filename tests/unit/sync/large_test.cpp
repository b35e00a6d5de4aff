// SPDX-License-Identifier: Apache-2.0
// Cuts that do not fit in memory: told in chunks, kept aside, resumed after any interruption, visible whole or not at
// all.
#include "unit/sync/pair.hpp"

namespace edgesync::sync {
namespace {

std::string key_of(int number) { return "line-" + std::to_string(number % 7) + "/sensor-" + std::to_string(number); }

class LargeCuts : public Pair {
 protected:
  LargeCuts() {
    limits.cut_bytes = 20'000;
    limits.chunk_bytes = 6'000;
    limits.chunk_window = 20'000;
    limits.part_bytes = 2'000;
    limits.frame_bytes = 2'000;
    reopen();
    at_hub_ = hub->open(Plane::state, "twin");
    at_node_ = node->open(Plane::state, "twin");
  }

  void fill(int from, int to, std::string_view value = "some value that takes a little room") {
    for (int i = from; i < to; ++i) set(*hub, at_hub_, key_of(i), std::string(value) + std::to_string(i));
    hub->commit();
  }
  /// A crash of one side: what is not durable is gone.
  void restart(std::unique_ptr<Side>& side) {
    disconnect();
    const Role role = side == hub ? Role::hub : Role::node;
    side.reset();
    side = std::make_unique<Side>(path(role), role, 9 + static_cast<std::uint64_t>(frames), limits);
  }
  /// `count` frames from the hub to the node, and whatever is answered; false if it has become quiet.
  bool step(int count) {
    for (int i = 0; i < count; ++i) {
      bool moved = carry(*node, *hub);
      moved |= carry(*hub, *node);
      moved |= hub->commit();
      moved |= node->commit();
      if (!moved) return false;
    }
    return true;
  }
  std::uint64_t received() const { return node->engine->metrics().bytes_received; }
  void expect_equal() {
    EXPECT_EQ(node->store->context(at_node_), hub->store->context(at_hub_));
    EXPECT_EQ(node->store->summary(at_node_), hub->store->summary(at_hub_));
    EXPECT_TRUE(node->store->verify().value().empty());
    EXPECT_TRUE(node->store->stages(at_node_).empty());
    EXPECT_FALSE(has_event(node->engine->take_events(), EventKind::diverged));
  }

  store::ScopeId at_node_{}, at_hub_{};
};

TEST_F(LargeCuts, BecomeVisibleWholeOrNotAtAll) {
  fill(0, 2'000);
  connect();
  bool staged = false;
  while (step(1)) {
    const bool first = node->get(at_node_, key_of(0)).has_value(),
               last = node->get(at_node_, key_of(1'999)).has_value();
    ASSERT_EQ(first, last);
    staged |= !node->store->stages(at_node_).empty();
  }
  EXPECT_TRUE(staged);
  EXPECT_TRUE(node->get(at_node_, key_of(0)));
  expect_equal();
}

TEST_F(LargeCuts, OfSeveralScopesBecomeVisibleTogether) {
  const store::ScopeId small = hub->open(Plane::state, "a/small"), seen = node->open(Plane::state, "a/small");
  const store::ScopeId late = hub->open(Plane::state, "z/small"), late_seen = node->open(Plane::state, "z/small");
  for (const store::ScopeId scope : {small, late}) set(*hub, scope, "k", 1);
  fill(0, 2'000);
  connect();
  while (step(1)) {
    const bool whole = node->get(at_node_, key_of(7)).has_value();
    ASSERT_EQ(node->get(seen, "k").has_value(), whole);
    ASSERT_EQ(node->get(late_seen, "k").has_value(), whole);
  }
  EXPECT_EQ(node->get(late_seen, "k"), Value(1));
  expect_equal();
}

TEST_F(LargeCuts, OfManySmallScopesArrive) {
  for (int i = 0; i < 300; ++i) {
    const auto scope = node->open(Plane::state, "many/" + std::to_string(i));
    for (int k = 0; k < 5; ++k) set(*node, scope, key_of(k), "some value that takes a little room");
  }
  connect();
  settle();
  for (const store::Scope& scope : node->store->scopes()) EXPECT_TRUE(node->engine->caught_up(scope.id)) << scope.name;
}

TEST_F(LargeCuts, LetOtherScopesAndLanesPass) {
  fill(0, 3'000);
  const store::ScopeId other = hub->open(Plane::state, "other"), other_seen = node->open(Plane::state, "other");
  const store::ScopeId conf = hub->open(Plane::config, "conf"), conf_seen = node->open(Plane::config, "conf");
  connect();
  step(8);
  ASSERT_FALSE(node->store->stages(at_node_).empty());
  set(*hub, other, "k", 1);
  set(*hub, conf, "k", 2);
  hub->commit();
  step(8);
  EXPECT_EQ(node->get(other_seen, "k"), Value(1));
  EXPECT_TRUE(node->store->context(conf_seen) == hub->store->context(conf));
  EXPECT_FALSE(node->get(at_node_, key_of(0)));
  settle();
  expect_equal();
}

TEST_F(LargeCuts, GoOnAfterEveryInterruptionWhileTheirSenderChanges) {
  Xoshiro random(4);
  fill(0, 3'000);
  std::uint64_t spent = 0;
  for (int round = 0, quiet = 0; quiet < 2 && round < 400; ++round) {
    connect();
    const std::uint64_t before = received();
    const bool more = step(4 + round % 5);
    spent += received() - before;
    quiet = more ? 0 : quiet + 1;
    disconnect();
    if (round < 40) {
      Edit edit;
      for (int i = 0; i < 4; ++i) edit.set(key_of(static_cast<int>(random.below(3'000))), round);
      edit.erase(key_of(static_cast<int>(random.below(3'000))));
      if (round % 7 == 3) edit.erase_prefix("line-" + std::to_string(round % 5));
      if (round % 9 == 5) edit.set("line-" + std::to_string(round % 5) + "/again", round);
      hub->store->commit(at_hub_, edit.ops(), now.wall).value();
      set(*node, at_node_, key_of(round), -round);
      hub->commit(), node->commit();
    }
    if (round % 3 == 1) restart(round % 2 == 0 ? hub : node);
  }
  connect();
  settle();
  expect_equal();
  EXPECT_GT(spent, 0u);
}

TEST_F(LargeCuts, CostTheRestOnlyWhenResumed) {
  fill(0, 4'000);
  connect();
  settle();
  const std::uint64_t once = received();
  // The same for another scope, interrupted ten times on either side.
  const store::ScopeId scope = hub->open(Plane::state, "twice"), seen = node->open(Plane::state, "twice");
  disconnect();
  for (int i = 0; i < 4'000; ++i)
    set(*hub, scope, key_of(i), "some value that takes a little room" + std::to_string(i));
  hub->commit();
  std::uint64_t spent = 0;
  for (int round = 0; round < 10; ++round) {
    connect();
    const std::uint64_t before = received();
    step(20);
    spent += received() - before;
    restart(round % 2 == 0 ? node : hub);
  }
  connect();
  const std::uint64_t before = received();
  settle();
  spent += received() - before;
  EXPECT_EQ(node->store->summary(seen), hub->store->summary(scope));
  EXPECT_LE(spent, once + once / 4);  // greetings, and what was in flight when the link was cut
  RecordProperty("bytes at once", static_cast<int>(once));
  RecordProperty("bytes with ten interruptions", static_cast<int>(spent));
}

TEST_F(LargeCuts, BelowTheFloorsAreExactToo) {
  fill(0, 2'000);
  connect();
  settle();
  disconnect();
  Edit edit;
  for (int i = 0; i < 300; ++i) edit.erase(key_of(i * 5));
  hub->store->commit(at_hub_, edit.ops(), now.wall).value();
  hub->commit();
  hub->store->compact(0).value();
  fill(2'000, 4'000);
  set(*node, at_node_, key_of(5), "kept: nobody saw it removed");
  node->commit();
  for (int round = 0; round < 6; ++round) {
    connect();
    step(12);
    restart(round % 2 == 0 ? node : hub);
  }
  connect();
  settle();
  expect_equal();
  EXPECT_FALSE(node->get(at_node_, key_of(10)));
  EXPECT_TRUE(hub->get(at_hub_, key_of(5)));
}

TEST_F(LargeCuts, WaitForAPeerThatNeverAcks) {
  fill(0, 4'000);
  connect();
  for (int i = 0; i < 4; ++i) carry(*node, *hub), carry(*hub, *node);
  std::size_t bytes = 0;
  while (auto frame = hub->engine->next_frame(*hub->link, now)) bytes += frame->size();
  EXPECT_LE(bytes, limits.chunk_window + 2 * limits.chunk_bytes);
  now.monotonic += limits.ack + std::chrono::seconds(1);
  hub->engine->tick(now);
  while (hub->engine->next_frame(*hub->link, now)) continue;
  ASSERT_TRUE(hub->engine->ending(*hub->link));
  EXPECT_TRUE(hub->engine->ending(*hub->link)->is(Errc::timed_out));
}

TEST_F(LargeCuts, UpwardsWorkTheSame) {
  for (int i = 0; i < 2'000; ++i) set(*node, at_node_, key_of(i), "some value that takes a little room");
  node->commit();
  for (int round = 0; round < 5; ++round) {
    connect();
    step(10);
    restart(round % 2 == 0 ? node : hub);
  }
  connect();
  settle();
  expect_equal();
  EXPECT_TRUE(node->engine->caught_up(at_node_));
}

}  // namespace
}  // namespace edgesync::sync
