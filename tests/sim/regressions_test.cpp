// SPDX-License-Identifier: Apache-2.0
// The seeds that once failed, each with the changes that made its plan small; and the way to such a line.
#include "sim/bugs.hpp"
#include "sim/changes.hpp"

#include <gtest/gtest.h>

#include <charconv>
#include <fstream>

namespace edgesync::sim {
namespace {

std::string trimmed(std::string_view text) {
  const auto from = text.find_first_not_of(' ');
  return from == std::string_view::npos ? std::string()
                                        : std::string(text.substr(from, text.find_last_not_of(' ') + 1 - from));
}

TEST(Regressions, StayMended) {
  std::ifstream file(EDGESYNC_SIM_REGRESSIONS);
  ASSERT_TRUE(file);
  std::uint64_t played = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with('#') || line.empty()) continue;
    const std::size_t bar = line.find('|'), second = line.find('|', bar + 1);
    ASSERT_NE(second, std::string::npos) << line;
    std::uint64_t seed = 0;
    std::from_chars(line.data(), line.data() + bar, seed);
    Plan plan = make_plan(seed);
    ASSERT_TRUE(change_all(plan, trimmed(std::string_view(line).substr(bar + 1, second - bar - 1)))) << line;
    const Report report = run_plan(plan);
    EXPECT_FALSE(report.violation) << line << "\n" << *report.violation;
    ++played;
  }
  EXPECT_GT(played, 0u);
}

TEST(Shrink, FindsASmallerPlanThatFailsTheSameWay) {
  planted_bug = Bug::prune_loser;
  Plan plan;
  Report report;
  for (std::uint64_t seed = 1; !report.violation && seed <= 50; ++seed) report = run_plan(plan = make_plan(seed));
  ASSERT_TRUE(report.violation);
  const std::string oracle = oracle_of(*report.violation), changes = shrink(plan, oracle);
  Plan small = plan;
  EXPECT_TRUE(change_all(small, changes)) << changes;
  const Report again = run_plan(small);
  planted_bug = Bug::none;
  ASSERT_TRUE(again.violation);
  EXPECT_EQ(oracle_of(*again.violation), oracle);
  EXPECT_LT(small.chaos, plan.chaos);
  EXPECT_LT(again.events, report.events);
}

TEST(Shrink, RefusesChangesItDoesNotKnow) {
  Plan plan = make_plan(1);
  EXPECT_FALSE(change_all(plan, "chaos/2,nonsense"));
  EXPECT_FALSE(change_all(plan, "nodes=9"));
}

}  // namespace
}  // namespace edgesync::sim
