// SPDX-License-Identifier: Apache-2.0
// A node comes back after removals whose records its hub has forgotten: what it costs, and that it ends alike.
#include "unit/sync/pair.hpp"

namespace edgesync::sync {
namespace {

std::string key_of(int number) {
  return "plant/line-" + std::to_string(number % 7) + "/sensor/" + std::to_string(number);
}

class Searches : public Pair {
 protected:
  /// Both sides hold `keys` cells; then the node is away while the hub removes `removed` of them and forgets that.
  void part_ways(int keys, int removed) {
    at_node_ = node->open(Plane::state, "twin");
    at_hub_ = hub->open(Plane::state, "twin");
    for (int i = 0; i < keys; ++i) set(*hub, at_hub_, key_of(i), i);
    connect();
    settle();
    disconnect();
    Edit edit;
    for (int i = 0; i < removed; ++i) edit.erase(key_of(i * (keys / removed)));
    hub->store->commit(at_hub_, edit.ops(), now.wall).value();
    hub->commit();
    hub->store->compact(0).value();
  }
  /// Bytes both ways.
  std::uint64_t come_back() {
    const auto spent = [&] { return node->engine->metrics().bytes_sent + node->engine->metrics().bytes_received; };
    const std::uint64_t before = spent();
    connect();
    settle();
    return spent() - before;
  }
  void expect_equal() {
    EXPECT_EQ(node->store->context(at_node_), hub->store->context(at_hub_));
    EXPECT_EQ(node->store->summary(at_node_), hub->store->summary(at_hub_));
    EXPECT_TRUE(node->store->verify().value().empty());
  }

  store::ScopeId at_node_{}, at_hub_{};
};

TEST_F(Searches, CostFollowsWhatWasMissedAndNotTheScope) {
  part_ways(10'000, 10);
  const std::uint64_t bytes = come_back();
  EXPECT_EQ(hub->engine->metrics().searches, 1u);
  expect_equal();
  EXPECT_FALSE(node->get(at_node_, key_of(0)));
  EXPECT_EQ(node->get(at_node_, key_of(1)), Value(1));
  EXPECT_LE(bytes, 12'000u);
  RecordProperty("bytes", static_cast<int>(bytes));
}

TEST_F(Searches, WhatTheNodeWroteMeanwhileIsKept) {
  part_ways(1'000, 100);
  set(*node, at_node_, key_of(0), 77);  // removed by the hub, overwritten here: the write saw nothing of the removal
  set(*node, at_node_, "node/own", 1);
  node->commit();
  come_back();
  expect_equal();
  EXPECT_EQ(hub->get(at_hub_, key_of(0)), Value(77));
  EXPECT_EQ(hub->get(at_hub_, "node/own"), Value(1));
  EXPECT_FALSE(hub->get(at_hub_, key_of(10)));
}

TEST_F(Searches, BothSidesMaySearchAtOnce) {
  part_ways(1'000, 50);
  Edit edit;
  for (int i = 0; i < 50; ++i) edit.erase(key_of(i * 20 + 1));
  node->store->commit(at_node_, edit.ops(), now.wall).value();
  node->commit();
  node->store->compact(0).value();
  come_back();
  EXPECT_EQ(hub->engine->metrics().searches, 1u);
  EXPECT_GE(node->engine->metrics().searches, 1u);
  expect_equal();
  EXPECT_EQ(hub->store->summary(at_hub_).count, 900u);
}

TEST_F(Searches, SeveralScopesAreSearchedOneAfterTheOther) {
  std::vector<std::pair<store::ScopeId, store::ScopeId>> scopes;
  for (const char* name : {"a", "b", "c"})
    scopes.emplace_back(hub->open(Plane::state, name), node->open(Plane::state, name));
  for (const auto& [at_hub, at_node] : scopes)
    for (int i = 0; i < 300; ++i) set(*hub, at_hub, key_of(i), i);
  connect();
  settle();
  disconnect();
  for (const auto& [at_hub, at_node] : scopes)
    hub->store->commit(at_hub, Edit().erase(key_of(5)).ops(), now.wall).value();
  hub->commit();
  hub->store->compact(0).value();
  come_back();
  EXPECT_EQ(hub->engine->metrics().searches, 3u);
  for (const auto& [at_hub, at_node] : scopes) EXPECT_EQ(hub->store->summary(at_hub), node->store->summary(at_node));
}

TEST_F(Searches, ASmallScopeIsListedWhole) {
  part_ways(100, 10);
  come_back();
  EXPECT_EQ(hub->engine->metrics().searches, 0u);
  expect_equal();
}

TEST_F(Searches, ALinkThatEndsInTheMiddleBeginsAgain) {
  part_ways(3'000, 300);
  for (int frames_carried = 1; frames_carried < 12; ++frames_carried) {
    connect();
    for (int i = 0; i < frames_carried; ++i) carry(*node, *hub), carry(*hub, *node);
    disconnect();
  }
  come_back();
  expect_equal();
}

}  // namespace
}  // namespace edgesync::sync
