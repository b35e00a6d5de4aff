// SPDX-License-Identifier: Apache-2.0
#include "base/random.hpp"

#include <gtest/gtest.h>

#include <set>

namespace edgesync {
namespace {

/// Gives the numbers it is told to.
class Scripted final : public Random {
 public:
  explicit Scripted(std::vector<std::uint64_t> numbers) : numbers_(std::move(numbers)) {}
  std::uint64_t next() override { return numbers_.at(at_++); }
  std::size_t drawn() const noexcept { return at_; }

 private:
  std::vector<std::uint64_t> numbers_;
  std::size_t at_ = 0;
};

TEST(Random, SameSeedSameNumbers) {
  Xoshiro a(42), b(42), c(43);
  bool differs = false;
  for (int i = 0; i < 1000; ++i) {
    const std::uint64_t number = a.next();
    EXPECT_EQ(number, b.next());
    differs |= number != c.next();
  }
  EXPECT_TRUE(differs);
}

TEST(Random, BelowStaysBelowAndReachesAll) {
  Xoshiro random(1);
  for (std::uint64_t bound : {1U, 2U, 3U, 10U, 16U}) {
    std::set<std::uint64_t> seen;
    for (int i = 0; i < 1000; ++i) seen.insert(random.below(bound));
    EXPECT_EQ(seen.size(), bound);
    EXPECT_LT(*seen.rbegin(), bound);
  }
}

TEST(Random, BelowDrawsAgainRatherThanFavourLowNumbers) {
  // UINT64_MAX = 3 * 0x5555...: numbers from the last, incomplete run of three are not used.
  Scripted random({UINT64_MAX, 5});
  EXPECT_EQ(random.below(3), 2U);
  EXPECT_EQ(random.drawn(), 2U);
}

TEST(Random, BelowTakesTheGreatestBound) {
  Xoshiro random(1);
  for (int i = 0; i < 100; ++i) EXPECT_LT(random.below(UINT64_MAX), UINT64_MAX);
}

TEST(Random, IdsUseAllTheirBytes) {
  Scripted random({0x0706050403020100U, 0x0f0e0d0c0b0a0908U});
  EXPECT_EQ(to_string(random.id()), "000102030405060708090a0b0c0d0e0f");
}

}  // namespace
}  // namespace edgesync
