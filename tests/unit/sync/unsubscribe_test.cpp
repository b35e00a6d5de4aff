// SPDX-License-Identifier: Apache-2.0
// Scopes that a node gives up and takes up again, seen from the link.
#include "unit/sync/pair.hpp"

namespace edgesync::sync {
namespace {

class Unsubscribing : public Pair {
 protected:
  Unsubscribing() {
    at_node_ = node->open(Plane::state, "twin");
    other_ = node->open(Plane::state, "other");
    set(*node, at_node_, "a", 1), set(*node, other_, "b", 2);
    connect();
    settle();
    at_hub_ = *hub->store->find_scope(Plane::state, "twin");
  }
  void give_up() {
    node->engine->scope_given_up(at_node_);
    node->store->give_up(at_node_);
    node->commit();
  }
  void relink() {
    disconnect();
    connect();
    settle();
  }

  store::ScopeId at_node_{}, other_{}, at_hub_{};
};

TEST_F(Unsubscribing, EndsTheLinkAndTheNextSpeaksOfTheOthersOnly) {
  give_up();
  while (carry(*node, *hub)) continue;
  ASSERT_TRUE(node->engine->ending(*node->link));
  EXPECT_TRUE(node->engine->ending(*node->link)->is(Errc::closed));
  relink();
  EXPECT_TRUE(node->engine->caught_up(other_));
  EXPECT_FALSE(node->engine->caught_up(at_node_));
  set(*hub, at_hub_, "a", 3);
  hub->commit();
  settle();
  EXPECT_TRUE(node->store->context(at_node_).empty());
  EXPECT_FALSE(node->engine->ending(*node->link));
  EXPECT_EQ(hub->get(at_hub_, "a"), Value(3));
}

TEST_F(Unsubscribing, TakenUpAgainItIsAsTheHubHasItByThen) {
  give_up();
  relink();
  hub->store->commit(at_hub_, Edit().erase("a").set("c", 3).ops(), now.wall).value();
  hub->commit();
  const ReplicaId before = node->store->replica();
  ASSERT_EQ(node->open(Plane::state, "twin"), at_node_);
  settle();
  EXPECT_FALSE(node->engine->ending(*node->link));  // its own transactions are no other copy's
  EXPECT_EQ(node->store->replica(), before);
  EXPECT_EQ(node->store->context(at_node_), hub->store->context(at_hub_));
  EXPECT_FALSE(node->get(at_node_, "a"));
  EXPECT_EQ(node->get(at_node_, "c"), Value(3));
  set(*node, at_node_, "d", 4);
  node->commit();
  settle();
  EXPECT_EQ(hub->get(at_hub_, "d"), Value(4));
}

TEST_F(Unsubscribing, WrittenBeforeItsOwnHaveComeBackItIsAnotherReplicaThatWrites) {
  give_up();
  disconnect();
  node->open(Plane::state, "twin");
  node->commit();
  EXPECT_NE(node->store->former_own(at_node_), 0U);
  const ReplicaId before = node->store->replica();
  ASSERT_TRUE(node->engine->take_new_id("its own have not come back"));
  EXPECT_NE(node->store->replica(), before);
  EXPECT_TRUE(has_event(node->engine->take_events(), EventKind::identity));
  set(*node, at_node_, "d", 4);
  node->commit();
  connect();
  settle();
  EXPECT_FALSE(node->engine->ending(*node->link));
  for (const char* key : {"a", "d"}) {
    EXPECT_TRUE(hub->get(at_hub_, key)) << key;
    EXPECT_TRUE(node->get(at_node_, key)) << key;
  }
  EXPECT_EQ(node->store->summary(at_node_), hub->store->summary(at_hub_));
  EXPECT_TRUE(node->engine->caught_up(other_));
}

}  // namespace
}  // namespace edgesync::sync
