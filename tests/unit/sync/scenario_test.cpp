// SPDX-License-Identifier: Apache-2.0
// Named histories between a node and its hub that broke other designs; tests/laws/README.md numbers them.
#include "unit/sync/pair.hpp"

namespace edgesync::sync {
namespace {

class Scenarios : public Pair {
 protected:
  bool step() {
    bool moved = carry(*node, *hub);
    moved |= carry(*hub, *node);
    moved |= hub->commit();
    return node->commit() || moved;
  }
  void expect_equal(store::ScopeId at_node, store::ScopeId at_hub) {
    EXPECT_EQ(node->store->context(at_node), hub->store->context(at_hub));
    EXPECT_EQ(node->store->summary(at_node), hub->store->summary(at_hub));
    EXPECT_TRUE(node->store->verify().value().empty());
    EXPECT_TRUE(hub->store->verify().value().empty());
  }
  /// A hub on a file of its own, in place of the one that was.
  void replace_hub() {
    hub.reset();
    const auto path = std::filesystem::temp_directory_path() / ("edgesync-other-" + std::to_string(::getpid()));
    std::filesystem::remove_all(path);
    std::filesystem::create_directories(path);
    hub = std::make_unique<Side>(path / "hub.db", Role::hub, 77, limits);
  }
};

TEST_F(Scenarios, AReaderElsewhereSeesATransactionWholeOrNotAtAll) {
  const auto here = node->open(Plane::state, "twin"), there = hub->open(Plane::state, "twin");
  connect();
  for (int i = 1; i <= 30; ++i) {
    const Edit edit = Edit().set("x", i).set("y", i);
    node->store->commit(here, edit.ops(), now.wall).value();
    for (bool moved = true; moved;) {
      moved = step();
      ASSERT_EQ(hub->get(there, "x"), hub->get(there, "y"));
    }
    ASSERT_EQ(hub->get(there, "x"), Value(i));
  }
}

TEST_F(Scenarios, ScopesOfOneCutShowTogether) {
  limits.part_bytes = 64;  // each scope in a part of its own
  reopen();
  const auto a_here = node->open(Plane::state, "a"), b_here = node->open(Plane::state, "b");
  const auto a_there = hub->open(Plane::state, "a"), b_there = hub->open(Plane::state, "b");
  connect();
  settle();
  for (int i = 1; i <= 30; ++i) {
    set(*node, a_here, "k", i);
    set(*node, b_here, "k", i);
    node->commit();
    for (bool moved = true; moved;) {
      moved = step();
      ASSERT_EQ(hub->get(a_there, "k"), hub->get(b_there, "k"));
    }
    ASSERT_EQ(hub->get(a_there, "k"), Value(i));
  }
}

TEST_F(Scenarios, AHubThatIsBehindGetsEverythingAndTakesNothingAway) {
  const auto here = node->open(Plane::state, "twin");
  set(*node, here, "mine", 1);
  set(*hub, hub->open(Plane::state, "twin"), "from the old hub", 2);
  connect();
  settle();
  disconnect();
  // when: another gateway takes its place, which has never heard of anybody, and has a value of its own
  replace_hub();
  const auto there = hub->open(Plane::state, "twin");
  set(*hub, there, "from the new hub", 3);
  hub->commit();
  connect();
  settle();
  // then
  for (const auto& [key, value] :
       {std::pair("mine", 1), std::pair("from the old hub", 2), std::pair("from the new hub", 3)}) {
    EXPECT_EQ(node->get(here, key), Value(value)) << key;
    EXPECT_EQ(hub->get(there, key), Value(value)) << key;
  }
  expect_equal(here, there);
  EXPECT_TRUE(node->engine->caught_up(here));
}

TEST_F(Scenarios, RollbacksAndEditsAtOnceNeverMix) {
  const config::Content one{{"a", 1}, {"b", 1}}, two{{"a", 2}, {"b", 2}}, three{{"a", 3}, {"b", 2}};
  const auto at_hub = hub->open(Plane::config, "plant"), at_node = node->open(Plane::config, "plant");
  connect();
  for (const auto& content : {one, two}) {
    hub->engine->config().publish(at_hub, content, "", now.wall).value();
    settle();
  }
  ASSERT_EQ(*node->engine->config().active_content(at_node), two);
  disconnect();
  // when: the node goes back by itself; an administrator edits, and another one goes back
  node->engine->config().rollback(at_node, 1, "offline").value();
  node->commit();
  EXPECT_EQ(*node->engine->config().active_content(at_node), one);
  hub->engine->config().publish(at_hub, three, "an edit", now.wall).value();
  hub->commit();
  hub->engine->config().publish(at_hub, one, "back to 1", now.wall).value();
  connect();
  for (bool moved = true; moved;) {
    moved = step();
    const auto active = *node->engine->config().active_content(at_node);
    ASSERT_TRUE(active == one || active == two || active == three);
  }
  // then: the last that was published, whole
  EXPECT_EQ(*node->engine->config().active_content(at_node), one);
  EXPECT_EQ(node->engine->config().active(at_node).number, 4u);
}

TEST_F(Scenarios, FramesOfAnOldLinkReplayedChangeNothing) {
  const auto here = node->open(Plane::state, "twin");
  connect();
  std::vector<Bytes> recorded;
  for (int i = 0; i < 5; ++i) {
    set(*node, here, "k", i);
    node->commit();
    while (const auto frame = node->engine->next_frame(*node->link, now)) {
      recorded.push_back(*frame);
      hub->engine->received(*hub->link, *frame, now);
    }
    settle();
  }
  const auto there = *hub->store->find_scope(Plane::state, "twin");
  set(*hub, there, "k", "newer");
  settle();
  disconnect();
  const auto context = hub->store->context(there);
  // when: each frame again, twice, on links of their own, in order and backwards
  for (const bool backwards : {false, true}) {
    const LinkId link = hub->engine->open_link(Role::hub, {{}, "replay"}, now);
    hub->engine->received(link, recorded.front(), now);
    for (std::size_t i = 0; i < recorded.size(); ++i)
      for (int twice = 0; twice < 2; ++twice)
        hub->engine->received(link, recorded[backwards ? recorded.size() - 1 - i : i], now);
    hub->commit();
    hub->engine->closed(link, {Errc::closed, "replay"}, now);
  }
  // then
  EXPECT_EQ(hub->store->context(there), context);
  EXPECT_EQ(hub->get(there, "k"), Value("newer"));
  connect();
  settle();
  expect_equal(here, there);
  disconnect();
  // when: the last of them goes to a hub that lacks what it builds upon
  replace_hub();
  const LinkId link = hub->engine->open_link(Role::hub, {{}, "replay"}, now);
  hub->engine->received(link, recorded.front(), now);
  hub->engine->received(link, recorded.back(), now);
  hub->commit();
  // then: nothing of it is taken for known
  const auto elsewhere = *hub->store->find_scope(Plane::state, "twin");
  EXPECT_TRUE(hub->store->context(elsewhere).empty());
  EXPECT_FALSE(hub->get(elsewhere, "k"));
}

TEST_F(Scenarios, TheLogIsSweptWhileACutIsOnItsWay) {
  limits.part_bytes = 512;
  limits.frame_bytes = 512;
  reopen();
  const auto here = node->open(Plane::state, "twin"), there = hub->open(Plane::state, "twin");
  for (int i = 0; i < 400; ++i) set(*node, here, "k" + std::to_string(i), i);
  node->commit();
  connect();
  for (int round = 0; step(); ++round) {
    ASSERT_LT(round, 100'000);
    if (round >= 60) continue;
    Edit edit;
    edit.set("k" + std::to_string(round * 6), -round).erase("k" + std::to_string(round * 6 + 1));
    node->store->commit(here, edit.ops(), now.wall).value();
    node->commit();
    node->store->compact(0).value();
  }
  expect_equal(here, there);
  EXPECT_FALSE(hub->get(there, "k1"));
  EXPECT_EQ(hub->get(there, "k6"), Value(-1));
  EXPECT_EQ(hub->get(there, "k399"), Value(399));
}

TEST_F(Scenarios, TheJournalTellsWhatASearchTookAway) {
  const auto here = node->open(Plane::state, "twin"), there = hub->open(Plane::state, "twin");
  node->store->keep_history(here, 100);
  for (int i = 0; i < 500; ++i) set(*hub, there, "k" + std::to_string(i), i);
  connect();
  settle();
  disconnect();
  const Edit edit = Edit().erase("k7").erase("k123");
  hub->store->commit(there, edit.ops(), now.wall).value();
  hub->commit();
  hub->store->compact(0).value();
  connect();
  settle();
  ASSERT_EQ(hub->engine->metrics().searches, 1u);
  // then: what was before can be read back
  const auto journal = node->store->journal(here, 1).value();
  ASSERT_EQ(journal.size(), 1u);
  ASSERT_EQ(journal[0].changes.size(), 2u);
  for (const store::PathChange& change : journal[0].changes) {
    EXPECT_EQ(change.before->value, Value(change.path == "k7" ? 7 : 123)) << change.path;
    EXPECT_FALSE(change.after);
  }
}

}  // namespace
}  // namespace edgesync::sync
