// SPDX-License-Identifier: Apache-2.0
// Seeds are played; each planted bug must be noticed within the stated number of seeds; a seed is the same run each
// time. EDGESYNC_SIM_SEEDS says how many seeds each half plays, instead of 1,000.
#include "sim/campaign.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

namespace edgesync::sim {
namespace {

std::uint64_t seeds_wanted() {
  const char* text = std::getenv("EDGESYNC_SIM_SEEDS");
  return text == nullptr ? 1'000 : std::strtoull(text, nullptr, 10);
}

Campaign campaign_of(std::uint64_t first, std::uint64_t count) {
  Campaign campaign;
  campaign.first = first;
  campaign.count = count;
  campaign.stop_at_first = true;
  campaign.program = EDGESYNC_SIM_PROGRAM;
  return campaign;
}

/// Two tests, for two cores.
class Seeds : public testing::TestWithParam<std::uint64_t> {};

TEST_P(Seeds, KeepEveryPromise) {
  const std::uint64_t count = seeds_wanted();
  const Tally totals = play(campaign_of(1 + GetParam() * count, count));
  EXPECT_EQ(totals.violations, 0u) << totals.message();
  EXPECT_GT(totals.promised, totals.seeds);
  EXPECT_GT(totals.forgotten, 0u);
  for (std::size_t i = 0; i < Sights::size && count >= 500; ++i)
    EXPECT_GT(totals.seen.at(i), 0u) << "never seen: " << sight_names[i];
  for (std::size_t i = 0; i < FaultCounts::size && count >= 500; ++i)  // one in so many seeds has met it, at least
    EXPECT_GT(totals.struck.at(i), totals.seeds / 128) << "hardly any " << fault_names[i];
}

INSTANTIATE_TEST_SUITE_P(Simulation, Seeds, testing::Values(0, 1));

TEST(Simulation, GivesTheSameTraceForTheSameSeed) {
  Campaign campaign = campaign_of(5'000, 20);
  campaign.twice = true;
  const Tally totals = play(campaign);
  EXPECT_EQ(totals.violations, 0u) << totals.message();
}

TEST(Simulation, GivesAnotherTraceForAnotherSeed) { EXPECT_NE(run_seed(5'000).trace, run_seed(5'001).trace); }

class Planting : public testing::TestWithParam<PlantedBug> {};

TEST_P(Planting, IsNoticed) {
  Campaign campaign = campaign_of(1, GetParam().seeds);
  campaign.bug = GetParam().bug;
  const Tally tally = play(campaign);
  EXPECT_EQ(tally.violations, 1u);
  RecordProperty("seed", std::to_string(tally.first_failing));
  RecordProperty("noticed", tally.message().substr(0, 80));
}

std::vector<PlantedBug> within_reach() {
  std::vector<PlantedBug> bugs;
  for (const PlantedBug& planted : planted_bugs)
    if (planted.seeds > 0) bugs.push_back(planted);
  return bugs;
}

INSTANTIATE_TEST_SUITE_P(Simulation, Planting, testing::ValuesIn(within_reach()),
                         [](const auto& planted) { return planted.param.name; });

}  // namespace
}  // namespace edgesync::sim
