// SPDX-License-Identifier: Apache-2.0
// The engine against the oracle: over many random histories it must agree, and with a rule broken on purpose the same
// histories must notice within a few seeds. EDGESYNC_ORACLE_STEPS makes the first test run longer.
#include "base/planted.hpp"
#include "laws/history.hpp"
#include "laws/memory_replica.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

namespace edgesync::laws {
namespace {

constexpr std::uint64_t steps_default = 240'000;

constexpr auto in_memory = [](std::uint8_t number) { return std::make_unique<MemoryReplica>(number); };

std::uint64_t steps_wanted() {
  const char* text = std::getenv("EDGESYNC_ORACLE_STEPS");
  return text == nullptr ? steps_default : std::strtoull(text, nullptr, 10);
}

std::optional<std::string> run(std::uint64_t seed, const Shape& shape) {
  Xoshiro random(seed);
  return History(random, shape, in_memory).run();
}

TEST(Oracle, AgreesWithTheEngineOverRandomHistories) {
  const std::uint64_t wanted = steps_wanted();
  std::uint64_t seed = 1;
  for (std::uint64_t steps = 0; steps < wanted; ++seed) {
    const Shape shape{5 + seed % 3, seed % 20 == 0 ? 600U : 120U};
    const auto violation = run(seed, shape);
    ASSERT_FALSE(violation) << "seed " << seed << ", " << *violation;
    steps += shape.steps;
  }
}

class Planted {
 public:
  explicit Planted(Bug bug) { planted_bug = bug; }
  ~Planted() { planted_bug = Bug::none; }
  Planted(const Planted&) = delete;
  Planted& operator=(const Planted&) = delete;
};

/// How many seeds it takes to notice; `limit` + 1 if it is not noticed.
std::uint64_t seeds_until_caught(Bug bug, std::uint64_t limit) {
  const Planted planted(bug);
  for (std::uint64_t seed = 1; seed <= limit; ++seed)
    if (run(seed, {5, 120})) return seed;
  return limit + 1;
}

TEST(Oracle, CatchesPruningTheLoserWithinThreeSeeds) { EXPECT_LE(seeds_until_caught(Bug::prune_loser, 3), 3U); }

TEST(Oracle, CatchesIgnoredFloorsWithinTwentySeeds) { EXPECT_LE(seeds_until_caught(Bug::ignore_floors, 20), 20U); }

TEST(Oracle, CatchesPartialDeltasWithinThreeSeeds) { EXPECT_LE(seeds_until_caught(Bug::partial_delta, 3), 3U); }

TEST(Oracle, CatchesASkippedBaseCheckWithinTenSeeds) { EXPECT_LE(seeds_until_caught(Bug::skip_base_check, 10), 10U); }

TEST(Oracle, CatchesAForgottenContextWithinThreeSeeds) { EXPECT_LE(seeds_until_caught(Bug::forget_context, 3), 3U); }

}  // namespace
}  // namespace edgesync::laws
