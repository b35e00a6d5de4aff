// SPDX-License-Identifier: Apache-2.0
// Trials: a version that the application accepted and has not confirmed yet.
#include "base/random.hpp"
#include "config/activation.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

namespace edgesync::config {
namespace {

using Kind = Action::Kind;
using namespace std::chrono_literals;

// A node around the machine, whose power may go before a step is in the table, or before its actions are taken.
class Bench {
 public:
  Rules rules{.health_window = 60s, .starts_max = 3};
  Activation machine{"plant-7", {}, rules};
  std::map<std::pair<std::uint64_t, std::string>, RoleRow> table{};
  std::string in_use{};
  std::vector<Action> done{};
  Instant now{1h};

  void commit(const Outcome& outcome) {
    for (const Step& step : outcome.journal) table[{step.row.number, step.row.id}] = step.row;
    for (const RoleRow& row : outcome.forget) table.erase({row.number, row.id});
  }
  void act(const Outcome& outcome) {
    for (const Action& action : outcome.actions) {
      done.push_back(action);
      if (action.kind == Kind::activate) in_use = action.id;
    }
  }
  void take(const Outcome& outcome) { commit(outcome), act(outcome); }
  void take(const Result<Outcome>& outcome) { take(outcome.value()); }
  void arrive(std::uint64_t number, const std::string& id) {
    take(machine.offered(number, id));
    take(machine.verified(number, id));
  }
  /// The application takes it; its trial begins.
  void adopt(std::uint64_t number, const std::string& id) {
    arrive(number, id);
    take(machine.verdict(number, id, Verdict::healthy));
    take(machine.tick(now));
  }
  void pass(Instant::duration time) {
    now += time;
    take(machine.tick(now));
  }
  void restart() {
    machine = from_table();
    in_use.clear();
    done.clear();
    take(machine.restart());
    take(machine.tick(now));
  }
  /// A commit failed: the same process goes on from the table.
  void begin_again() {
    const Activation failed = std::exchange(machine, from_table());
    done.clear();
    take(machine.restart(&failed));
    take(machine.tick(now));
  }
  Activation from_table() const {
    std::vector<RoleRow> rows;
    for (const auto& [key, row] : table) rows.push_back(row);
    return Activation("plant-7", rows, rules);
  }
  VersionRole role(std::uint64_t number, const std::string& id) const { return table.at({number, id}).role; }
  bool told(Kind kind, std::uint64_t number) const {
    return std::any_of(done.begin(), done.end(), [&](const Action& a) { return a.kind == kind && a.number == number; });
  }
};

/// Version 1 is confirmed, version 2 is on trial.
Bench one_on_trial() {
  Bench bench;
  bench.adopt(1, "a");
  bench.take(bench.machine.confirm());
  bench.adopt(2, "b");
  return bench;
}

TEST(Trial, ConfirmedInTimeIsActive) {
  Bench bench;
  bench.adopt(1, "a");
  EXPECT_EQ(bench.in_use, "a");
  EXPECT_EQ(bench.role(1, "a"), VersionRole::trial);
  EXPECT_EQ(bench.machine.deadline(), bench.now + 60s);
  bench.take(bench.machine.confirm());
  EXPECT_EQ(bench.role(1, "a"), VersionRole::active);
  EXPECT_TRUE(bench.told(Kind::confirmed, 1));
  bench.adopt(2, "b");
  EXPECT_EQ(bench.role(1, "a"), VersionRole::active) << "what there is to go back to";
  EXPECT_EQ(bench.machine.last_good()->id, "a");
  EXPECT_EQ(bench.machine.active()->id, "b");
  bench.take(bench.machine.confirm());
  EXPECT_EQ(bench.role(1, "a"), VersionRole::confirmed);
  EXPECT_EQ(bench.role(2, "b"), VersionRole::active);
  EXPECT_EQ(bench.machine.deadline(), never);
}

TEST(Trial, WithoutAWordTheOneBeforeComesBack) {
  Bench bench = one_on_trial();
  bench.pass(59s);
  EXPECT_EQ(bench.in_use, "b");
  bench.pass(1s);
  EXPECT_EQ(bench.in_use, "a");
  EXPECT_EQ(bench.role(2, "b"), VersionRole::quarantined);
  EXPECT_EQ(bench.role(1, "a"), VersionRole::active);
  EXPECT_TRUE(bench.told(Kind::rolled_back, 2));
  bench.take(bench.machine.offered(3, "b"));
  EXPECT_FALSE(bench.table.contains({3, "b"})) << "the same content is not tried again";
  bench.adopt(4, "c");
  EXPECT_EQ(bench.in_use, "c");
}

TEST(Trial, GoesBackToWhatWasInUseAndNotToAHigherOne) {
  Bench bench;
  for (const auto& [number, id] : {std::pair(1, "a"), {2, "b"}, {3, "c"}}) {
    bench.adopt(static_cast<std::uint64_t>(number), id);
    bench.take(bench.machine.confirm());
  }
  bench.take(bench.machine.rollback(1, "a"));
  bench.adopt(4, "d");
  EXPECT_EQ(bench.machine.last_good()->id, "a");
  bench.take(bench.machine.fail("it stutters"));
  EXPECT_EQ(bench.in_use, "a");
}

TEST(Trial, WithNothingToGoBackToStays) {
  Bench bench;
  bench.adopt(1, "a");
  bench.take(bench.machine.fail("it stutters"));
  EXPECT_EQ(bench.in_use, "a");
  EXPECT_EQ(bench.role(1, "a"), VersionRole::active);
  EXPECT_TRUE(bench.told(Kind::failed, 1));
}

TEST(Trial, NeverGoesBackToWhatWasRevokedMeanwhile) {
  Bench bench;
  for (const auto& [number, id] : {std::pair(1, "a"), {2, "b"}, {3, "c"}}) {
    bench.adopt(static_cast<std::uint64_t>(number), id);
    bench.take(bench.machine.confirm());
  }
  bench.take(bench.machine.rollback(1, "a"));
  bench.adopt(4, "d");
  bench.machine.revoke_below(2);
  EXPECT_EQ(bench.machine.last_good()->id, "b");
  bench.take(bench.machine.fail("it stutters"));
  EXPECT_EQ(bench.in_use, "b") << "the newest one in good standing";
  EXPECT_EQ(bench.role(2, "b"), VersionRole::active);
  EXPECT_EQ(bench.role(1, "a"), VersionRole::confirmed);
  EXPECT_TRUE(bench.machine.rollback(1, "a").error().is(Errc::rejected));
}

TEST(Trial, StaysIfAllOthersWereRevoked) {
  Bench bench = one_on_trial();
  bench.machine.revoke_below(2);
  EXPECT_FALSE(bench.machine.last_good());
  bench.take(bench.machine.fail("it stutters"));
  EXPECT_EQ(bench.in_use, "b");
  EXPECT_EQ(bench.role(2, "b"), VersionRole::active);
  EXPECT_EQ(bench.role(1, "a"), VersionRole::confirmed);
  EXPECT_TRUE(bench.told(Kind::failed, 2));
}

TEST(Trial, ACommitThatFailsIsNoStart) {
  Bench bench = one_on_trial();
  for (int i = 0; i < 10; ++i) bench.begin_again();
  EXPECT_EQ(bench.in_use, "b");
  EXPECT_EQ((bench.table.at({2, "b"}).starts), 0u);
  bench.restart();
  for (int i = 0; i < 10; ++i) bench.begin_again();
  EXPECT_EQ((bench.table.at({2, "b"}).starts), 1u);
  bench.restart();
  bench.restart();
  EXPECT_EQ(bench.in_use, "a");
}

TEST(Trial, AQuestionPutAgainAfterACommitThatFailedIsNoStart) {
  Bench bench;
  bench.arrive(1, "a");
  bench.restart();
  bench.restart();  // the last time it may be asked
  for (int i = 0; i < 10; ++i) {
    bench.begin_again();
    EXPECT_TRUE(bench.told(Kind::ask, 1));
  }
  bench.take(bench.machine.verdict(1, "a", Verdict::healthy));
  EXPECT_EQ(bench.in_use, "a");
}

TEST(Trial, StartsWithoutConfirmationAreCounted) {
  Bench bench = one_on_trial();
  for (const std::uint32_t starts : {1u, 2u}) {
    bench.restart();
    EXPECT_EQ(bench.in_use, "b");
    EXPECT_EQ((bench.table.at({2, "b"}).starts), starts) << "before it is risked";
  }
  bench.restart();
  EXPECT_EQ(bench.in_use, "a");
  EXPECT_EQ(bench.role(2, "b"), VersionRole::quarantined);
  bench.restart();
  EXPECT_EQ(bench.in_use, "a");
}

TEST(Trial, AQuestionThatEndsTheApplicationIsNotAskedForEver) {
  Bench bench;
  bench.adopt(1, "a");
  bench.take(bench.machine.confirm());
  bench.arrive(2, "b");
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(bench.told(Kind::ask, 2));
    bench.restart();
  }
  EXPECT_TRUE(bench.told(Kind::ask, 2));
  bench.restart();
  EXPECT_FALSE(bench.told(Kind::ask, 2));
  EXPECT_EQ(bench.role(2, "b"), VersionRole::quarantined);
  EXPECT_EQ(bench.in_use, "a");
  EXPECT_TRUE(bench.told(Kind::failed, 2));
}

TEST(Trial, IsNoAffairOfAnObserver) {
  Bench bench = one_on_trial();
  bench.arrive(3, "c");
  const auto before = bench.table;
  for (int i = 0; i < 5; ++i) {
    bench.rules.observes = true;
    bench.restart();
    EXPECT_EQ(bench.in_use, "b");
    bench.pass(120s);
    EXPECT_FALSE(bench.told(Kind::ask, 3));
    EXPECT_EQ(bench.table, before);
  }
  bench.rules.observes = false;
  bench.restart();
  EXPECT_EQ((bench.table.at({2, "b"}).starts), 1u);
}

TEST(Trial, HoldingIsAnAnswer) {
  Bench bench;
  bench.arrive(1, "a");
  for (int i = 0; i < 10; ++i) {
    bench.take(bench.machine.verdict(1, "a", Verdict::hold));
    bench.restart();
    EXPECT_TRUE(bench.told(Kind::ask, 1));
  }
  bench.take(bench.machine.verdict(1, "a", Verdict::healthy));
  EXPECT_EQ(bench.in_use, "a");
}

TEST(Trial, TheNextVersionWaitsForItsEnd) {
  Bench bench = one_on_trial();
  bench.arrive(3, "c");
  EXPECT_FALSE(bench.told(Kind::ask, 3));
  bench.take(bench.machine.fail("no"));
  EXPECT_EQ(bench.in_use, "a");
  EXPECT_TRUE(bench.told(Kind::ask, 3));
}

TEST(Trial, ALocalRollbackEndsIt) {
  Bench bench = one_on_trial();
  bench.take(bench.machine.rollback(1, "a"));
  EXPECT_EQ(bench.in_use, "a");
  EXPECT_EQ(bench.role(2, "b"), VersionRole::rolled_back);
  bench.pass(120s);
  EXPECT_EQ(bench.in_use, "a");
  EXPECT_TRUE(bench.machine.confirm().empty());
}

TEST(Trial, EndsWithTheRuleThatAskedForIt) {
  Bench bench;
  bench.adopt(1, "a");
  std::vector<RoleRow> rows;
  for (const auto& [key, row] : bench.table) rows.push_back(row);
  Activation later("plant-7", rows, {});
  bench.take(later.restart());
  EXPECT_EQ(bench.role(1, "a"), VersionRole::active);
  EXPECT_EQ(bench.in_use, "a");
}

// Random days, in which the power goes before or after any step is in the table.
TEST(Trial, OneAcceptedVersionIsInUseWhateverHappens) {
  for (std::uint64_t seed = 1; seed <= 3000; ++seed) {
    Xoshiro random(seed);
    Bench bench;
    std::set<std::string> accepted;
    std::uint64_t newest = 0;
    bool ever = false;
    const auto play = [&](const Outcome& outcome) {
      const std::uint64_t cut = random.below(12);
      if (cut == 0) return bench.restart();
      if (cut == 1) return bench.begin_again();
      bench.commit(outcome);
      if (cut == 2) return bench.restart();
      bench.act(outcome);
    };
    for (int step = 0; step < 60; ++step) {
      const auto asked = bench.machine.asked();
      switch (random.below(8)) {
        case 0:
        case 1: {
          const std::string id(1, static_cast<char>('a' + random.below(6)));
          play(bench.machine.offered(++newest, id));
          if (auto verified = bench.machine.verified(newest, id)) play(*verified);
          break;
        }
        case 2:
        case 3:
          if (!asked) break;
          accepted.insert(asked->id);
          play(bench.machine.verdict(asked->number, asked->id, Verdict::healthy).value());
          break;
        case 4:
          if (asked) play(bench.machine.verdict(asked->number, asked->id, Verdict::reject).value());
          break;
        case 5:
          play(bench.machine.confirm());
          break;
        case 6:
          play(random.one_in(2) ? bench.machine.fail("no") : bench.machine.tick(bench.now += 31s));
          break;
        default: {
          const auto back = bench.machine.last_good();
          if (back)
            if (auto rolled = bench.machine.rollback(back->number, back->id)) play(*rolled);
        }
      }
      int active = 0, trial = 0;
      for (const auto& [key, row] : bench.table) {
        active += row.role == VersionRole::active;
        trial += row.role == VersionRole::trial;
      }
      ever |= active + trial > 0;
      ASSERT_LE(active, 1) << seed;
      ASSERT_LE(trial, 1) << seed;
      ASSERT_EQ(active + trial > 0, ever) << seed << ": nothing is in use any more";
      if (!ever) continue;
      ASSERT_EQ(bench.in_use, bench.machine.active()->id) << seed << " step " << step;
      ASSERT_TRUE(accepted.contains(bench.in_use)) << seed << " step " << step;
    }
  }
}

}  // namespace
}  // namespace edgesync::config
