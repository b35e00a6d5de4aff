// SPDX-License-Identifier: Apache-2.0
// Named histories: what arrives over several paths, in the middle of something else, or from a clock that lies.
#include "base/random.hpp"
#include "laws/fleet.hpp"

#include <algorithm>
#include <array>

namespace edgesync::laws {
namespace {

/// `at` looks for what it has missed of `from`, as far as it takes.
crdt::Removed search(Fleet& fleet, std::size_t at, std::size_t from) {
  const crdt::Measure measure{fleet[at].fingerprint_key(),
                              crdt::meet(fleet[at].stored_context(), fleet[from].stored_context())};
  constexpr std::size_t everything = 1'000;
  crdt::MemoryTable &mine = fleet[at].table(), &theirs = fleet[from].table();
  crdt::Survey survey(measure);
  crdt::Search search(measure);
  EXPECT_TRUE(survey.walk(theirs, everything));
  EXPECT_TRUE(search.survey().walk(mine, everything));
  for (std::vector<crdt::KeyRange> wanted{{}}; !wanted.empty();)
    for (const crdt::KeyRange& range : std::exchange(wanted, {}))
      for (const crdt::Finding& finding : crdt::inspect(survey, theirs, range))
        if (search.take(mine, finding)) wanted.push_back(finding.range);
  return search.take_removed();
}

TEST(Scenario, ASearchMeetsWritesOnBothSidesAndAThirdPeersPush) {
  Fleet fleet(3);
  Edit edit;
  for (int i = 0; i < 200; ++i) edit.set("k" + std::to_string(i), i);
  fleet.commit(a, edit);
  fleet.pull(b, a);
  fleet.commit(a, Edit().set("brief", "x"));
  fleet.pull(c, a);  // the third has what is gone at the first before the second ever hears of it
  const crdt::Dot removal = fleet.commit(a, Edit().erase("brief").erase("k1").erase("k2"));
  fleet[a].evict_removals(removal.replica, removal.stamp);
  // when: the search is under way, and everybody goes on
  const crdt::Context base = fleet[b].stored_context();
  const crdt::Removed removed = search(fleet, b, a);
  EXPECT_EQ(removed.size(), 2U);
  fleet.commit(b, Edit().set("k1", "kept").set("k3", "mine"));
  fleet.commit(a, Edit().set("k4", "theirs").erase("k5"));
  fleet.commit(c, Edit().set("k6", "third"));
  fleet.pull(b, c);
  EXPECT_EQ(fleet.value(b, "brief"), Value("x"));
  ASSERT_TRUE(fleet[b].offer(fleet[a].fast_delta_for(base), Fleet::wall(0), &removed));
  // then
  EXPECT_EQ(fleet.value(b, "brief"), Value("nothing")) << "came in between, covered by the first, and not there";
  EXPECT_EQ(fleet.value(b, "k1"), Value("kept"));
  EXPECT_EQ(fleet.value(b, "k2"), Value("nothing"));
  EXPECT_EQ(fleet.value(b, "k3"), Value("mine"));
  EXPECT_EQ(fleet.value(b, "k4"), Value("theirs"));
  EXPECT_EQ(fleet.value(b, "k5"), Value("nothing"));
  EXPECT_EQ(fleet.value(b, "k6"), Value("third"));
  fleet.converge();
}

TEST(Scenario, OneScopeOverTwoPathsOfDifferentLagNeverGoesBack) {
  // a writes; b and c are two paths to d, of which c lags.
  for (const auto& order : {std::array{b, c, b}, std::array{c, b, c}, std::array{b, c, c}}) {
    Fleet fleet(4);
    fleet.commit(a, Edit().set("k", 1).insert("s", "x").set("n", 1));
    for (std::size_t at : {b, c, d}) fleet.pull(at, a);
    fleet.commit(a, Edit().set("n", 2));
    fleet.pull(c, a);
    fleet.commit(a, Edit().erase("k").remove("s", "x").set("n", 3));
    fleet.pull(b, a);
    std::int64_t newest = 1;
    bool gone = false;
    for (const std::size_t path : order) {
      fleet.pull(d, path);
      const auto n = std::get<std::int64_t>(fleet.value(d, "n"));
      EXPECT_GE(n, newest);
      newest = n;
      gone |= fleet.value(d, "k") == Value("nothing");
      EXPECT_EQ(gone, fleet.value(d, "k") == Value("nothing")) << "what went does not return";
      EXPECT_EQ(gone, fleet.members(d, "s").empty());
    }
    EXPECT_TRUE(gone);
    fleet.pull(c, d);
    EXPECT_EQ(fleet.value(c, "k"), Value("nothing"));
    fleet.converge();
  }
}

/// Offsets from a true time in 2027: 1970, 2050, 2106, steps of an hour, and right.
constexpr std::array<std::int64_t, 6> lies{-1'800'000'000'000, 725'000'000'000, 2'490'000'000'000,
                                           3'600'000,          -3'600'000,      0};

TEST(Scenario, ClocksThatJumpBetweenTransactionsLoseNothing) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    Xoshiro random(seed);
    Fleet fleet(4);
    std::array<std::int64_t, 4> off{};
    std::array<crdt::Stamp, 4> last{};
    for (int i = 0; i < 200; ++i) {
      const std::size_t at = random.below(4);
      if (random.one_in(3)) off[at] = lies[random.below(lies.size())];
      if (random.one_in(2)) {
        fleet.pull(at, random.below(4));
        continue;
      }
      const std::string key = "k" + std::to_string(random.below(5));
      const crdt::Dot dot = fleet.commit(at, Edit().set(key, i), i * 100 + off[at]);
      ASSERT_GT(dot.stamp, std::exchange(last[at], dot.stamp)) << "seed " << seed;
      // Whatever the key held, from whatever year: who overwrites it has seen it.
      ASSERT_EQ(fleet.value(at, key), Value(std::int64_t{i})) << "seed " << seed;
      ASSERT_TRUE(fleet.show(at, key)->conflicts.empty()) << "seed " << seed;
    }
    fleet.converge();
  }
}

TEST(Scenario, APoisonedStampGoesWithTheNextWriteThatHasSeenIt) {
  Fleet fleet(3);
  fleet.commit(a, Edit().set("k", "2106"), lies[2]);
  fleet.commit(b, Edit().set("k", "concurrent"), 5);
  fleet.pull(c, a);
  fleet.pull(c, b);
  EXPECT_EQ(fleet.value(c, "k"), Value("2106")) << "it wins against what is concurrent";
  EXPECT_EQ(fleet.show(c, "k")->conflicts.size(), 1U) << "and what lost is still there";
  const crdt::Dot honest = fleet.commit(c, Edit().set("k", "honest"), 10);
  EXPECT_LT(crdt::Hlc::wall(honest.stamp), Fleet::wall(1000)) << "the poison was not caught";
  fleet.converge();
  for (const std::size_t at : {a, b, c}) EXPECT_EQ(fleet.value(at, "k"), Value("honest"));
}

}  // namespace
}  // namespace edgesync::laws
