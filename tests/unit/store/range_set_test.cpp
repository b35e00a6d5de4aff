// SPDX-License-Identifier: Apache-2.0
// RangeSet behaves as the set of keys it stands for.
#include "store/range_set.hpp"
#include "base/random.hpp"

#include <gtest/gtest.h>

#include <set>

namespace edgesync::store {
namespace {

constexpr int keys = 24;

Bytes key(int number) { return {static_cast<std::byte>(number)}; }

crdt::KeyRange range_of(int low, int high) { return {key(low), high >= keys ? Bytes{} : key(high)}; }

void expect_same(const RangeSet& set, const std::set<int>& truth) {
  for (int i = 0; i < keys; ++i) EXPECT_EQ(set.contains(key(i)), truth.contains(i)) << i;
  for (std::size_t i = 1; i < set.ranges().size(); ++i) {
    ASSERT_FALSE(set.ranges()[i - 1].high.empty());
    EXPECT_TRUE(compare(set.ranges()[i - 1].high, set.ranges()[i].low) < 0);  // disjoint and not adjacent
  }
}

TEST(RangeSet, IsASetOfKeys) {
  Xoshiro random(5);
  for (int round = 0; round < 200; ++round) {
    RangeSet set;
    std::set<int> truth;
    for (int step = 0; step < 12; ++step) {
      const int low = static_cast<int>(random.below(keys));
      const int high = low + static_cast<int>(random.below(keys + 1 - static_cast<std::uint64_t>(low)));
      const bool add = random.below(3) != 0;
      add ? set.add(range_of(low, high)) : set.remove(range_of(low, high));
      for (int i = low; i < std::min(high, keys); ++i) add ? void(truth.insert(i)) : void(truth.erase(i));
      expect_same(set, truth);
      bool meets = false;
      for (int i = low; i < high; ++i) meets |= truth.contains(i);
      EXPECT_EQ(set.meets(range_of(low, high)), meets);
    }
  }
}

TEST(RangeSet, AnEmptyUpperEndIsBeyondEveryKey) {
  RangeSet set;
  set.add({});
  EXPECT_TRUE(set.contains(key(255)));
  set.remove(only(key(3)));
  EXPECT_FALSE(set.contains(key(3)));
  EXPECT_TRUE(set.contains(Bytes{std::byte{3}, std::byte{0}}));
  set.remove({});
  EXPECT_TRUE(set.empty());
}

}  // namespace
}  // namespace edgesync::store
