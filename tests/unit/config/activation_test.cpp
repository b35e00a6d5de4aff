// SPDX-License-Identifier: Apache-2.0
#include "config/activation.hpp"

#include "base/random.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

namespace edgesync::config {
namespace {

using Kind = Action::Kind;

// A node around the machine: a table that outlives restarts, written before actions are taken, and what they did.
class Desk {
 public:
  Activation machine{"plant-7"};
  std::map<std::pair<std::uint64_t, std::string>, VersionRole> table{};
  std::vector<std::string> journal{};
  std::vector<Action> todo{};
  std::string readers_see{};

  void take(const Outcome& outcome) {
    for (const Step& step : outcome.journal) {
      EXPECT_EQ(step.scope, "plant-7");
      table[{step.row.number, step.row.id}] = step.row.role;
      journal.push_back(std::to_string(step.row.number) + step.row.id + " " + name(step.row.role));
    }
    for (const RoleRow& row : outcome.forget) table.erase({row.number, row.id});
    EXPECT_EQ(rows(), machine.rows());
    for (const Action& action : outcome.actions) {
      todo.push_back(action);
      if (action.kind == Kind::activate) readers_see = action.id;
    }
  }
  void take(const Result<Outcome>& outcome) {
    ASSERT_TRUE(outcome) << outcome.error().detail;
    take(*outcome);
  }
  void arrive(std::uint64_t number, const std::string& id) {
    take(machine.offered(number, id));
    const auto row = table.find({number, id});
    if (row != table.end() && row->second == VersionRole::offered) take(machine.verified(number, id));
  }
  void adopt(std::uint64_t number, const std::string& id) {
    arrive(number, id);
    take(machine.verdict(number, id, Verdict::healthy));
  }
  void restart() {
    machine = Activation("plant-7", rows());
    todo.clear();
    readers_see.clear();
    take(machine.restart());
  }
  std::vector<RoleRow> rows() const {
    std::vector<RoleRow> out;
    for (const auto& [key, role] : table) out.push_back({key.first, key.second, role});
    return out;
  }
  bool was_told(Kind kind, std::uint64_t number) const {
    return std::any_of(todo.begin(), todo.end(), [&](const Action& a) { return a.kind == kind && a.number == number; });
  }
  VersionRole role(std::uint64_t number, const std::string& id) { return table.at({number, id}); }
};

TEST(Activation, AHealthyVersionBecomesActiveStepByStep) {
  Desk desk;
  desk.take(desk.machine.offered(1, "a"));
  EXPECT_TRUE(desk.was_told(Kind::fetch, 1));
  desk.take(desk.machine.verified(1, "a"));
  EXPECT_TRUE(desk.was_told(Kind::ask, 1));
  EXPECT_EQ(desk.readers_see, "");
  desk.take(desk.machine.verdict(1, "a", Verdict::healthy));

  EXPECT_EQ(desk.readers_see, "a");
  EXPECT_EQ(desk.journal, (std::vector<std::string>{"1a offered", "1a staged", "1a active"}));
  EXPECT_FALSE(desk.machine.last_good());
  desk.adopt(2, "b");
  EXPECT_EQ(desk.machine.active()->id, "b");
  EXPECT_EQ(desk.machine.last_good()->id, "a");
}

TEST(Activation, ARejectedIdIsNeverOfferedAgainAndTheActiveOneStays) {
  Desk desk;
  desk.adopt(1, "a");
  desk.arrive(2, "b");
  desk.take(desk.machine.verdict(2, "b", Verdict::reject, "pump refused"));

  EXPECT_EQ(desk.machine.active()->id, "a");
  EXPECT_EQ(desk.role(2, "b"), VersionRole::quarantined);
  EXPECT_TRUE(desk.machine.offered(2, "b").empty());
  EXPECT_TRUE(desk.machine.offered(9, "b").empty());
  desk.restart();
  EXPECT_TRUE(desk.machine.offered(9, "b").empty());
  desk.adopt(3, "c");
  EXPECT_EQ(desk.readers_see, "c");
}

TEST(Activation, AHeldVersionWaitsForResumeOrRestartOrAHigherOne) {
  Desk desk;
  desk.arrive(1, "a");
  desk.take(desk.machine.verdict(1, "a", Verdict::hold));
  EXPECT_EQ(desk.role(1, "a"), VersionRole::held);
  EXPECT_FALSE(desk.machine.asked());
  desk.take(desk.machine.resume());
  EXPECT_EQ(desk.machine.asked()->id, "a");
  desk.take(desk.machine.verdict(1, "a", Verdict::hold));
  desk.restart();
  EXPECT_TRUE(desk.was_told(Kind::ask, 1));
  desk.take(desk.machine.verdict(1, "a", Verdict::hold));
  desk.adopt(2, "b");
  EXPECT_EQ(desk.role(1, "a"), VersionRole::superseded);
  EXPECT_TRUE(desk.machine.resume().empty());
}

TEST(Activation, RollbackIsAtOnceAndLastsUntilAHigherNumber) {
  Desk desk;
  desk.adopt(1, "a");
  desk.adopt(2, "b");
  const RoleRow good = desk.machine.last_good().value();
  desk.take(desk.machine.rollback(good.number, good.id, "by hand"));

  EXPECT_EQ(desk.readers_see, "a");
  EXPECT_TRUE(desk.was_told(Kind::rolled_back, 2));
  EXPECT_EQ(desk.role(2, "b"), VersionRole::rolled_back);
  desk.arrive(2, "b");
  desk.arrive(2, "z");
  EXPECT_EQ(desk.readers_see, "a");
  EXPECT_FALSE(desk.machine.asked());
  desk.restart();
  EXPECT_EQ(desk.readers_see, "a");
  EXPECT_TRUE(desk.machine.offered(2, "b").empty());
  desk.adopt(3, "b");  // the same content, published again
  EXPECT_EQ(desk.readers_see, "b");
}

TEST(Activation, RollbackForwardAgainIsPossible) {
  Desk desk;
  desk.adopt(1, "a");
  desk.adopt(2, "b");
  desk.take(desk.machine.rollback(1, "a"));
  desk.take(desk.machine.rollback(2, "b"));
  EXPECT_EQ(desk.readers_see, "b");
  EXPECT_EQ(desk.role(1, "a"), VersionRole::rolled_back);
  EXPECT_TRUE(desk.machine.rollback(2, "b").value().empty());
}

TEST(Activation, RollbackRefusesWhatNeverWasInUse) {
  Desk desk;
  desk.adopt(1, "a");
  desk.arrive(2, "b");
  EXPECT_TRUE(desk.machine.rollback(2, "b").error().is(Errc::invalid_argument));
  desk.take(desk.machine.verdict(2, "b", Verdict::reject));
  EXPECT_TRUE(desk.machine.rollback(2, "b").error().is(Errc::rejected));
  EXPECT_TRUE(desk.machine.rollback(7, "x").error().is(Errc::not_found));
  EXPECT_EQ(desk.readers_see, "a");
}

TEST(Activation, RollbackWithdrawsAQuestionThatItRulesOut) {
  // given 4 in use, left for 1, and 3 asked about
  Desk desk;
  desk.adopt(1, "a");
  desk.adopt(4, "d");
  desk.arrive(4, "e");
  EXPECT_EQ(desk.machine.asked()->id, "e");
  // when
  desk.take(desk.machine.rollback(1, "a"));
  // then the late answer changes nothing
  EXPECT_TRUE(desk.machine.verdict(4, "e", Verdict::healthy).error().is(Errc::invalid_argument));
  EXPECT_EQ(desk.readers_see, "a");
  EXPECT_EQ(desk.role(4, "e"), VersionRole::superseded);
}

TEST(Activation, IfWhatWasInUseIsLostTheNewestConfirmedTakesItsPlace) {
  Desk desk;
  for (const auto& [number, id] : {std::pair(1, "a"), {2, "b"}, {3, "c"}})
    desk.adopt(static_cast<std::uint64_t>(number), id);
  desk.take(desk.machine.rollback(1, "a"));
  desk.table.erase({1, "a"});
  desk.restart();
  EXPECT_EQ(desk.readers_see, "b");
  EXPECT_EQ((desk.table.at({2, "b"})), VersionRole::active);
}

TEST(Activation, AFetchThatFailedIsTriedAgainUnlessItNeverCanWork) {
  Desk desk;
  desk.take(desk.machine.offered(1, "a"));
  desk.take(desk.machine.failed(1, "a", false, "link lost"));
  EXPECT_EQ(desk.role(1, "a"), VersionRole::offered);
  desk.todo.clear();
  desk.take(desk.machine.offered(1, "a"));
  EXPECT_TRUE(desk.was_told(Kind::fetch, 1));
  desk.restart();
  EXPECT_TRUE(desk.was_told(Kind::fetch, 1));
  desk.take(desk.machine.failed(1, "a", true, "not canonical"));
  EXPECT_EQ(desk.role(1, "a"), VersionRole::quarantined);
  EXPECT_TRUE(desk.machine.offered(1, "a").empty());
}

TEST(Activation, AnswersWithoutAQuestionAreRefused) {
  Desk desk;
  EXPECT_TRUE(desk.machine.verdict(1, "a", Verdict::healthy).error().is(Errc::not_found));
  EXPECT_TRUE(desk.machine.verified(1, "a").error().is(Errc::not_found));
  EXPECT_TRUE(desk.machine.failed(1, "a", true, "").error().is(Errc::not_found));
  desk.take(desk.machine.offered(1, "a"));
  EXPECT_TRUE(desk.machine.verdict(1, "a", Verdict::healthy).error().is(Errc::invalid_argument));
  EXPECT_TRUE(desk.machine.offered(0, "z").empty());
}

TEST(Activation, OfSeveralHeadsTheHighestNumberThenIdWins) {
  const std::vector<std::pair<std::uint64_t, std::string>> heads{{3, "b"}, {4, "a"}, {4, "c"}, {2, "z"}, {5, "x"}};
  std::vector<std::size_t> order{0, 1, 2, 3, 4};
  do {
    // given heads that arrive in any order, of which the application rejects "x" alone
    Desk desk;
    for (std::size_t i : order) desk.arrive(heads[i].first, heads[i].second);
    // when it answers all questions
    while (const auto asked = desk.machine.asked()) {
      desk.take(desk.machine.verdict(asked->number, asked->id, asked->id == "x" ? Verdict::reject : Verdict::healthy));
    }
    // then
    EXPECT_EQ(desk.machine.active()->number, 4U);
    EXPECT_EQ(desk.readers_see, "c");
  } while (std::next_permutation(order.begin(), order.end()));
}

// A script of what happens to a node, replayed once straight through and once with a restart after every step.
void play(Desk& desk, std::uint64_t seed, bool restarts) {
  Xoshiro random(seed);
  for (int i = 0; i < 40; ++i) {
    const std::uint64_t number = 1 + random.below(12);
    const std::string id(1, static_cast<char>('a' + random.below(4)));
    const std::uint64_t what = random.below(8), answer = 1 + random.below(3);
    const auto asked = desk.machine.asked();
    if (what < 3) desk.take(desk.machine.offered(number, id));
    if (what == 3 || what == 4) {
      for (const RoleRow& row : desk.rows()) {
        if (row.role == VersionRole::offered) desk.take(desk.machine.verified(row.number, row.id));
      }
    }
    if ((what == 5 || what == 6) && asked) {
      desk.take(desk.machine.verdict(asked->number, asked->id, static_cast<Verdict>(answer == 3 ? 1 : answer)));
    }
    if (what == 7 && desk.machine.last_good()) {
      desk.take(desk.machine.rollback(desk.machine.last_good()->number, desk.machine.last_good()->id));
    }
    if (restarts) desk.restart();
  }
}

TEST(Activation, RestartsAtEveryStepKeepTheRules) {
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    for (bool restarts : {false, true}) {
      Desk desk;
      play(desk, seed, restarts);
      const auto rows = desk.rows();
      const auto in_role = [&](VersionRole role) {
        return std::count_if(rows.begin(), rows.end(), [&](const RoleRow& row) { return row.role == role; });
      };
      EXPECT_LE(in_role(VersionRole::active), 1) << seed;
      EXPECT_EQ(desk.readers_see, desk.machine.active().value_or(RoleRow{}).id) << seed;
      const bool waiting = in_role(VersionRole::staged) > 0;
      EXPECT_TRUE(!waiting || desk.machine.asked()) << seed;
    }
  }
}

TEST(Activation, ARestartBetweenJournalAndActionResumes) {
  // given a crash after each journal entry of an activation, before its actions
  const std::vector<std::vector<RoleRow>> tables{{{1, "a", VersionRole::active}, {2, "b", VersionRole::offered}},
                                                 {{1, "a", VersionRole::active}, {2, "b", VersionRole::staged}},
                                                 {{1, "a", VersionRole::confirmed}, {2, "b", VersionRole::active}},
                                                 {{1, "a", VersionRole::active}, {2, "b", VersionRole::rolled_back}},
                                                 {{1, "a", VersionRole::active}, {2, "b", VersionRole::quarantined}}};
  const std::vector<std::vector<Action>> expected{{{Kind::activate, 1, "a"}, {Kind::fetch, 2, "b"}},
                                                  {{Kind::activate, 1, "a"}, {Kind::ask, 2, "b"}},
                                                  {{Kind::activate, 2, "b"}},
                                                  {{Kind::activate, 1, "a"}},
                                                  {{Kind::activate, 1, "a"}}};
  for (std::size_t i = 0; i < tables.size(); ++i) {
    // when
    Activation machine("plant-7", tables[i]);
    const Outcome outcome = machine.restart();
    // then the action is taken now, and nothing is journaled twice
    EXPECT_EQ(outcome.actions, expected[i]) << i;
    EXPECT_TRUE(outcome.journal.empty()) << i;
  }
}

TEST(Activation, ARestartForgetsAnOpenQuestionAndAsksItAgain) {
  Desk desk;
  desk.arrive(1, "a");
  EXPECT_EQ(desk.machine.restart().actions, (std::vector<Action>{{Kind::ask, 1, "a"}}));
}

TEST(Activation, TheTableIsBoundedAndKeepsWhatRulesNeed) {
  Desk desk;
  desk.adopt(1, "bad-then-good");
  for (std::uint64_t number = 2; number < 1500; ++number) desk.adopt(number, "id" + std::to_string(number));
  EXPECT_EQ(desk.rows().size(), max_role_rows);
  EXPECT_EQ(desk.machine.active()->number, 1499U);
  EXPECT_EQ(desk.machine.last_good()->number, 1498U);

  Desk flooded;
  flooded.adopt(1, "a");
  for (std::uint64_t number = 5000; number > 2; --number) flooded.take(flooded.machine.offered(number, "x"));
  EXPECT_EQ(flooded.rows().size(), max_role_rows);
  EXPECT_EQ(flooded.role(1, "a"), VersionRole::active);
  EXPECT_EQ(flooded.rows().back().number, 5000U);
}

TEST(Activation, ForWantOfRoomTheLeastNeededGoFirst) {
  Desk desk;
  for (const auto& [number, id] : {std::pair(1, "a"), {2, "b"}, {3, "c"}, {4, "d"}})
    desk.adopt(static_cast<std::uint64_t>(number), id);
  desk.take(desk.machine.rollback(3, "c"));
  desk.arrive(5, "e");
  desk.take(desk.machine.verdict(5, "e", Verdict::reject));
  desk.arrive(6, "f");
  for (int i = 0; i < 9; ++i) desk.take(desk.machine.shed());
  const std::map<std::pair<std::uint64_t, std::string>, VersionRole> needed{{{2, "b"}, VersionRole::confirmed},
                                                                            {{3, "c"}, VersionRole::active},
                                                                            {{4, "d"}, VersionRole::rolled_back},
                                                                            {{6, "f"}, VersionRole::staged}};
  EXPECT_EQ(desk.table, needed);
}

TEST(Activation, AShortTableForgetsNeitherWhatWasRolledBackNorWhatWasRejected) {
  Desk desk;
  desk.machine = Activation("plant-7", {}, {.kept = 2});
  desk.adopt(1, "a");
  desk.adopt(2, "b");
  desk.take(desk.machine.rollback(1, "a").value());
  desk.take(desk.machine.offered(3, "c"));
  desk.take(desk.machine.verified(3, "c").value());
  desk.take(desk.machine.verdict(3, "c", Verdict::reject).value());
  for (std::uint64_t number = 4; number < 9; ++number) desk.adopt(number, "id" + std::to_string(number));

  EXPECT_EQ(desk.role(2, "b"), VersionRole::rolled_back);
  EXPECT_EQ(desk.role(3, "c"), VersionRole::quarantined);
  EXPECT_EQ(desk.rows().size(), 4U) << "those two, the active version and the one before it";
}

}  // namespace
}  // namespace edgesync::config
