// SPDX-License-Identifier: Apache-2.0
#include "pair.hpp"

#include "crdt/hlc.hpp"

#include <unistd.h>

namespace edgesync::sync {
namespace {

using Engines = Pair;

TEST_F(Engines, CommitReachesTheHubAndIsAcked) {
  const auto scope = node->open(Plane::state, "twin");
  const crdt::Stamp stamp = set(*node, scope, "rpm", 1480);
  connect();
  settle();
  const auto there = hub->store->find_scope(Plane::state, "twin");
  ASSERT_TRUE(there);
  EXPECT_EQ(hub->get(*there, "rpm"), Value(1480));
  EXPECT_EQ(node->store->acked(scope)[node->store->replica()], stamp);
  EXPECT_EQ(node->store->stable(scope)[node->store->replica()], stamp);
  EXPECT_EQ(node->store->summary(scope), hub->store->summary(*there));
  EXPECT_TRUE(has_event(node->engine->take_events(), EventKind::ack));
}

TEST_F(Engines, AckWaitsForTheHubsCommit) {
  const auto scope = node->open(Plane::state, "twin");
  set(*node, scope, "rpm", 1480);
  node->commit();
  connect();
  while (carry(*node, *hub) || carry(*hub, *node)) {
  }
  EXPECT_TRUE(node->store->acked(scope).empty());
  hub->commit();
  while (carry(*hub, *node)) {
  }
  EXPECT_FALSE(node->store->acked(scope).empty());
}

TEST_F(Engines, NothingIsShippedBeforeItIsDurable) {
  const auto scope = node->open(Plane::state, "twin");
  node->commit();
  connect();
  settle();
  set(*node, scope, "rpm", 1480);
  while (carry(*node, *hub) || carry(*hub, *node) || hub->commit()) {
  }
  EXPECT_EQ(hub->get(*hub->store->find_scope(Plane::state, "twin"), "rpm"), std::nullopt);
}

TEST_F(Engines, OverwritesWhileOfflineAreSentOnce) {
  const auto scope = node->open(Plane::state, "twin");
  for (int round = 0; round < 1000; ++round)
    for (int key = 0; key < 100; ++key) {
      set(*node, scope, "k" + std::to_string(key), round);
      if (key == 50 && round % 100 == 0) node->commit();
    }
  connect();
  settle();
  EXPECT_EQ(node->engine->metrics().keys_sent, 100u);
  EXPECT_EQ(hub->get(*hub->store->find_scope(Plane::state, "twin"), "k7"), Value(999));
}

TEST_F(Engines, ConcurrentEditsConvergeWithAConflictListed) {
  const auto at_node = node->open(Plane::state, "twin");
  const auto at_hub = hub->open(Plane::state, "twin");
  set(*node, at_node, "door", "open");
  set(*hub, at_hub, "door", "shut");
  connect();
  settle();
  EXPECT_EQ(node->get(at_node, "door"), hub->get(at_hub, "door"));
  EXPECT_EQ(node->store->context(at_node), hub->store->context(at_hub));
  EXPECT_EQ(node->store->summary(at_node), hub->store->summary(at_hub));
  EXPECT_EQ(node->engine->conflicts(at_node), 1u);
}

TEST_F(Engines, LivePushNeedsNoReconnect) {
  const auto scope = node->open(Plane::state, "twin");
  connect();
  settle();
  const auto there = *hub->store->find_scope(Plane::state, "twin");
  for (int i = 0; i < 5; ++i) {
    set(*node, scope, "n", i);
    set(*hub, there, "h", i);
    settle();
    EXPECT_EQ(hub->get(there, "n"), Value(i));
    EXPECT_EQ(node->get(scope, "h"), Value(i));
  }
}

TEST_F(Engines, PublishedVersionBecomesActiveOnTheNode) {
  const auto at_hub = hub->open(Plane::config, "plant");
  const auto at_node = node->open(Plane::config, "plant");
  for (std::int64_t i = 1; i <= 3; ++i) {
    hub->engine->config().publish(at_hub, {{"limit", i}}, "test", now.wall).value();
    hub->commit();
  }
  connect();
  settle();
  EXPECT_EQ(node->engine->config().active(at_node).number, 3u);
  EXPECT_EQ(node->engine->config().active_content(at_node)->at("limit"), Value(3));
  EXPECT_EQ(hub->engine->config().active(at_hub).number, 3u);
  reopen();
  const auto again = *node->store->find_scope(Plane::config, "plant");
  EXPECT_EQ(node->engine->config().active(again).number, 3u);
}

TEST_F(Engines, RejectedVersionIsNotActivatedAndTheNextOneIs) {
  const auto at_hub = hub->open(Plane::config, "plant");
  const auto at_node = node->open(Plane::config, "plant");
  hub->engine->config().publish(at_hub, {{"limit", 1}}, "", now.wall).value();
  connect();
  settle();
  node->verdict = Verdict::reject;
  hub->engine->config().publish(at_hub, {{"limit", 2}}, "", now.wall).value();
  settle();
  EXPECT_EQ(node->engine->config().active(at_node).number, 1u);
  node->verdict = Verdict::healthy;
  hub->engine->config().publish(at_hub, {{"limit", 3}}, "", now.wall).value();
  settle();
  EXPECT_EQ(node->engine->config().active(at_node).number, 3u);
}

TEST_F(Engines, RecordsArriveVerbatimAndAreTrimmedWhenStable) {
  const auto scope = node->open(Plane::stream, "telemetry");
  node->store->define_stream(scope, {{{"temp", f64}, {"rpm", i64}}}, false).value();
  for (int i = 0; i < 500; ++i) {
    const Record row{0, now.wall, {21.5 + i, std::int64_t{i}}};
    node->store->append(scope, {&row, 1}).value();
    if (i % 50 == 0) node->commit();
  }
  node->commit();
  const auto before = node->store->segments(scope, node->store->replica(), 0, 1 << 20).value();
  connect();
  settle();
  const auto there = *hub->store->find_scope(Plane::stream, "telemetry");
  const auto after = hub->store->segments(there, node->store->replica(), 0, 1 << 20).value();
  ASSERT_EQ(after.size(), before.size());
  for (std::size_t i = 0; i < before.size(); ++i) EXPECT_EQ(after[i].body, before[i].body);
  EXPECT_EQ(node->store->stream(scope).front().trimmed, 500u);
  EXPECT_TRUE(node->store->segments(scope, node->store->replica(), 0, 1 << 20).value().empty());
  EXPECT_EQ(hub->store->context(there)[node->store->replica()], 500u);
}

TEST_F(Engines, LocalOnlyStreamNeverLeaves) {
  const auto scope = node->open(Plane::stream, "diary");
  node->store->define_stream(scope, {{{"text", text}}}, true).value();
  const Record row{0, now.wall, {std::string("secret")}};
  node->store->append(scope, {&row, 1}).value();
  connect();
  settle();
  EXPECT_FALSE(hub->store->find_scope(Plane::stream, "diary"));
}

TEST_F(Engines, CutsAtEveryFrameEndInTheSameState) {
  limits.part_bytes = 256;
  limits.frame_bytes = 512;
  reopen();
  const auto scope = node->open(Plane::state, "twin");
  for (int i = 0; i < 200; ++i) set(*node, scope, "key/" + std::to_string(i), std::string(40, 'x'));
  node->commit();
  for (int allowed = 1; allowed < 60; ++allowed) {
    connect();
    for (int i = 0; i < allowed; ++i)
      if (!carry(*node, *hub) && !carry(*hub, *node) && !hub->commit()) break;
    disconnect();
    set(*node, scope, "key/" + std::to_string(allowed), allowed);
    node->commit();
  }
  connect();
  settle();
  const auto there = *hub->store->find_scope(Plane::state, "twin");
  EXPECT_EQ(node->store->summary(scope), hub->store->summary(there));
  EXPECT_EQ(hub->get(there, "key/17"), Value(17));
}

TEST_F(Engines, WrongTokenIsRefusedInWords) {
  connect("bad");
  settle();
  EXPECT_TRUE(hub->engine->ending(*hub->link)->is(Errc::unauthorized));
  EXPECT_TRUE(node->engine->ending(*node->link)->is(Errc::unauthorized));
}

TEST_F(Engines, ForbiddenScopeIsRefusedAndOthersGoOn) {
  const auto secret = node->open(Plane::state, "secret/x");
  const auto open = node->open(Plane::state, "open");
  set(*node, secret, "a", 1);
  set(*node, open, "a", 1);
  connect();
  settle();
  EXPECT_FALSE(hub->store->find_scope(Plane::state, "secret/x"));
  EXPECT_TRUE(hub->store->find_scope(Plane::state, "open"));
  EXPECT_TRUE(node->engine->uplink()->refused(secret));
  EXPECT_TRUE(has_event(node->engine->take_events(), EventKind::rejected));
}

TEST_F(Engines, ReadOnlyScopeComesDownAndNothingGoesUp) {
  const auto at_hub = hub->open(Plane::state, "readonly");
  const auto at_node = node->open(Plane::state, "readonly");
  set(*hub, at_hub, "a", 1);
  set(*node, at_node, "b", 2);
  connect();
  settle();
  EXPECT_EQ(node->get(at_node, "a"), Value(1));
  EXPECT_EQ(hub->get(at_hub, "b"), std::nullopt);
}

TEST_F(Engines, SpeechBeforeHelloEndsTheLink) {
  hub->link = hub->engine->open_link(Role::hub, {{}, "stranger"}, now);
  wire::Codec codec;
  const wire::Message message = wire::Subscribe{1, Plane::state, "twin", {}, {}};
  hub->engine->received(*hub->link, codec.encode({&message, 1}), now);
  EXPECT_TRUE(hub->engine->ending(*hub->link)->is(Errc::protocol_violation));
  EXPECT_FALSE(hub->store->find_scope(Plane::state, "twin"));
}

TEST_F(Engines, StrangersMakeTheHubDecodeLittle) {
  hub->link = hub->engine->open_link(Role::hub, {{}, "stranger"}, now);
  hub->engine->received(*hub->link, Bytes(limits.hello_frame_bytes + 1), now);
  EXPECT_TRUE(hub->engine->ending(*hub->link)->is(Errc::limit_exceeded));
}

TEST_F(Engines, ManyScopesFitBehindTheHello) {
  for (int i = 0; i < 600; ++i) {
    const auto scope = node->open(Plane::state, "a/scope/with/a/rather/long/name/" + std::to_string(i));
    set(*node, scope, "a", i);
  }
  connect();
  settle();
  EXPECT_EQ(hub->store->scopes().size(), 600u);
  for (const store::Scope& scope : node->store->scopes()) EXPECT_TRUE(node->engine->caught_up(scope.id));
}

TEST_F(Engines, SilenceIsNoticedOnBothSides) {
  connect();
  settle();
  for (int i = 0; i < 10; ++i) {
    now.monotonic += limits.heartbeat;
    hub->engine->tick(now);
    node->engine->tick(now);
    hub->engine->next_frame(*hub->link, now);  // lost
    node->engine->next_frame(*node->link, now);
  }
  EXPECT_TRUE(hub->engine->ending(*hub->link)->is(Errc::timed_out));
  EXPECT_TRUE(node->engine->ending(*node->link)->is(Errc::timed_out));
}

TEST_F(Engines, HeartbeatKeepsAnIdleLinkUp) {
  connect();
  settle();
  for (int i = 0; i < 20; ++i) {
    now.monotonic += limits.heartbeat;
    hub->engine->tick(now);
    node->engine->tick(now);
    settle();
  }
  EXPECT_FALSE(hub->engine->ending(*hub->link));
  EXPECT_FALSE(node->engine->ending(*node->link));
}

TEST_F(Engines, UnsaidHelloTimesOut) {
  hub->link = hub->engine->open_link(Role::hub, {{}, "slow"}, now);
  now.monotonic += limits.hello;
  hub->engine->tick(now);
  EXPECT_TRUE(hub->engine->ending(*hub->link)->is(Errc::timed_out));
}

TEST_F(Engines, MissingAckTimesOut) {
  const auto scope = node->open(Plane::state, "twin");
  set(*node, scope, "a", 1);
  node->commit();
  connect();
  while (carry(*node, *hub) || carry(*hub, *node)) {
  }
  for (int i = 0; i < 4; ++i) {
    now.monotonic += limits.heartbeat;
    node->engine->tick(now);
    while (carry(*node, *hub) || carry(*hub, *node)) {
    }
  }
  EXPECT_TRUE(node->engine->ending(*node->link)->is(Errc::timed_out));
}

TEST_F(Engines, BulkNeverDelaysConfig) {
  limits.part_bytes = 1024;
  limits.frame_bytes = 2048;
  reopen();
  const auto state = hub->open(Plane::state, "twin");
  const auto config = hub->open(Plane::config, "plant");
  node->open(Plane::state, "twin");
  const auto at_node = node->open(Plane::config, "plant");
  for (int i = 0; i < 1000; ++i)
    set(*hub, state, "key/" + std::to_string(i), std::string(200, 'x') + std::to_string(i));
  hub->commit();
  connect();
  for (int i = 0; i < 6; ++i) carry(*node, *hub), carry(*hub, *node);  // the state cut is on its way
  hub->engine->config().publish(config, {{"limit", 1}}, "", now.wall).value();
  hub->commit();
  for (int i = 0; i < 3; ++i) carry(*hub, *node);
  for (int i = 0; i < 5; ++i) node->commit();
  EXPECT_EQ(node->engine->config().active(at_node).number, 1u);
  EXPECT_EQ(node->store->summary(*node->store->find_scope(Plane::state, "twin")).count, 0u);
}

TEST_F(Engines, IdleReconnectIsOneRoundTripAndSmall) {
  const auto scope = node->open(Plane::state, "twin");
  set(*node, scope, "a", 1);
  connect();
  settle();
  disconnect();
  const auto sent = node->engine->metrics().bytes_sent, received = node->engine->metrics().bytes_received;
  frames = 0;
  connect();
  settle();
  EXPECT_EQ(frames, 2);
  EXPECT_LE(node->engine->metrics().bytes_sent - sent + node->engine->metrics().bytes_received - received, 350u);
}

TEST_F(Engines, AHubsFirstFrameFitsWhatANodeTakesBeforeItsHello) {
  const auto at_hub = hub->open(Plane::state, "twin");
  for (int i = 0; i < 3000; ++i) set(*hub, at_hub, "k" + std::to_string(i), to_hex(hub->random.id().bytes) + "x");
  hub->commit();
  const auto at_node = node->open(Plane::state, "twin");
  connect();
  carry(*node, *hub);
  const auto first = hub->engine->next_frame(*hub->link, now);
  ASSERT_TRUE(first);
  EXPECT_LE(first->size(), node->engine->frame_bytes_max(*node->link));
  node->engine->received(*node->link, *first, now);
  settle();
  EXPECT_EQ(node->store->summary(at_node), hub->store->summary(at_hub));
}

}  // namespace
}  // namespace edgesync::sync
