// SPDX-License-Identifier: Apache-2.0
// What one side can never store as it is: it waits by itself, is told of, and goes through once its cause is gone.
#include "crdt/key.hpp"
#include "crdt/value_codec.hpp"
#include "sync/limits.hpp"
#include "unit/sync/pair.hpp"

namespace edgesync::sync {
namespace {

std::vector<Event> rejections(Side& side) {
  std::vector<Event> found;
  for (Event& event : side.engine->take_events())
    if (event.kind == EventKind::rejected) found.push_back(std::move(event));
  return found;
}

/// The key "hot" of "twin" holds as many entries at the hub as a cell may, and the node writes it without knowing them.
class Refusing : public Pair {
 protected:
  Refusing() {
    open_scopes();
    crowd(*hub, hub_twin_);
  }

  void open_scopes() {
    hub_twin_ = hub->open(Plane::state, "twin");
    node_twin_ = node->open(Plane::state, "twin");
    other_ = node->open(Plane::state, "other");
    config_ = node->open(Plane::config, "plant");
    records_ = node->open(Plane::stream, "telemetry");
    node->store->define_stream(records_, {{{"v", ColumnType::i64}}}, false).value();
  }

  void crowd(Side& side, store::ScopeId scope) {
    ReplicaId author;
    author.bytes.fill(std::byte{0xee});
    crdt::Delta delta;
    crdt::KeyState& hot = delta.keys.emplace_back();
    hot.key = crdt::cell_key("hot", crdt::Kind::value);
    for (std::size_t i = 1; i <= crdt::cell_entries_max; ++i)
      hot.listed.push_back({{{author, i}, 0, crdt::encode_value(Value(1))}, false});
    delta.upto.advance({author, crdt::cell_entries_max});
    store::RemoteCut cut;
    cut.deltas.push_back({scope, std::move(delta), {}});
    side.store->apply(std::move(cut));
    side.commit();
    ASSERT_EQ(side.store->context(scope).items().size(), 1u);
  }
  void write_others(std::int64_t value) {
    set(*node, other_, "b", value);
    node->store->append(records_, std::vector<Record>{{0, now.wall, {value}}}).value();
    node->commit();
  }
  void expect_others(std::int64_t value) {
    EXPECT_EQ(hub->get(*hub->store->find_scope(Plane::state, "other"), "b"), Value(value));
    EXPECT_TRUE(node->engine->caught_up(other_));
    EXPECT_TRUE(node->engine->caught_up(records_));
    EXPECT_FALSE(node->engine->ending(*node->link));
    EXPECT_FALSE(hub->engine->ending(*hub->link));
  }
  void pass(std::chrono::milliseconds time) {
    now.monotonic += time;
    hub->engine->tick(now), node->engine->tick(now);
    settle();
  }

