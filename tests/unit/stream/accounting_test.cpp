// SPDX-License-Identifier: Apache-2.0
#include "stream/accounting.hpp"

#include "base/random.hpp"

#include <gtest/gtest.h>

#include <set>

namespace edgesync::stream {
namespace {

constexpr std::uint64_t top = ~std::uint64_t{0};

TEST(Accounting, PendingIsWhatIsNeitherDeliveredNorDropped) {
  EXPECT_EQ((Accounting{10, 4, 3}).pending(), 3U);
  EXPECT_EQ((Accounting{}).pending(), 0U);
  EXPECT_FALSE((Accounting{10, 8, 3}).consistent());
  EXPECT_EQ((Accounting{10, 8, 3}).pending(), 0U);
  EXPECT_FALSE((Accounting{10, top, top}).consistent());
}

TEST(Sequences, ClassifiesARunAgainstWhatIsHeld) {
  const Sequences held(10);
  EXPECT_EQ(held.classify(1, 10), (Classified{Arrival::duplicate, 10, std::nullopt}));
  EXPECT_EQ(held.classify(8, 6), (Classified{Arrival::overlap, 3, std::nullopt}));
  EXPECT_EQ(held.classify(11, 5), (Classified{Arrival::next, 0, std::nullopt}));
  EXPECT_EQ(held.classify(13, 5), (Classified{Arrival::gap, 0, Gap{11, 12}}));
  EXPECT_EQ(held.classify(20, 0).arrival, Arrival::duplicate);
  EXPECT_EQ(held.classify(0, 5).arrival, Arrival::invalid);
  EXPECT_EQ(held.classify(top, 2).arrival, Arrival::invalid);
  EXPECT_EQ(held.classify(top, 1).arrival, Arrival::gap);
  EXPECT_EQ(Sequences(top).classify(top, 1).arrival, Arrival::duplicate);
}

TEST(Sequences, RunsInAnyOrderCountEveryRecordOnceOrAsMissing) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Xoshiro random(seed);
    Sequences held;
    std::set<std::uint64_t> seen;
    for (int i = 0; i < 30; ++i) {
      const std::uint64_t first = 1 + random.below(60), count = random.below(12);
      const auto run = held.classify(first, count);
      if (run.missing) {
        for (std::uint64_t s = run.missing->first; s <= run.missing->last; ++s) ASSERT_TRUE(seen.insert(s).second);
      }
      for (std::uint64_t s = first + run.skip; s < first + count; ++s) ASSERT_TRUE(seen.insert(s).second);
      held.take(first, count);
      ASSERT_EQ(held.last(), seen.size());
      ASSERT_EQ(held.next(), seen.size() + 1);
    }
  }
}

}  // namespace
}  // namespace edgesync::stream
