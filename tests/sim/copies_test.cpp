// SPDX-License-Identifier: Apache-2.0
// Fleets whose disks are copied, restored and wiped: seeds are played, and each rule that keeps copies apart must be
// missed within some seeds once it is left out.
#include "sim/copies.hpp"
#include "base/planted.hpp"

#include <gtest/gtest.h>

namespace edgesync::sim {
namespace {

constexpr std::uint64_t seeds = 120;

struct Kind {
  const char* name = "";
  std::uint64_t noticed = 0;
  bool together = true, hub_too = false, chunks = false, lies = false;
  CopiesPlan plan(std::uint64_t seed) const { return {seed, noticed, together, hub_too, chunks, lies}; }
};

constexpr Kind unnoticed{"WhereNobodyNotices", 0, true, false, true};
constexpr Kind some_noticed{"WhereSomeAreNoticed", 60, false, false, true};
constexpr Kind noticed{"WhereAllAreNoticed", 100, true, true, true};
constexpr Kind lying{"WhereDisksLie", 0, true, false, true, true};

class CopiedDisks : public testing::TestWithParam<Kind> {};

TEST_P(CopiedDisks, LoseNothing) {
  CopiesReport totals;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    const CopiesReport report = run_copies(GetParam().plan(seed));
    ASSERT_FALSE(report.violation) << "seed " << seed << ": " << *report.violation;
    totals.copies += report.copies;
    totals.restores += report.restores;
    totals.hub_restores += report.hub_restores;
    totals.wipes += report.wipes;
    totals.lies += report.lies;
    totals.identities += report.identities;
    totals.promised += report.promised;
  }
  for (const std::uint64_t count : {totals.copies, totals.restores, totals.wipes}) EXPECT_GT(count, seeds / 8);
  EXPECT_EQ(totals.hub_restores > seeds / 8, GetParam().hub_too);
  EXPECT_EQ(totals.lies > seeds / 8, GetParam().lies);
  EXPECT_GT(totals.promised, seeds * 20);
  EXPECT_GT(totals.identities, seeds);
}

INSTANTIATE_TEST_SUITE_P(Simulation, CopiedDisks, testing::Values(unnoticed, some_noticed, noticed, lying),
                         [](const auto& kind) { return kind.param.name; });

// Two copies of an unnoticed copy, both noticed since, are linked at once and bring what it did last.
TEST(CopiedDisksLinkedAtOnce, CompareWhatTheOtherBringsOfAnIdBefore) {
  EXPECT_EQ(run_copies({84, 60, true, false, false, false}).violation, std::nullopt);
}

struct LeftOut {
  Bug bug{};
  const char* name = "";
  Kind kind{};
};

class CopiedDisksLose : public testing::TestWithParam<LeftOut> {};

TEST_P(CopiedDisksLose, WhereARuleIsLeftOut) {
  planted_bug = GetParam().bug;
  std::uint64_t failing = 0;
  for (std::uint64_t seed = 1; seed <= 2'000 && failing == 0; ++seed)
    if (run_copies(GetParam().kind.plan(seed)).violation) failing = seed;
  planted_bug = Bug::none;
  EXPECT_GT(failing, 0u);
  RecordProperty("seed", std::to_string(failing));
}

INSTANTIATE_TEST_SUITE_P(Simulation, CopiedDisksLose,
                         testing::Values(LeftOut{Bug::skip_audit, "skip_audit", unnoticed},
                                         LeftOut{Bug::skip_former, "skip_former", some_noticed},
                                         LeftOut{Bug::skip_environment, "skip_environment", noticed}),
                         [](const auto& rule) { return rule.param.name; });

}  // namespace
}  // namespace edgesync::sim
