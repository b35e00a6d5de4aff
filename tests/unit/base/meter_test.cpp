// SPDX-License-Identifier: Apache-2.0
#include "base/meter.hpp"

#include "base/random.hpp"

#include <gtest/gtest.h>

namespace edgesync {
namespace {

using namespace std::chrono_literals;

constexpr Instant start{1h};

TEST(Meter, LetsABurstThroughAndThenTheRate) {
  const Rate rate{.per_second = 10, .burst = 5};
  Meter meter;
  for (int i = 0; i < 5; ++i) {
    meter.add(1, rate, start);
    EXPECT_LE(meter.within_at(rate), start);
  }
  meter.add(1, rate, start);
  EXPECT_EQ(meter.within_at(rate), start + 100ms);
  EXPECT_FALSE(meter.even(start + 599ms));
  EXPECT_TRUE(meter.even(start + 600ms));
}

TEST(Meter, KeepsNoCreditForTimeInWhichNothingCame) {
  const Rate rate{.per_second = 1, .burst = 3};
  Meter meter;
  meter.add(1, rate, start);
  const Instant later = start + 24h;
  for (int i = 0; i < 4; ++i) meter.add(1, rate, later);
  EXPECT_EQ(meter.within_at(rate), later + 1s);
}

TEST(Meter, WithoutARateEverythingIsWithinIt) {
  Meter meter;
  meter.add(1e18, {}, start);
  EXPECT_LE(meter.within_at({}), start);
  EXPECT_TRUE(meter.even(start));
}

TEST(Meter, SurvivesAmountsThatNoTimeHolds) {
  const Rate rate{.per_second = 1e-300, .burst = 1e300};
  Meter meter;
  for (int i = 0; i < 100; ++i) meter.add(1e300, rate, start);
  EXPECT_GT(meter.within_at(rate), start);
}

/// Whoever waits as long as the meter says gets exactly the rate, and its burst once.
TEST(Meter, NeverMoreThanTheBurstAndTheRate) {
  Xoshiro random(7);
  for (int round = 0; round < 200; ++round) {
    const Rate rate{.per_second = 1.0 + static_cast<double>(random.below(1000)),
                    .burst = static_cast<double>(random.below(500))};
    Meter meter;
    Instant now = start;
    double come = 0, most = 0;
    for (int i = 0; i < 300; ++i) {
      const double amount = 1.0 + static_cast<double>(random.below(20));
      now = std::max(now, meter.within_at(rate)) + std::chrono::milliseconds(random.below(30));
      meter.add(amount, rate, now);
      come += amount;
      most = std::max(most, amount);
      const double seconds = std::chrono::duration<double>(now - start).count();
      ASSERT_LE(come, rate.burst + rate.per_second * seconds + most + 1e-3 * rate.per_second);
    }
  }
}

}  // namespace
}  // namespace edgesync
