// SPDX-License-Identifier: Apache-2.0
#include "stream/budget.hpp"
#include "stream/age_clock.hpp"

#include <gtest/gtest.h>

namespace edgesync::stream {
namespace {

using namespace std::chrono_literals;

Instant at(std::chrono::microseconds time) { return Instant(time); }
Timestamp wall(std::chrono::hours since_1970) { return Timestamp(since_1970); }
constexpr Age age(std::chrono::microseconds time) { return static_cast<Age>(time.count()); }

TEST(Budget, RefusesRulesThatMeanNothing) {
  EXPECT_TRUE(validate({}));
  EXPECT_TRUE(validate({1h, 1, Overflow::thin(2)}));
  EXPECT_FALSE(validate({-1h, 1, Overflow::reject}));
  EXPECT_FALSE(validate({1h, 1, Overflow::thin(1)}));
  EXPECT_FALSE(validate({1h, 1, Overflow::thin(1'001)}));
}

TEST(Budget, IsFullWhenTheNextBytesDoNotFit) {
  EXPECT_FALSE((Usage{900, 1'000}.full(100)));
  EXPECT_TRUE((Usage{900, 1'000}.full(101)));
  EXPECT_TRUE((Usage{2'000, 1'000}.full(0)));
  EXPECT_FALSE((Usage{2'000, 0}.full(UINT64_MAX)));
}

TEST(Budget, AgeIsBeyondTheRetentionAndNeverOfTheFuture) {
  EXPECT_FALSE(expired(0, age(1h), 1h));
  EXPECT_TRUE(expired(0, age(1h) + 1, 1h));
  EXPECT_FALSE(expired(age(2h), age(1h), 1s));
  EXPECT_FALSE(expired(0, UINT64_MAX, 0s));
}

TEST(Thinner, HalvesTheRestOfTheQuotaPerLevel) {
  EXPECT_EQ(Thinner::level({0, 1'024}), 0U);
  EXPECT_EQ(Thinner::level({511, 1'024}), 0U);
  EXPECT_EQ(Thinner::level({512, 1'024}), 1U);
  EXPECT_EQ(Thinner::level({768, 1'024}), 2U);
  EXPECT_EQ(Thinner::level({1'023, 1'024}), 10U);
  EXPECT_EQ(Thinner::level({9'999, 1'024}), 10U);
  EXPECT_EQ(Thinner::level({9'999, 0}), 0U);
}

TEST(Thinner, KeepsOneRecordOfSoMany) {
  Thinner thinner;
  int kept = 0;
  for (int i = 0; i < 1'000; ++i) kept += thinner.keeps(10, 1);
  EXPECT_EQ(kept, 100);
  for (int i = 0; i < 1'000; ++i) kept += thinner.keeps(10, 2);
  EXPECT_EQ(kept, 110);
  EXPECT_TRUE(Thinner().keeps(10, 0));
}

TEST(Thinner, AStreamNeverReachesItsQuota) {
  Thinner thinner;
  Usage usage{0, 10'000};
  for (int i = 0; i < 1'000'000; ++i)
    if (thinner.keeps(4, Thinner::level(usage))) usage.held += 100;
  EXPECT_GT(usage.held, 9'000U);
  EXPECT_LE(usage.held, 10'000U);
}

TEST(AgeClock, GoesOnWithTheClockAndOverARestart) {
  AgeClock clock;
  clock.start({}, 0, 7, at(1h));
  EXPECT_EQ(clock.age(), age(1h)) << "so long the machine has certainly been there";
  clock.look(at(2h));
  const auto saved = clock.saved_now();
  AgeClock again;
  again.start(saved, clock.age(), 7, at(5h));
  EXPECT_EQ(again.age(), age(5h));
}

TEST(AgeClock, CountsAfterARebootOnlyWhatHasCertainlyPassed) {
  AgeClock clock;
  clock.start({}, 0, 7, at(0h));
  clock.look(at(2h));
  AgeClock again;
  again.start(clock.saved_now(), clock.age(), 8, at(10min));
  EXPECT_EQ(again.age(), age(2h + 10min));
  AgeClock unknown;
  unknown.start(clock.saved_now(), clock.age(), 0, at(1'000h));
  EXPECT_EQ(unknown.age(), age(2h));
}

TEST(AgeClock, AHubTellsHowLongTheMachineWasOff) {
  AgeClock clock;
  clock.start({}, 0, 7, at(0h));
  clock.told(wall(100'000h), at(1h));
  clock.look(at(2h));
  AgeClock again;
  again.start(clock.saved_now(), clock.age(), 8, at(0h));
  again.told(wall(100'000h + 72h), at(1h));
  EXPECT_EQ(again.age(), age(73h)) << "an hour before the hub's first word, and 72 since";
}

TEST(AgeClock, AHubWhoseClockJumpsMovesNothingWhileTheClockRuns) {
  AgeClock clock;
  clock.start({}, 0, 7, at(0h));
  clock.told(wall(100'000h), at(1h));
  clock.told(wall(1'000'000h), at(2h));
  clock.told(wall(1h), at(3h));
  EXPECT_EQ(clock.age(), age(3h));
  AgeClock again;
  again.start(clock.saved_now(), clock.age(), 8, at(0h));
  again.told(wall(500'000h), at(1h));
  EXPECT_EQ(again.age(), age(4h)) << "57 years are none that a device was switched off for";
}

TEST(AgeClock, NeverGoesBack) {
  AgeClock clock;
  clock.start({}, 0, 7, at(5h));
  clock.look(at(4h));
  EXPECT_EQ(clock.age(), age(5h));
  AgeClock again;
  again.start(clock.saved_now(), clock.age(), 7, at(1h));
  EXPECT_EQ(again.age(), age(5h));
}

}  // namespace
}  // namespace edgesync::stream
