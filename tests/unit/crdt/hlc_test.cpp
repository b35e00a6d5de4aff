// SPDX-License-Identifier: Apache-2.0
#include "crdt/hlc.hpp"

#include "base/random.hpp"

#include <gtest/gtest.h>

namespace edgesync::crdt {
namespace {

using std::chrono::milliseconds;
using namespace std::chrono_literals;

constexpr Hash128 secret{1, 2};

Timestamp at(std::int64_t ms_since_2020) { return Timestamp(milliseconds(1'577'836'800'000 + ms_since_2020)); }

TEST(Hlc, GrowsStrictlyWhateverTheWallClockDoes) {
  Xoshiro random(1);
  Hlc clock(secret, 0);
  Stamp last = 0;
  for (int i = 0; i < 100'000; ++i) {
    const auto wild = static_cast<std::int64_t>(random.next() >> random.below(60));
    const Stamp stamp = clock.mint(random.one_in(2) ? at(wild % 1'000'000) : at(-(wild % 100'000'000'000'000)));
    ASSERT_GT(stamp, last);
    last = stamp;
  }
}

TEST(Hlc, GrowsStrictlyEvenUnderTheLastClockThereIs) {
  for (Timestamp wall : {Timestamp::max(), Timestamp::min(), at(INT64_MAX / 2000)}) {
    Hlc clock(secret, 0);
    Stamp last = 0;
    for (int i = 0; i < 2000; ++i) {
      const Stamp stamp = clock.mint(wall);
      ASSERT_GT(stamp, last) << i;
      last = stamp;
    }
  }
}

TEST(Hlc, CarriesAMillionStampsOfOneMillisecondIntoTheNext) {
  Hlc clock(secret, 0);
  Stamp last = 0;
  for (int i = 0; i < 1'000'000; ++i) {
    const Stamp stamp = clock.mint(at(5000));
    ASSERT_GT(stamp, last);
    last = stamp;
  }
  EXPECT_EQ(Hlc::wall(last), at(5000 + 999'999 / 256));
  EXPECT_EQ(Hlc::wall(clock.mint(at(10'000))), at(10'000)) << "the wall clock is followed again once it has passed";
}

TEST(Hlc, ContinuesAfterTheLastDurableStamp) {
  Hlc before(secret, 0);
  const Stamp last = before.mint(at(1'000'000));
  Hlc after(Hash128{3, 4}, last);
  EXPECT_GT(after.mint(at(0)), last);
}

TEST(Hlc, TellsWhenAStampWasMinted) {
  Hlc clock(secret, 0);
  EXPECT_EQ(Hlc::wall(clock.mint(at(123'456) + 789us)), at(123'456));
  EXPECT_EQ(Hlc::wall(Hlc::at(at(77))), at(77));
  EXPECT_LE(Hlc::at(at(123'457)), clock.mint(at(123'457)));
  EXPECT_GT(Hlc::at(at(123'458)), clock.mint(at(123'457)));
}

TEST(Hlc, TakesTimesBefore2020AsTheBeginning) {
  Hlc clock(secret, 0);
  EXPECT_EQ(Hlc::wall(clock.mint(Timestamp{})), at(0));
}

TEST(Hlc, MovesPastWhatItObserves) {
  Hlc clock(secret, 0);
  Hlc other(Hash128{5, 6}, 0);
  const Stamp remote = other.mint(at(1050));
  EXPECT_TRUE(clock.observe(remote, at(1000), 100ms));
  EXPECT_GT(clock.mint(at(1000)), remote);
  EXPECT_TRUE(clock.observe(remote, at(1000), 100ms)) << "the past is no drift";
}

TEST(Hlc, IgnoresStampsBeyondTheDrift) {
  Hlc clock(secret, 0);
  EXPECT_TRUE(clock.observe(Hlc::at(at(1100)), at(1000), 100ms)) << "the bound itself is allowed";
  EXPECT_FALSE(clock.observe(Hlc::at(at(1101)), at(1000), 100ms));
  EXPECT_FALSE(clock.observe(UINT64_MAX, at(1000), 100ms));
  EXPECT_FALSE(clock.observe(Stamp{1} << 63, at(1000), 100ms));
  EXPECT_EQ(Hlc::wall(clock.mint(at(1000))), at(1100));
}

TEST(Hlc, BoundsDriftUnderAnyClockAndBound) {
  Hlc clock(secret, 0);
  EXPECT_FALSE(clock.observe(UINT64_MAX, Timestamp::max(), 100ms));
  EXPECT_FALSE(clock.observe(Hlc::at(at(2)), Timestamp::min(), 1ms));
  EXPECT_FALSE(clock.observe(Hlc::at(at(2)), at(1), milliseconds(-5)));
  EXPECT_TRUE(clock.observe(Hlc::at(at(2)), at(1), milliseconds::max()));
}

TEST(Hlc, HardlyEverMintsAStampOfAClone) {
  Hlc mine(secret, 0), clone(Hash128{7, 8}, 0);
  int same = 0;
  for (int i = 0; i < 20'000; ++i) same += mine.mint(at(i)) == clone.mint(at(i));
  EXPECT_LT(same, 40) << "once in 4,096";
}

}  // namespace
}  // namespace edgesync::crdt
