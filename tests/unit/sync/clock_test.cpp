// SPDX-License-Identifier: Apache-2.0
// Clocks that lie, on either side and in both directions, in the middle of work: reliability.md C1 to C5 and C8. What
// holds: nothing is lost or refused, no scope stalls, order is kept, and once the two have met, stamps are about right.
#include "unit/sync/pair.hpp"

#include "crdt/hlc.hpp"

namespace edgesync::sync {
namespace {

using namespace std::chrono_literals;
using std::chrono::hours;

constexpr auto year = hours(24 * 365);

class LyingClocks : public Pair {
 protected:
  LyingClocks() {
    at_node_ = node->open(Plane::state, "twin");
    at_hub_ = hub->open(Plane::state, "twin");
    node->commit(), hub->commit();
  }

  /// What each machine's clock shows.
  Now seen_by(const Side& side) const {
    const bool hubs = &side == hub.get();
    return {now.monotonic, now.wall + (hubs ? hub_off_ : node_off_)};
  }
  void pass(std::chrono::microseconds time) { now.monotonic += time, now.wall += time; }

  void meet() {
    hub->link = hub->engine->open_link(Role::hub, {{}, "pair"}, seen_by(*hub));
    node->link = node->engine->open_link(Role::node, {"good", "pair"}, seen_by(*node));
    run();
  }
  /// Until they stay linked: one of them may take another id.
  void meet_until_settled() {
    for (int attempts = 0; attempts < 5; ++attempts) {
      hub->link = hub->engine->open_link(Role::hub, {{}, "pair"}, seen_by(*hub));
      node->link = node->engine->open_link(Role::node, {"good", "pair"}, seen_by(*node));
      for (int rounds = 0; move(); ++rounds) ASSERT_LT(rounds, 1000);
      if (!node->engine->ending(*node->link) && !hub->engine->ending(*hub->link)) return;
      disconnect();
    }
    FAIL() << "they never stay linked";
  }
  bool carry_one(Side& from, Side& to) {
    const auto frame = from.link && to.link ? from.engine->next_frame(*from.link, seen_by(from)) : std::nullopt;
    if (!frame) return false;
    pass(50ms);
    to.engine->received(*to.link, *frame, seen_by(to));
    return true;
  }
  bool step() {
    const bool up = carry_one(*node, *hub);
    return carry_one(*hub, *node) || up;
  }
  /// Whether anything went on: a frame each way, and what a commit let go.
  bool move() {
    bool moved = step();
    moved |= hub->commit();
    moved |= node->commit();
    return moved;
  }
  void run() {
    for (int rounds = 0; move(); ++rounds) ASSERT_LT(rounds, 1000);
    for (Side* side : {hub.get(), node.get()}) {
      const auto ending = side->link ? side->engine->ending(*side->link) : std::nullopt;
      EXPECT_FALSE(ending) << ending->detail;
    }
  }

  crdt::Stamp write(Side& side, std::string_view key, Value value) {
    pass(1ms);
    const Edit edit = Edit().set(key, std::move(value));
    const auto scope = &side == hub.get() ? at_hub_ : at_node_;
    return side.store->commit(scope, edit.ops(), side.engine->time(seen_by(side))).value().stamp;
  }
  /// How far a stamp is from the true time.
  std::chrono::microseconds error_of(crdt::Stamp stamp) const {
    return std::chrono::abs(crdt::Hlc::wall(stamp) - now.wall);
  }
  void expect_equal(std::string_view key, const Value& value) {
    EXPECT_EQ(node->get(at_node_, key), value);
    EXPECT_EQ(hub->get(at_hub_, key), value);
    EXPECT_EQ(node->store->summary(at_node_), hub->store->summary(at_hub_));
    EXPECT_EQ(node->store->context(at_node_), hub->store->context(at_hub_));
  }
  std::vector<std::string> told(Side& side) {
    std::vector<std::string> texts;
    for (const Event& event : side.engine->take_events())
      if (event.kind == EventKind::clock) texts.push_back(event.error.code ? event.error.detail : "right again");
    return texts;
  }

