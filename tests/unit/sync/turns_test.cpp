// SPDX-License-Identifier: Apache-2.0
#include "sync/turns.hpp"

#include "base/random.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace edgesync::sync {
namespace {

using Lane = Turns::Lane;

std::vector<wire::Channel> order(Turns& turns, std::size_t rounds) {
  std::vector<wire::Channel> had;
  while (had.size() < rounds) {
    had.push_back(turns.next(false).value());
    turns.had(had.back(), 100);
  }
  return had;
}

TEST(Turns, UrgentOnesComeFirstAndWithinALaneAllInTurn) {
  Turns turns(50);
  for (const wire::Channel number : {1U, 2U, 3U}) turns.enter(number, Lane::live);
  turns.enter(7, Lane::urgent);
  turns.enter(9, Lane::urgent);
  EXPECT_EQ(order(turns, 3), (std::vector<wire::Channel>{7, 9, 7}));
  turns.leave(7), turns.leave(9);
  EXPECT_EQ(turns.next(true), std::nullopt);
  EXPECT_EQ(order(turns, 5), (std::vector<wire::Channel>{1, 2, 3, 1, 2}));
  turns.leave(3);
  EXPECT_EQ(order(turns, 3), (std::vector<wire::Channel>{1, 2, 1}));
}

TEST(Turns, WhoeverChangesItsLaneIsInOneOfThem) {
  Turns turns(0);
  turns.enter(1, Lane::backfill);
  turns.enter(2, Lane::backfill);
  turns.enter(2, Lane::live);
  EXPECT_EQ(order(turns, 2), (std::vector<wire::Channel>{2, 2}));
  turns.leave(2);
  EXPECT_EQ(order(turns, 2), (std::vector<wire::Channel>{1, 1}));
  turns.leave(1);
  EXPECT_EQ(turns.next(false), std::nullopt);
}

class Share : public testing::TestWithParam<unsigned> {};

TEST_P(Share, OfTheBytesIsTheBackfillsWhileOthersHaveSomething) {
  Turns turns(GetParam());
  turns.enter(1, Lane::live);
  turns.enter(2, Lane::backfill);
  Xoshiro random(GetParam());
  constexpr double largest = 65'536;
  double all = 0, backfill = 0;
  for (int i = 0; i < 5'000; ++i) {
    const wire::Channel number = turns.next(false).value();
    const std::size_t bytes = 1 + random.below(number == 1 ? 200 : static_cast<std::uint64_t>(largest));
    turns.had(number, bytes);
    all += static_cast<double>(bytes);
    backfill += number == 2 ? static_cast<double>(bytes) : 0;
    EXPECT_NEAR(backfill, all * GetParam() / 100, largest) << "after " << i;
  }
  turns.leave(1);  // and all of them when it is alone, which nobody owes anything for
  for (int i = 0; i < 1'000; ++i) turns.had(turns.next(false).value(), 1'000);
  turns.enter(1, Lane::live);
  const auto next = order(turns, 10);
  EXPECT_EQ(next.front(), GetParam() < 100 ? 1U : 2U);
  EXPECT_NEAR(static_cast<double>(std::count(next.begin(), next.end(), 2U)), GetParam() / 10.0, 1);
}

INSTANTIATE_TEST_SUITE_P(Percent, Share, testing::Values(0U, 1U, 10U, 50U, 90U, 99U, 100U));

}  // namespace
}  // namespace edgesync::sync
