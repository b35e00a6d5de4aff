// SPDX-License-Identifier: Apache-2.0
#include "sim/campaign.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

namespace edgesync::sim {
namespace {

std::uint64_t seeds_wanted() {
  const char* text = std::getenv("EDGESYNC_SIM_SEEDS");
  return text == nullptr ? 300 : std::strtoull(text, nullptr, 10);
}

TEST(Simulation, KeepsEveryPromiseForEverySeed) {
  Campaign campaign;
  campaign.count = seeds_wanted();
  campaign.program = EDGESYNC_SIM_PROGRAM;
  campaign.stop_at_first = true;
  const Totals totals = play(campaign);
  EXPECT_EQ(totals.violations, 0u) << totals.message;
  EXPECT_GT(totals.promised, totals.seeds);
}

}  // namespace
}  // namespace edgesync::sim