  std::chrono::microseconds node_off_{}, hub_off_{};
  store::ScopeId at_node_{}, at_hub_{};
};

TEST_F(LyingClocks, ANodeIn1970IsRightOnceItHasMetTheHub) {
  node_off_ = Timestamp{} + 10s - now.wall;
  write(*node, "offline", 1);
  meet();
  EXPECT_EQ(told(*node).size(), 1u);
  EXPECT_GT(node->engine->clock().offset().value(), 24h * 365 * 50);
  EXPECT_LT(error_of(write(*node, "k", "node")), 1s) << "the round trip's half at most";
  run();
  expect_equal("k", "node");
  // It takes part in conflicts like anybody: the later write wins, whoever wrote it.
  write(*hub, "both", "hub, earlier");
  pass(5s);
  write(*node, "both", "node, later");
  run();
  expect_equal("both", "node, later");
}

TEST_F(LyingClocks, TheHubsWordHoldsWithoutALink) {
  node_off_ = -56 * year;
  meet();
  disconnect();
  pass(30 * 24h);
  EXPECT_LT(error_of(write(*node, "k", 1)), 1s);
}

TEST_F(LyingClocks, JumpsInTheMiddleOfTransactionsAreNotFollowedOnceTheHubHasTold) {
  meet();
  crdt::Stamp last = 0;
  int value = 0;
  for (const auto jump : {80 * year, -56 * year, 24 * year, hours(1), hours(-1), hours(0)}) {
    node_off_ = jump;
    for (int i = 0; i < 3; ++i) {
      const crdt::Stamp stamp = write(*node, "k", ++value);
      EXPECT_GT(stamp, last);
      EXPECT_LT(error_of(stamp), 1s) << "with the clock off by " << jump.count() << " h";
      last = stamp;
      if (i == 1) run();
      node_off_ = -jump / 2;  // and again between two writes of one batch
    }
  }
  run();
  expect_equal("k", value);
  EXPECT_FALSE(node->engine->stamps_ahead(seen_by(*node)));
}

TEST_F(LyingClocks, AStepBackKeepsTheOrder) {
  const crdt::Stamp before = write(*node, "k", "before");
  node_off_ = -1h;
  const crdt::Stamp after = write(*node, "k", "after");
  EXPECT_GT(after, before);
  meet();
  expect_equal("k", "after");
}

TEST_F(LyingClocks, APoisonedClockNeitherWinsForEverNorStallsTheScope) {
  // given: a node whose clock said 2050 while it wrote, and whose clock is right again
  node_off_ = 24 * year;
  write(*node, "k", "2050");
  write(*node, "other", "2050");
  node->commit();
  node_off_ = {};
  write(*hub, "k", "concurrent");
  hub->commit();
  // when they meet: nothing is refused, and it wins this once
  const ReplicaId before = node->store->replica();
  meet_until_settled();
  expect_equal("k", "2050");
  // Its stamps are ahead, its clock is not: it takes another id, whose stamps begin at the right time.
  EXPECT_NE(node->store->replica(), before);
  EXPECT_EQ(node->engine->metrics().identities, 1u);
  // then: the hub has not caught the time, and what has seen the value replaces it
  const crdt::Stamp honest = write(*hub, "k", "honest");
  EXPECT_LT(error_of(honest), 1s);
  run();
  expect_equal("k", "honest");
  EXPECT_FALSE(node->engine->stamps_ahead(seen_by(*node)));
  EXPECT_FALSE(hub->engine->stamps_ahead(seen_by(*hub)));
  // What it writes from now on wins and loses like anybody's.
  EXPECT_LT(error_of(write(*node, "both", "node, earlier")), 1s);
  pass(5s);
  write(*hub, "both", "hub, later");
  run();
  expect_equal("both", "hub, later");
}

TEST_F(LyingClocks, AnotherIdThatBeganEarlierIsNotTakenForACopy) {
  // given: an id whose stamps go on from 2050, and another one after it, from today, with both ids' stamps at the hub
  node_off_ = 24 * year;
  write(*node, "k", "2050");
  node->commit();
  node_off_ = {};
  meet_until_settled();
  const crdt::Stamp today = write(*node, "k", "today");
  run();
  expect_equal("k", "today");
  // when it is opened again, writes and meets the hub
  disconnect();
  reopen();
  at_node_ = node->open(Plane::state, "twin"), at_hub_ = hub->open(Plane::state, "twin");
  const ReplicaId known = node->store->replica();
  EXPECT_TRUE(node->store->minted(known, today));
  write(*node, "k", "tomorrow");
  node->commit();
  meet();
  // then: all of it is its own
  EXPECT_EQ(node->store->replica(), known);
  EXPECT_EQ(node->engine->metrics().identities, 0u);
  expect_equal("k", "tomorrow");
}

TEST_F(LyingClocks, AHubIn1970TellsNoTime) {
  hub_off_ = -56 * year;
  EngineOptions options;
  options.name = "hub", options.root = true, options.authorizer = allow_all();
  options.passed = now.wall - 300 * 24h;
  hub->engine = std::make_unique<Engine>(*hub->store, hub->random, std::move(options));
  hub->engine->scope_opened(at_hub_).value();
  meet();
  EXPECT_EQ(told(*hub).size(), 1u);
  EXPECT_FALSE(node->engine->clock().offset()) << "the node keeps its own time";
  EXPECT_LT(error_of(write(*node, "k", 1)), 1s);
  run();
  expect_equal("k", 1);
  EXPECT_GE(crdt::Hlc::wall(write(*hub, "k", 2)), now.wall - 300 * 24h);
  run();
  expect_equal("k", 2);
}

TEST_F(LyingClocks, AHubThatJumpsIsToldAndLosesNothing) {
  meet();
  told(*hub), told(*node);
  for (const auto jump : {10 * year, hours(0), -hours(48), hours(0)}) {
    hub_off_ = jump;
    pass(61s);
    hub->engine->tick(seen_by(*hub));
    EXPECT_EQ(told(*hub).size(), 1u) << jump.count();
    write(*node, "k", jump.count());
    run();
    expect_equal("k", jump.count());
  }
  // A link made while the hub is wrong makes the node follow it; the next one puts it right.
  disconnect();
  hub_off_ = 2h;
  meet();
  EXPECT_GT(error_of(write(*node, "k", 1)), 1h);
  disconnect();
  hub_off_ = {};
  meet();
  EXPECT_EQ(node->engine->time(seen_by(*node)), now.wall);
  write(*node, "k", 2);
  run();
  expect_equal("k", 2);
}

TEST_F(LyingClocks, BothTellWhoDiffers) {
  node_off_ = 3h;
  meet();
  ASSERT_EQ(told(*node).size(), 1u);
  const auto at_hub = told(*hub);
  ASSERT_EQ(at_hub.size(), 1u);
  EXPECT_NE(at_hub[0].find("ahead of this hub's"), std::string::npos) << at_hub[0];
  node_off_ = {};
  pass(61s);
  node->engine->tick(seen_by(*node));
  EXPECT_EQ(told(*node), std::vector<std::string>{"right again"});
}

TEST_F(LyingClocks, TimersDoNotMind) {
  meet();
  for (int i = 0; i < 60; ++i) {
    node_off_ = i % 2 == 0 ? 80 * year : -56 * year;
    hub_off_ = -node_off_;
    pass(1s);
    for (Side* side : {node.get(), hub.get()}) side->engine->tick(seen_by(*side));
    run();
  }
  EXPECT_TRUE(node->engine->linked());
}

}  // namespace
}  // namespace edgesync::sync
