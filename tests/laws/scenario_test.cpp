// SPDX-License-Identifier: Apache-2.0
// Named histories that broke other designs, or earlier versions of this one, step by step.
#include "laws/fleet.hpp"

#include <gmock/gmock.h>

#include <algorithm>

namespace edgesync::laws {
namespace {

using testing::ElementsAre;

TEST(Scenario, LoserOfAConflictComesBackWhenOnlyTheWinnerWasRemoved) {
  Fleet fleet(4);
  fleet.commit(a, Edit().set("k", "loser"), 1);
  fleet.commit(b, Edit().set("k", "winner"), 2);
  fleet.pull(c, a);
  fleet.pull(c, b);
  EXPECT_EQ(fleet.value(c, "k"), Value("winner"));
  fleet.pull(d, b);
  fleet.commit(d, Edit().erase("k"), 3);  // has seen the winner alone
  fleet.pull(c, d);
  EXPECT_EQ(fleet.value(c, "k"), Value("loser"));
  fleet.converge();
  for (std::size_t at = 0; at < fleet.size(); ++at) EXPECT_EQ(fleet.value(at, "k"), Value("loser"));
}

TEST(Scenario, AddWinsOverAConcurrentRemoveInAllOrders) {
  std::vector<std::pair<std::size_t, std::size_t>> pulls{{a, b}, {a, c}, {b, a}, {b, c}, {c, a}, {c, b}};
  do {
    Fleet fleet(3);
    fleet.commit(a, Edit().insert("s", "x"));
    fleet.pull(b, a);
    fleet.pull(c, a);
    fleet.commit(b, Edit().remove("s", "x"));
    fleet.commit(c, Edit().insert("s", "x"));
    for (const auto& [to, from] : pulls) fleet.pull(to, from);
    fleet.converge();
    ASSERT_THAT(fleet.members(a, "s"), ElementsAre(Value("x")));
    fleet.commit(a, Edit().remove("s", "x"));
    fleet.converge();
    ASSERT_TRUE(fleet.members(c, "s").empty());
  } while (std::next_permutation(pulls.begin(), pulls.end()));
}

TEST(Scenario, AnEvictedRemovalNeverLetsAKeyReturn) {
  Fleet fleet(4);
  fleet.commit(a, Edit().set("k", 1).set("other", 1));
  for (std::size_t at : {b, c, d}) fleet.pull(at, a);
  const crdt::Dot removal = fleet.commit(a, Edit().erase("k"));
  fleet[a].evict_removals(removal.replica, removal.stamp);
  fleet.commit(b, Edit().set("news", 2));  // was away all the time, and so was c, which heard it from b
  fleet.pull(c, b);
  EXPECT_TRUE(fleet.pull(b, a).complete);
  EXPECT_EQ(fleet.value(b, "k"), Value("nothing"));
  fleet.pull(c, b);  // b has no record of the removal either
  EXPECT_EQ(fleet.value(c, "k"), Value("nothing"));
  fleet.converge();
  EXPECT_EQ(fleet.value(d, "k"), Value("nothing"));
  EXPECT_EQ(fleet.value(d, "news"), Value(std::int64_t{2}));
}

TEST(Scenario, AStaleChildOfARepairedRelayIsRepairedToo) {
  Fleet fleet(4);  // cloud a, hub b, relay c, child d
  fleet.commit(a, Edit().set("k", 1));
  for (std::size_t at : {b, c, d}) fleet.pull(at, a);
  const crdt::Dot removal = fleet.commit(a, Edit().erase("k").set("now", 1));
  fleet.pull(b, a);
  fleet[b].evict_removals(removal.replica, removal.stamp);
  EXPECT_TRUE(fleet.pull(c, b).complete);
  EXPECT_TRUE(fleet.pull(d, c).complete) << "the relay jumped over a removal it has no record of";
  EXPECT_EQ(fleet.value(d, "k"), Value("nothing"));
}

TEST(Scenario, AHundredOverwritesAreOneEntry) {
  Fleet fleet(2);
  fleet.pull(b, a);
  fleet.commit(b, Edit().set("k", 0));
  fleet.pull(a, b);
  for (int i = 1; i <= 100; ++i) fleet.commit(a, Edit().set("k", i));
  const crdt::Delta delta = fleet.pull(b, a);
  ASSERT_EQ(delta.keys.size(), 1U);
  EXPECT_EQ(delta.keys[0].listed.size(), 1U);
  EXPECT_TRUE(delta.removals.empty());
  EXPECT_EQ(fleet.value(b, "k"), Value(std::int64_t{100}));
}

TEST(Scenario, AHundredAddRemovePairsAreOneRecord) {
  Fleet fleet(2);
  fleet.commit(b, Edit().set("k", 0));
  fleet.pull(a, b);
  for (int i = 0; i < 100; ++i) {
    fleet.commit(a, Edit().insert("s", "x"));
    fleet.commit(a, Edit().remove("s", "x"));
  }
  const crdt::Delta delta = fleet.pull(b, a);
  EXPECT_EQ(delta.keys.size(), 1U);
  EXPECT_EQ(delta.removals.size(), 1U);
}

TEST(Scenario, AHundredPrefixRemovalsAreOneRecord) {
  Fleet fleet(2);
  fleet.commit(b, Edit().set("k", 0));
  fleet.pull(a, b);
  for (int i = 0; i < 100; ++i) {
    fleet.commit(a, Edit().set("tree/x", i).set("tree/y", i));
    fleet.commit(a, Edit().erase_prefix("tree"));
  }
  const crdt::Delta delta = fleet.pull(b, a);
  EXPECT_TRUE(delta.keys.empty());
  EXPECT_EQ(delta.removals.size(), 1U);
}

TEST(Scenario, ALeafAddedBesideASubtreeRemovalSurvivesUntilTheNextOne) {
  Fleet fleet(3);
  fleet.commit(a, Edit().set("tree/old", 1).set("tree/deep/old", 1).set("treehouse", 1));
  fleet.pull(b, a);
  fleet.pull(c, a);
  fleet.commit(b, Edit().erase_prefix("tree"));
  fleet.commit(c, Edit().set("tree/deep/new", 2));
  fleet.converge();
  EXPECT_EQ(fleet.value(a, "tree/old"), Value("nothing"));
  EXPECT_EQ(fleet.value(a, "tree/deep/new"), Value(std::int64_t{2}));
  EXPECT_EQ(fleet.value(a, "treehouse"), Value(std::int64_t{1}));
  fleet.commit(a, Edit().erase_prefix("tree"));
  fleet.converge();
  EXPECT_EQ(fleet.value(c, "tree/deep/new"), Value("nothing"));
}

TEST(Scenario, AKeyMayBeALeafHereAndAContainerThere) {
  Fleet fleet(2);
  fleet.commit(a, Edit().set("pump", "leaf"), 1);
  fleet.commit(b, Edit().set("pump/limit", 7), 2);
  fleet.converge();
  for (std::size_t at : {a, b}) {
    EXPECT_EQ(fleet.value(at, "pump"), Value("leaf"));
    EXPECT_EQ(fleet.value(at, "pump/limit"), Value(std::int64_t{7}));
  }
  fleet.commit(a, Edit().erase("pump"));
  fleet.converge();
  EXPECT_EQ(fleet.value(b, "pump"), Value("nothing"));
  EXPECT_EQ(fleet.value(b, "pump/limit"), Value(std::int64_t{7}));
}

TEST(Scenario, AddsResetsAndCompactionMeetThroughRelays) {
  Fleet fleet(4);
  fleet.commit(a, Edit().add("n", 10));
  for (std::size_t at : {b, c, d}) fleet.pull(at, a);
  fleet.commit(b, Edit().reset("n"));
  fleet.commit(c, Edit().reset("n"));
  fleet.commit(d, Edit().add("n", 5));
  fleet.pull(a, b);
  fleet.commit(a, Edit().add("n", 3));  // all of a's sum was reset: a new incarnation
  fleet.pull(d, c);
  fleet.pull(c, a);
  fleet.converge();
  for (std::size_t at = 0; at < fleet.size(); ++at) EXPECT_EQ(fleet.value(at, "n"), Value(std::int64_t{8}));
  fleet.commit(c, Edit().reset("n"));
  fleet.converge();
  EXPECT_EQ(fleet.value(d, "n"), Value(std::int64_t{0}));
}

TEST(Scenario, ACounterErasedBesideAResetStartsFromZero) {
  Fleet fleet(2);
  fleet.commit(a, Edit().add("n", 5));
  fleet.pull(b, a);
  fleet.commit(b, Edit().reset("n"));
  fleet.commit(a, Edit().erase("n"));
  fleet.converge();
  fleet.commit(a, Edit().add("n", 7));
  fleet.converge();
  EXPECT_EQ(fleet.value(b, "n"), Value(std::int64_t{7})) << "the reset's baseline belongs to the sum that was erased";
}

TEST(Scenario, AStampFromTheFarFutureIsMergedAndNotAdopted) {
  Fleet fleet(2);
  crdt::MemoryTable forger({1, 2});
  ReplicaId id;
  id.bytes.fill(std::byte{0xee});
  crdt::Changes changes;
  const crdt::Stamp forged = crdt::Stamp{1} << 63;
  changes.write(crdt::cell_key("k", crdt::Kind::value), forged,
                crdt::Entry{{id, forged}, 0, crdt::encode_value("2298")});
  crdt::apply_changes(forger, id, changes);
  ASSERT_TRUE(fleet[a].offer(crdt::make_delta(forger, {}), Fleet::wall(0)));
  EXPECT_EQ(fleet.value(a, "k"), Value("2298"));
  EXPECT_LT(fleet.commit(a, Edit().set("k", "sane")).stamp, forged);
  fleet.converge();
  EXPECT_EQ(fleet.value(b, "k"), Value("sane")) << "what is observed is replaced, whatever its stamp";
}

TEST(Scenario, OfTwoOverlappingTransactionsTheSameOneWinsOnEachKey) {
  Fleet fleet(3);
  fleet.commit(a, Edit().set("x", "T1").set("y", "T1"), 1);
  fleet.commit(a, Edit().set("y", "T2").set("z", "T2"), 5);
  fleet.commit(b, Edit().set("y", "U").set("z", "U"), 3);
  fleet.pull(c, b);
  fleet.pull(c, a);
  fleet.converge();
  for (std::size_t at = 0; at < fleet.size(); ++at) {
    EXPECT_EQ(fleet.value(at, "x"), Value("T1"));
    EXPECT_EQ(fleet.value(at, "y"), Value("T2"));
    EXPECT_EQ(fleet.value(at, "z"), Value("T2"));
  }
}

TEST(Scenario, AnEmptyScopeSyncsToAnEmptyScope) {
  Fleet fleet(2);
  const crdt::Delta delta = fleet.pull(b, a);
  EXPECT_TRUE(delta.keys.empty() && delta.removals.empty());
  EXPECT_EQ(delta.summary, crdt::Summary{});
  EXPECT_TRUE(fleet[b].stored_context().empty());
}

TEST(Scenario, OneKeyAndAHugeKeyTravelWhole) {
  Fleet fleet(2);
  Bytes huge = crdt::cell_key("k", crdt::Kind::member);
  huge.resize(64 * 1024, std::byte{0x00});
  crdt::Changes changes;
  changes.write(huge, 7, crdt::Entry{{fleet[a].id(), 7}, 0, crdt::encode_value("x")});
  crdt::apply_changes(fleet[a].table(), fleet[a].id(), changes);
  const crdt::Delta delta = fleet.pull(b, a);
  ASSERT_EQ(delta.keys.size(), 1U);
  EXPECT_EQ(delta.keys[0].key, huge);
  EXPECT_EQ(fleet[b].stored(), fleet[a].stored());
}

TEST(Scenario, AHundredConcurrentWritersLeaveAHundredSiblingsAndOneWriteEndsThem) {
  Fleet fleet(100);
  for (std::size_t at = 0; at < fleet.size(); ++at) fleet.commit(at, Edit().set("k", static_cast<int>(at)), 0);
  for (std::size_t at = 1; at < fleet.size(); ++at) fleet.pull(a, at);
  EXPECT_EQ(fleet.show(a, "k")->conflicts.size(), 99U);
  fleet.commit(a, Edit().set("k", "settled"), 1);
  fleet.pull(b, a);
  EXPECT_EQ(fleet.value(b, "k"), Value("settled"));
  EXPECT_TRUE(fleet.show(b, "k")->conflicts.empty());
}

TEST(Scenario, AKindFromTheFutureIsStoredForwardedAndNotShown) {
  Fleet fleet(3);
  const Bytes key = crdt::cell_key("k", static_cast<crdt::Kind>('z'), as_view("suffix"));
  const Bytes content = to_bytes("not a value this version knows");
  crdt::Changes changes;
  changes.write(key, 7, crdt::Entry{{fleet[a].id(), 7}, 0, content});
  crdt::apply_changes(fleet[a].table(), fleet[a].id(), changes);
  fleet.pull(b, a);
  fleet.pull(c, b);  // through a replica that does not know it
  EXPECT_EQ(fleet[c].stored(), fleet[a].stored());
  EXPECT_EQ(fleet[c].table().find(key)[0].value, content);
  EXPECT_FALSE(fleet.show(c, "k"));
  fleet.commit(c, Edit().set("k", "known"));
  fleet.converge();
  EXPECT_EQ(fleet.value(a, "k"), Value("known"));
  EXPECT_FALSE(fleet[a].table().find(key).empty());
  fleet.commit(b, Edit().erase("k"));
  fleet.converge();
  EXPECT_TRUE(fleet[a].stored().empty());
}

}  // namespace
}  // namespace edgesync::laws
