// SPDX-License-Identifier: Apache-2.0
// A relay between a hub and a node: what it must want from above because somebody below does, and what it must tell a
// node that was away.
#include "stream/drops.hpp"
#include "unit/sync/chain.hpp"

namespace edgesync::sync {
namespace {

TEST_F(Chain, BringsUpAScopeThatTheRelayLearnsOfFromItsNode) {
  // given: the relay was linked before it knew any scope
  join(*relay, *hub);
  settle();
  // when
  const auto scope = node->open(Plane::state, "s");
  write(scope);
  join(*node, *relay);
  settle();
  // then
  const auto at_hub = hub->store->find_scope(Plane::state, "s");
  ASSERT_TRUE(at_hub);
  EXPECT_EQ(hub->get(*at_hub, "a"), Value(1));
  EXPECT_EQ(node->store->stable(scope), node->store->context(scope));
}

TEST_F(Chain, TellsANodeThatComesBackWhatBecameStableMeanwhile) {
  // given: the node's commit reached the relay, and the hub only when the node had left
  const auto scope = node->open(Plane::state, "s");
  write(scope);
  join(*node, *relay);
  settle();
  ASSERT_TRUE(node->store->stable(scope).empty());
  part(*node);
  join(*relay, *hub);
  settle();
  // when
  join(*node, *relay);
  settle();
  // then
  EXPECT_EQ(node->store->stable(scope), node->store->context(scope));
}

// A node that was linked to the root itself, and then to a relay.

TEST_F(Chain, KeepsWhatIsStableThoughTheRelayNeverHadTheRecords) {
  // given: records that the root holds and the node has trimmed
  const auto scope = node->open(Plane::stream, "telemetry");
  node->store->define_stream(scope, {{{"n", ColumnType::i64}}}, false).value();
  for (int i = 0; i < 3; ++i) node->store->append(scope, std::vector<Record>{{0, now.wall, {Value(i)}}}).value();
  join(*node, *hub);
  settle();
  const ReplicaId self = node->store->replica();
  ASSERT_EQ(node->store->floors(scope)[self], 3u);
  part(*node);
  node->engine->take_events();
  // when
  join(*relay, *hub), join(*node, *relay);
  settle();
  // then
  EXPECT_EQ(node->store->stable(scope)[self], 3u);
  EXPECT_EQ(node->store->acked(scope)[self], 3u);
  EXPECT_TRUE(node->engine->caught_up(scope));
  EXPECT_EQ(node->engine->metrics().records_missing, 0u);
  EXPECT_FALSE(has_event(node->engine->take_events(), EventKind::identity));
}

TEST_F(Chain, TellsARelayWhichRecordsTheRootHasAndWhichItNeverGot) {
  // given: of 40 records the root has the last ones, and the node has trimmed them
  const auto scope = node->open(Plane::stream, "telemetry");
  const auto append = [&](int segments) {
    for (int i = 0; i < segments; ++i) {
      const Record row{0, now.wall, {Value(std::string(100, 'x'))}};
      node->store->append(scope, std::vector(4, row)).value();
      node->commit();
    }
  };
  node->store->define_stream(scope, {{{"text", ColumnType::text}}}, false).value();
  node->store->set_budget(scope, {{}, 1'000, Overflow::drop_oldest}).value();
  append(10);
  const ReplicaId self = node->store->replica();
  const StreamCounts before = node->store->counts(scope, false);
  ASSERT_GT(before.drops.quota, 0u);
  join(*node, *hub);
  settle();
  part(*node);
  // when: it goes to a relay that is not linked itself
  join(*node, *relay);
  append(2);
  settle();
  // then: the relay steps over them, and the accounts are what they were
  const auto there = *relay->store->find_scope(Plane::stream, "telemetry");
  EXPECT_EQ(relay->store->gaps(there, self, 0, 10).value(), (std::vector<Gap>{{1, 40, stream::at_root}}));
  EXPECT_EQ(relay->store->missing(there, self), before.drops);
  EXPECT_EQ(relay->store->context(there)[self], 48u);
  EXPECT_EQ(node->store->counts(scope, false).drops, before.drops);
  EXPECT_EQ(node->store->counts(scope, false).delivered, 48u - before.dropped);
  EXPECT_TRUE(relay->store->verify().value().empty());
  // and once the root has confirmed it, the relay has trimmed them
  join(*relay, *hub);
  settle();
  EXPECT_EQ(relay->store->floors(there)[self], 48u);
  EXPECT_TRUE(relay->store->gaps(there, self, 0, 10).value().empty());
  EXPECT_EQ(node->store->stable(scope)[self], 48u);
  EXPECT_EQ(node->store->counts(scope, false).drops, before.drops);
}

TEST_F(Chain, ARootThatLostWhatWasTrimmedHearsThatItIsNowhere) {
  const auto scope = node->open(Plane::stream, "telemetry");
  node->store->define_stream(scope, {{{"n", ColumnType::i64}}}, false).value();
  for (int i = 0; i < 3; ++i) node->store->append(scope, std::vector<Record>{{0, now.wall, {Value(i)}}}).value();
  join(*node, *relay);
  join(*relay, *hub);
  settle();
  const ReplicaId self = node->store->replica();
  ASSERT_EQ(node->store->floors(scope)[self], 3u);
  part(*node), part(*relay);
  // when: another root, which has nothing
  hub = std::make_unique<Side>(directory / "other.db", Role::hub, 9);
  join(*node, *hub);
  node->store->append(scope, std::vector<Record>{{0, now.wall, {Value(3)}}}).value();
  settle();
  // then
  const auto there = *hub->store->find_scope(Plane::stream, "telemetry");
  EXPECT_EQ(hub->store->missing(there, self).corrupt, 3u);
  EXPECT_EQ(node->store->counts(scope, false).drops.corrupt, 3u);
  EXPECT_EQ(node->store->counts(scope, false).delivered, 1u);
}

TEST_F(Chain, HearsFromTheRelayWhatTheRootHadFromTheNodeItself) {
  // given: the relay is linked before the root knows of the node's commit
  const auto scope = node->open(Plane::state, "s");
  relay->open(Plane::state, "s");
  join(*relay, *hub);
  settle();
  write(scope);
  join(*node, *hub);
  settle();
  part(*node);
  // when
  join(*node, *relay);
  settle();
  // then
  EXPECT_EQ(relay->store->stable(*relay->store->find_scope(Plane::state, "s")), node->store->context(scope));
  EXPECT_EQ(node->store->stable(scope), node->store->context(scope));
}

}  // namespace
}  // namespace edgesync::sync
