// SPDX-License-Identifier: Apache-2.0
#include "sync/timekeeper.hpp"

#include "base/random.hpp"

#include <gtest/gtest.h>

namespace edgesync::sync {
namespace {

using namespace std::chrono_literals;
using std::chrono::sys_days;

constexpr Timestamp release{sys_days(std::chrono::June / 1 / 2025)};
constexpr Timestamp today{sys_days(std::chrono::March / 3 / 2027)};
constexpr Timestamp in_1970{5s}, in_2106{sys_days(std::chrono::February / 7 / 2106)};

/// A node whose wall clock a test turns, while time goes on.
class Clocks : public testing::Test {
 protected:
  void pass(std::chrono::microseconds time) { now.monotonic += time, now.wall += time, real += time; }
  void hub_tells(Timestamp hub) { keeper.told(hub, now.monotonic, now); }
  std::vector<std::string> reports() {
    std::vector<std::string> texts;
    for (const Error& report : keeper.take_reports()) texts.push_back(report.code ? report.detail : "right again");
    return texts;
  }
  using Texts = std::vector<std::string>;

  Timekeeper keeper{release, 60s};
  Now now{Instant(1h), today};
  Timestamp real = today;  ///< What the hub says.
};

TEST_F(Clocks, AWallClockThatMayBeRightIsFollowed) {
  keeper.look(now);
  pass(24h);
  EXPECT_EQ(keeper.time(now), now.wall);
  EXPECT_TRUE(keeper.known(now));
  EXPECT_FALSE(keeper.offset());
  keeper.look(now);
  EXPECT_EQ(reports(), Texts{});
}

TEST_F(Clocks, In1970TimeGoesOnFromWhatHasPassed) {
  now.wall = in_1970;
  keeper.look(now);
  EXPECT_EQ(reports().size(), 1u);
  EXPECT_FALSE(keeper.known(now));
  EXPECT_EQ(keeper.time(now), release);
  pass(90s);
  EXPECT_EQ(keeper.time(now), release + 90s);
}

TEST_F(Clocks, In1970TheHubsWordIsBelievedAndKeptRunning) {
  now.wall = in_1970;
  keeper.look(now);
  pass(10s);
  hub_tells(real);
  EXPECT_TRUE(keeper.known(now));
  EXPECT_EQ(keeper.time(now), real);
  EXPECT_EQ(keeper.offset(), std::chrono::duration_cast<std::chrono::milliseconds>(today - in_1970));
  pass(24h * 30);
  EXPECT_EQ(keeper.time(now), real) << "a month without a network";
}

TEST_F(Clocks, In2106ItIsNotBelievedEvenWithoutAHub) {
  now.wall = in_2106;
  keeper.look(now);
  EXPECT_FALSE(keeper.known(now));
  EXPECT_EQ(keeper.time(now), release);
  EXPECT_EQ(reports().size(), 1u);
}

TEST_F(Clocks, AJumpBetweenTwoLooksIsNotFollowedOnceAHubHasTold) {
  keeper.look(now);
  hub_tells(real);
  for (const auto jump : {24h * 365 * 24, -24h * 365 * 24, 2h, -2h}) {
    now.wall = real + jump;
    EXPECT_EQ(keeper.time(now), real) << jump.count();
    pass(1s);
    EXPECT_EQ(keeper.time(now), real) << jump.count();
  }
  now.wall = real;
  EXPECT_EQ(keeper.time(now), now.wall);
}

TEST_F(Clocks, ADriftWithinTheBoundIsNobodysBusiness) {
  keeper.look(now);
  now.wall = real + 60s;
  hub_tells(real);
  EXPECT_EQ(keeper.time(now), now.wall);
  EXPECT_EQ(keeper.offset(), -60s);
  now.wall += 1ms;
  EXPECT_EQ(keeper.time(now), real);
}

TEST_F(Clocks, WhatIsWrongIsToldOnceWithTheDifferenceAndSoIsItsEnd) {
  keeper.look(now);
  now.wall = real + 3h + 5min;
  hub_tells(real);
  EXPECT_EQ(reports(), Texts{"this node's clock is 3 h 5 min ahead of the hub's"});
  pass(61s);
  keeper.look(now);
  EXPECT_EQ(reports(), Texts{});
  now.wall = real - 2min;
  keeper.look(now);
  EXPECT_EQ(reports(), Texts{}) << "still off";
  now.wall = real;
  keeper.look(now);
  EXPECT_EQ(reports(), Texts{"right again"});
}

TEST_F(Clocks, WithoutAHubAJumpIsToldAndFollowed) {
  keeper.look(now);
  pass(60s);
  now.wall -= 1h;
  keeper.look(now);
  EXPECT_EQ(reports(), Texts{"this node's clock jumped 1 h back"});
  EXPECT_EQ(keeper.time(now), now.wall);
  pass(60s);
  keeper.look(now);
  EXPECT_EQ(reports(), Texts{});
}

TEST_F(Clocks, AHubThatWasWrongIsNotBelievedForEver) {
  keeper.look(now);
  hub_tells(in_2106);
  EXPECT_EQ(keeper.time(now), in_2106);
  hub_tells(real);
  EXPECT_EQ(keeper.time(now), now.wall);
  EXPECT_EQ(keeper.passed(), real);
}

TEST_F(Clocks, NoClockAndNoWordMakeItOverflow) {
  Xoshiro random(1);
  const auto wild = [&] { return Timestamp(std::chrono::microseconds(static_cast<std::int64_t>(random.next()))); };
  for (int i = 0; i < 10'000; ++i) {
    now.wall = random.one_in(3) ? real : random.one_in(10) ? Timestamp::max() : wild();
    now.monotonic += std::chrono::microseconds(random.below(1'000'000));
    keeper.look(now);
    if (random.one_in(4)) hub_tells(random.one_in(10) ? Timestamp::min() : wild());
    ASSERT_GE(keeper.time(now), release) << i;
    ASSERT_LT(keeper.time(now), Timestamp(sys_days(std::chrono::January / 1 / 2201))) << i;
  }
}

TEST(Text, OfATimeNamesItsTwoLargestUnits) {
  EXPECT_EQ(to_text(0ms), "0 ms");
  EXPECT_EQ(to_text(999ms), "999 ms");
  EXPECT_EQ(to_text(1500ms), "1 s");
  EXPECT_EQ(to_text(61s), "1 min 1 s");
  EXPECT_EQ(to_text(24h * 400 + 5h), "400 d 5 h");
  EXPECT_EQ(to_text(48h + 59min), "2 d");
}

}  // namespace
}  // namespace edgesync::sync