  store::ScopeId hub_twin_{}, node_twin_{}, other_{}, config_{}, records_{};
};

TEST_F(Refusing, BlocksNothingElseNotEvenWhatWasInTheSameCut) {
  set(*node, node_twin_, "hot", 2);
  write_others(1);
  connect();
  settle();
  expect_others(1);
  EXPECT_FALSE(node->engine->caught_up(node_twin_));
  write_others(2);
  settle();
  expect_others(2);
}

TEST_F(Refusing, IsToldOnceOnBothSidesAndStands) {
  set(*node, node_twin_, "hot", 2);
  node->commit();
  connect();
  settle();
  const auto at_node = rejections(*node), at_hub = rejections(*hub);
  ASSERT_EQ(at_node.size(), 2u);  // what goes up, and what comes down
  ASSERT_EQ(at_hub.size(), 2u);
  for (const auto* events : {&at_node, &at_hub})
    for (const Event& event : *events) {
      EXPECT_EQ(event.scope, "twin");
      EXPECT_TRUE(event.error.is(Errc::limit_exceeded)) << event.error.detail;
    }
  EXPECT_EQ(at_hub.front().peer, "node");
  EXPECT_TRUE(node->engine->uplink()->refused(node_twin_));
  EXPECT_FALSE(node->engine->uplink()->refused(other_));
  ASSERT_NE(node->store->refusal(node_twin_), nullptr);
  EXPECT_TRUE(node->store->refusal(node_twin_)->why.is(Errc::limit_exceeded));
  for (int i = 0; i < 20; ++i) pass(std::chrono::seconds(10));
  EXPECT_TRUE(rejections(*node).empty());
  EXPECT_EQ(node->engine->rejected(node_twin_), 2u);
}

TEST_F(Refusing, IsTriedLessAndLessOften) {
  set(*node, node_twin_, "hot", 2);
  node->commit();
  connect();
  settle();
  const std::uint64_t first = node->engine->metrics().cuts_sent;
  for (int minute = 0; minute < 24 * 60; ++minute) pass(std::chrono::minutes(1));
  const std::uint64_t tries = node->engine->metrics().cuts_sent - first;
  EXPECT_GE(tries, 24u);
  EXPECT_LE(tries, 100u);
  EXPECT_FALSE(node->engine->ending(*node->link));
}

/// Of records a window full is under way when the first of them is refused, and all of it is.
TEST(Refusals, WhatWasUnderWayWithWhatIsRefusedIsOneTry) {
  Xoshiro random(1);
  const Limits limits;
  Refusals refusals(limits, random);
  const Error why(Errc::storage_full, "full");
  const Instant start(std::chrono::hours(1));
  EXPECT_TRUE(refusals.by_peer(1, why, start));
  for (int i = 0; i < 50; ++i) EXPECT_FALSE(refusals.by_peer(1, why, start));
  EXPECT_LE(refusals.deadline() - start, limits.refused_min);
}

TEST_F(Refusing, GoesThroughOnceItsCauseIsGone) {
  set(*node, node_twin_, "hot", 2), set(*node, node_twin_, "cold", 3);
  node->commit();
  connect();
  settle();
  ASSERT_FALSE(hub->get(hub_twin_, "cold"));
  node->store->commit(node_twin_, Edit().erase("hot").ops(), now.wall).value();
  node->commit();
  settle();
  for (int i = 0; i < 3; ++i) pass(limits.refused_changed);
  EXPECT_EQ(hub->get(hub_twin_, "cold"), Value(3));
  EXPECT_EQ(node->store->context(node_twin_), hub->store->context(hub_twin_));
  EXPECT_EQ(node->store->summary(node_twin_), hub->store->summary(hub_twin_));
  EXPECT_FALSE(node->engine->uplink()->refused(node_twin_));
  EXPECT_EQ(node->store->refusal(node_twin_), nullptr);
  EXPECT_EQ(node->engine->rejected(node_twin_), 2u);
}

TEST_F(Refusing, ASecondLinkTriesAtOnce) {
  set(*node, node_twin_, "hot", 2);
  node->commit();
  connect();
  settle();
  disconnect();
  hub->store->commit(hub_twin_, Edit().erase("hot").ops(), now.wall).value();
  hub->commit();
  connect();
  settle();
  EXPECT_EQ(hub->get(hub_twin_, "hot"), Value(2));
  EXPECT_EQ(node->store->context(node_twin_), hub->store->context(hub_twin_));
  EXPECT_EQ(node->store->refusal(node_twin_), nullptr);
}

TEST_F(Refusing, IsKnownAfterARestartUntilItGoesThrough) {
  set(*node, node_twin_, "hot", 2);
  node->commit();
  connect();
  settle();
  write_others(1);
  disconnect();
  reopen();
  open_scopes();
  ASSERT_NE(node->store->refusal(node_twin_), nullptr);
  EXPECT_TRUE(node->store->refusal(node_twin_)->why.is(Errc::limit_exceeded));
  EXPECT_EQ(node->store->refusal(other_), nullptr);
  hub->store->commit(hub_twin_, Edit().erase("hot").ops(), now.wall).value();
  hub->commit();
  connect();
  settle();
  EXPECT_EQ(node->store->context(node_twin_), hub->store->context(hub_twin_));
  EXPECT_EQ(node->store->refusal(node_twin_), nullptr);
}

TEST_F(Refusing, HoldsForWhatIsToldInChunksToo) {
  limits.cut_bytes = 300'000, limits.chunk_bytes = 60'000;
  reopen();
  open_scopes();
  for (int i = 0; i < 500; ++i) set(*node, node_twin_, "line/" + std::to_string(i), std::string(1'000, 'x'));
  set(*node, node_twin_, "hot", 2);
  write_others(1);
  connect();
  settle();
  expect_others(1);
  EXPECT_FALSE(hub->get(hub_twin_, "line/7"));
  EXPECT_TRUE(hub->store->stages(hub_twin_).empty());
  node->store->commit(node_twin_, Edit().erase("hot").ops(), now.wall).value();
  node->commit();
  settle();
  for (int i = 0; i < 3; ++i) pass(limits.refused_changed);
  EXPECT_TRUE(hub->get(hub_twin_, "line/7"));
  EXPECT_EQ(node->store->summary(node_twin_), hub->store->summary(hub_twin_));
}

TEST_F(Refusing, OfACutThatWasNotSentEndsTheLink) {
  connect();
  settle();
  const wire::Message refused = wire::Refused{77, 2, Errc::limit_exceeded, "no"};
  wire::Codec codec;
  node->engine->received(*node->link, codec.encode({&refused, 1}), now);
  ASSERT_TRUE(node->engine->ending(*node->link));
  EXPECT_TRUE(node->engine->ending(*node->link)->is(Errc::protocol_violation));
}

}  // namespace
}  // namespace edgesync::sync
