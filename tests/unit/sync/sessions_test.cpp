// SPDX-License-Identifier: Apache-2.0
// Hubs that are restored or lost, and two sessions that go by one identity.
#include "unit/sync/copies.hpp"

namespace edgesync::sync {
namespace {

class RestoredHub : public Copies {};
class OneIdentity : public Copies {};

TEST_F(RestoredHub, WhatItLostComesBackItsOwnWritesAmongIt) {
  auto s = scope();
  set(*node, s, "a", std::int64_t{1});
  meet();
  disconnect();
  hub.reset();
  copy("hub.db", "older-hub.db");
  open_hub();
  set(*hub, hub->open(Plane::state, "s"), "of hub", std::int64_t{7});
  set(*node, s, "b", std::int64_t{2});
  meet();
  EXPECT_EQ(node->get(s, "of hub"), Value(std::int64_t{7}));
  const ReplicaId before = hub->store->replica();
  disconnect();
  hub.reset();
  copy("older-hub.db", "hub.db");
  open_hub();
  set(*hub, hub->open(Plane::state, "s"), "since", std::int64_t{8});
  hub->commit();
  node->engine->take_events();
  meet();
  EXPECT_NE(hub->store->replica(), before);
  EXPECT_GE(identities(*hub), 1);
  EXPECT_EQ(identities(*node), 1) << "the hub holds less than it had acknowledged";
  for (const auto& [key, value] : std::map<std::string, int>{{"a", 1}, {"b", 2}, {"of hub", 7}, {"since", 8}}) {
    EXPECT_EQ(at_hub(key), Value(std::int64_t{value})) << key;
    EXPECT_EQ(node->get(s, key), Value(std::int64_t{value})) << key;
  }
  expect_equal();
}

TEST_F(RestoredHub, ThatLostEverythingGetsEverythingButTrimmedRecordsWhichAreCounted) {
  const auto s = scope();
  const auto telemetry = node->open(Plane::stream, "telemetry");
  node->store->define_stream(telemetry, {{{"n", i64}}}, false).value();
  set(*node, s, "a", std::int64_t{1});
  for (int i = 1; i <= 3; ++i) append(telemetry, i), node->commit();
  meet();
  disconnect();
  hub.reset();
  std::filesystem::remove(file("hub.db"));
  open_hub();
  append(telemetry, 4);
  connect();
  while (node->store->acked(s)[node->store->replica()] != 0 && (carry(*node, *hub) || carry(*hub, *node))) {
  }
  EXPECT_EQ(node->store->acked(s)[node->store->replica()], 0u) << "nobody holds it but us";
  EXPECT_GT(node->store->pending(s).value().count, 0u);
  settle();
  EXPECT_EQ(at_hub("a"), Value(std::int64_t{1}));
  EXPECT_EQ(records_at_hub(node->store->replica()), (std::vector<std::int64_t>{4}));
  EXPECT_EQ(node->engine->metrics().records_missing, 3u);
  EXPECT_EQ(identities(*node), 1);
  expect_equal();
}

TEST_F(OneIdentity, OfTwoSessionsOfOneReplicaTheNewerStaysAndAQuarrelIsTold) {
  const auto s = scope();
  set(*node, s, "a", std::int64_t{1});
  meet();
  for (unsigned i = 0; i <= limits.flips + 1; ++i) {
    const LinkId older = *hub->link;
    node->engine->closed(*node->link, {Errc::unreachable, "cut"}, now);  // the hub does not hear of it
    connect();
    settle();
    ASSERT_TRUE(hub->engine->ending(older));
    EXPECT_TRUE(hub->engine->ending(older)->is(Errc::identity_clash));
    hub->engine->closed(older, {Errc::closed, "gone"}, now);
    EXPECT_FALSE(hub->engine->ending(*hub->link));
  }
  EXPECT_EQ(identities(*hub), 1);
  set(*node, s, "b", std::int64_t{2});
  settle();
  EXPECT_EQ(at_hub("b"), Value(std::int64_t{2}));
}

TEST_F(OneIdentity, ANewSessionWaitsForWhatTheOneBeforeHasNotSettled) {
  const auto s = scope();
  meet();
  set(*node, s, "a", std::int64_t{1});
  node->commit();
  while (carry(*node, *hub)) {
  }
  disconnect();  // the cut is accepted and not durable
  connect();
  while (carry(*node, *hub)) {
  }
  ASSERT_TRUE(hub->engine->ending(*hub->link));
  EXPECT_TRUE(hub->engine->ending(*hub->link)->is(Errc::identity_clash));
  hub->commit();
  meet();
  EXPECT_EQ(at_hub("a"), Value(std::int64_t{1}));
}

TEST_F(OneIdentity, ANodeMadeFromTheHubsOwnFileTakesAnIdOfItsOwn) {
  const auto s = hub->open(Plane::state, "s");
  set(*hub, s, "a", std::int64_t{1});
  hub->commit();
  hub.reset(), node.reset();
  copy("hub.db", "node.db");
  open_hub(), open_node();
  set(*node, scope(), "b", std::int64_t{2});
  meet();
  EXPECT_NE(node->store->replica(), hub->store->replica());
  EXPECT_EQ(at_hub("b"), Value(std::int64_t{2}));
  expect_equal();
}

TEST_F(OneIdentity, ALargeCutThatOneBeganIsNotEndedByTheOther) {
  limits.part_bytes = 200;
  limits.cut_bytes = 150;
  limits.chunk_bytes = 100;
  limits.chunk_window = 1;
  reopen();
  const store::ScopeId theirs = hub->open(Plane::state, "s");
  for (int i = 0; i < 20; ++i) set(*node, scope(), "k" + std::to_string(i), std::int64_t{i});
  node->commit();
  node.reset();
  copy("node.db", "twin.db");
  open_node();
  node->store->commit(scope(), Edit().erase("k0").ops(), now.wall).value();
  node->commit();
  connect();
  for (int i = 0; i < 100 && hub->store->stages(theirs).empty(); ++i) {
    carry(*node, *hub), carry(*hub, *node);
    hub->commit();
  }
  ASSERT_FALSE(hub->store->stages(theirs).empty());
  now.wall += std::chrono::seconds(1);
  swap_node("twin.db");
  set(*node, scope(), "later", std::int64_t{1});
  node->commit();
  meet();
  EXPECT_EQ(identities(*node), 1);
  EXPECT_EQ(at_hub("k0"), Value(std::int64_t{0}));  // not taken for removed by this one
  expect_equal();
}

}  // namespace
}  // namespace edgesync::sync
