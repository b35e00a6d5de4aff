// SPDX-License-Identifier: Apache-2.0
// Previews: an application that asked for it sees what has come of a first bootstrap; what is replicated does not.
#include "staging.hpp"

namespace edgesync::store {
namespace {

using testing::IsEmpty;

class Preview : public Staging {
 protected:
  Preview() { ask(); }
  void ask() { opened->preview(here()); }
  ScopeId here() { return state_scope(*opened); }
  std::map<std::string, std::string> seen() { return contents(*opened, here()); }
  std::map<std::string, std::string> told() { return contents(*peer, there()); }
  void change(const Edit& edit, int ms = 50) {
    peer->commit(there(), edit.ops(), at_ms(ms)).value();
    flush(*peer);
  }

  Opened opened{1};
};

TEST_F(Preview, GrowsWithEveryChunkAndLeavesTheScopeAlone) {
  std::size_t keys = 0, grown = 0;
  for (bool whole = false; !whole;) {
    whole = tell(opened, 1);
    grown += seen().size() > keys;
    keys = seen().size();
    EXPECT_THAT(opened->context(here()).items(), IsEmpty());
    EXPECT_EQ(opened->summary(here()), crdt::Summary{});
  }
  EXPECT_GT(grown, 5U);
  EXPECT_EQ(seen(), told());
  EXPECT_TRUE(join(opened).outcomes.at(0).applied);
  EXPECT_EQ(seen(), told());
  EXPECT_EQ(opened->summary(here()), peer->summary(there()));
  EXPECT_THAT(findings(*opened), IsEmpty());
}

TEST_F(Preview, IsShownToNobodyWhoDidNotAsk) {
  opened.reopen();
  tell(opened);
  EXPECT_THAT(seen(), IsEmpty());
  EXPECT_TRUE(join(opened).outcomes.at(0).applied);
  EXPECT_EQ(seen(), told());
}

TEST_F(Preview, OutlivesTheProcess) {
  tell(opened, 5);
  const auto before = seen();
  EXPECT_FALSE(before.empty());
  opened.reopen();
  ask();
  EXPECT_EQ(seen(), before);
  tell(opened);
  EXPECT_EQ(seen(), told());
}

TEST_F(Preview, FollowsWhatThePeerChangesMeanwhile) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    Xoshiro random(seed);
    Opened fresh(100 + seed);
    fresh->preview(state_scope(*fresh));
    while (!tell(fresh, 1 + random.below(3))) {
      const std::string key = "more/" + std::to_string(random.below(200));
      const int now = static_cast<int>(100 * seed);
      if (random.below(4) == 0) change(Edit().erase_prefix("more/1" + std::to_string(random.below(10))), now);
      if (random.below(3) == 0) change(Edit().erase(key), now);
      if (random.below(2) == 0) change(Edit().set(key, "changed"), now);
      if (random.below(3) == 0) change(Edit().insert("set", Value(key)).remove("set", Value("more/1")), now);
      if (random.below(3) == 0) change(Edit().add("count", 1), now);
    }
    EXPECT_EQ(contents(*fresh, state_scope(*fresh)), told());
    EXPECT_TRUE(join(fresh).outcomes.at(0).applied);
    EXPECT_EQ(contents(*fresh, state_scope(*fresh)), told());
  }
}

TEST_F(Preview, StandsBesideWhatIsWrittenHere) {
  set(*opened, here(), "aaa", "first of all");
  set(*opened, here(), "zzz", "last of all");
  flush(*opened);
  tell(opened, 8);
  const auto before = seen();
  ASSERT_TRUE(before.contains("more/1"));
  EXPECT_EQ(before.begin()->first, "aaa");
  EXPECT_EQ(before.rbegin()->first, "zzz");

  set(*opened, here(), "more/1", "mine",
      -1'000);  // by a clock that is behind: what it has seen is earlier all the same
  EXPECT_EQ(get(*opened, here(), "more/1"), Value("mine"));
  flush(*opened);
  EXPECT_EQ(get(*opened, here(), "more/1"), Value("mine"));
  tell(opened);
  EXPECT_TRUE(join(opened).outcomes.at(0).applied);
  EXPECT_EQ(get(*opened, here(), "more/1"), Value("mine"));
  EXPECT_EQ(get(*opened, here(), "more/2"), Value("some text 2"));
  EXPECT_EQ(get(*opened, here(), "aaa"), Value("first of all"));
}

TEST_F(Preview, IsOfAFirstBootstrapAlone) {
  pull(*opened, here(), *peer, there());
  const auto before = seen();
  for (int i = 0; i < 100; ++i) set(*peer, there(), "more/" + std::to_string(i), i);
  flush(*peer);
  tell(opened);
  EXPECT_EQ(seen(), before);
  EXPECT_TRUE(join(opened).outcomes.at(0).applied);
  EXPECT_EQ(seen(), told());
}

TEST_F(Preview, IsOverWhenAnotherPeerHasToldAll) {
  tell(opened, 8);
  Opened hub(7);
  pull(*hub, state_scope(*hub), *peer, there());
  hub->commit(state_scope(*hub), Edit().erase_prefix("more").ops(), at_ms(90)).value();
  flush(*hub);
  pull(*opened, here(), *hub, state_scope(*hub));
  EXPECT_EQ(seen(), contents(*hub, state_scope(*hub)));
  EXPECT_FALSE(seen().contains("more/1"));
}

TEST_F(Preview, LeavesNothingBehind) {
  const char* none = "CREATE TEMP TABLE rows(n CHECK (n = 0)); INSERT INTO rows SELECT count(*) FROM preview";
  tell(opened);
  EXPECT_TRUE(join(opened).outcomes.at(0).applied);
  opened.close();
  run_sql(opened.path(), none);
  Opened given_up(9);
  given_up->preview(state_scope(*given_up));
  tell(given_up, 4);
  given_up->give_up(state_scope(*given_up));
  flush(*given_up);
  EXPECT_THAT(findings(*given_up), IsEmpty());
  given_up.close();
  run_sql(given_up.path(), none);
}

TEST_F(Preview, ShowsNothingOfADamagedRow) {
  tell(opened, 8);
  const std::size_t keys = seen().size();
  opened.close();
  run_sql(opened.path(),
          "UPDATE preview SET e = CAST(substr(e, 1, 8) || x'55' || substr(e, 10) AS BLOB)"
          " WHERE key = (SELECT min(key) FROM preview)");
  opened.reopen();
  ask();
  EXPECT_EQ(seen().size(), keys - 1);
  tell(opened);
  EXPECT_TRUE(join(opened).outcomes.at(0).applied);
  EXPECT_EQ(seen(), told());
}

}  // namespace
}  // namespace edgesync::store
