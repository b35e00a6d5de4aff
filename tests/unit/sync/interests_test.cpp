// SPDX-License-Identifier: Apache-2.0
// Of many links only those are looked at that something concerns.
#include "sync/interests.hpp"

#include "base/random.hpp"
#include "sync/conversation.hpp"
#include "sync/schedule.hpp"

#include <gtest/gtest.h>

namespace edgesync::sync {
namespace {

using namespace std::chrono_literals;

store::Outcome outcome(store::Ticket ticket) {
  store::Outcome made;
  made.ticket = ticket;
  return made;
}

TEST(Interests, AGroupCommitConcernsWhoGaveItSomethingOrSpeaksOfAScope) {
  const store::ScopeId shared{1}, other{2}, nobodys{3};
  Interests interests;
  interests.add(10, shared);
  interests.add(11, shared);
  interests.add(12, other);
  interests.gave(12, 4, 5);
  interests.gave(13, 7, 7);
  interests.gave(12, 9, 9);

  store::Flushed flushed;
  flushed.through = 8;
  flushed.outcomes = {outcome(7), outcome(5), outcome(6)};  // 6 is the application's; they need not ascend
  flushed.advanced = {shared, nobodys};
  const auto concerned = interests.settle(flushed);
  ASSERT_EQ(concerned.size(), 4U);
  EXPECT_EQ(concerned.at(10).advanced, std::vector{shared});
  EXPECT_EQ(concerned.at(11).advanced, std::vector{shared});
  ASSERT_EQ(concerned.at(12).outcomes.size(), 1U);
  EXPECT_EQ(concerned.at(12).outcomes[0]->ticket, 5U);
  EXPECT_TRUE(concerned.at(12).advanced.empty());
  ASSERT_EQ(concerned.at(13).outcomes.size(), 1U);
}

TEST(Interests, WhatFailedConcernsItsGiverWithoutAnOutcome) {
  Interests interests;
  interests.gave(5, 1, 3);
  interests.gave(6, 4, 4);
  store::Flushed flushed;
  flushed.through = 3;
  flushed.error = Error(Errc::storage_io, "lost");
  const auto concerned = interests.settle(flushed);
  EXPECT_TRUE(concerned.contains(5));
  EXPECT_FALSE(concerned.contains(6));
}

/// What is large is settled by a later group commit than the one that took it on.
TEST(Interests, WhatALinkWaitsForIsRemembered) {
  Interests interests;
  interests.gave(5, 1, 3);
  interests.gave(6, 4, 4);
  interests.forget(4, [](Interests::Link link) { return link == 5 ? store::Ticket{2} : no_ticket; });
  store::Flushed flushed;
  flushed.through = 9;
  flushed.outcomes = {outcome(2), outcome(4)};
  EXPECT_EQ(interests.settle(flushed).at(5).outcomes.size(), 1U);
  EXPECT_FALSE(interests.settle(flushed).contains(6));
  interests.forget(9, [](Interests::Link) { return no_ticket; });
  EXPECT_TRUE(interests.settle(flushed).empty());
}

TEST(Interests, WhoIsGoneIsForgotten) {
  const store::ScopeId shared{1};
  Interests interests;
  interests.add(10, shared);
  interests.add(11, shared);
  interests.remove(10);
  interests.remove(99);
  EXPECT_EQ(interests.of(shared), (std::set<Interests::Link>{11}));
  interests.remove(11);
  EXPECT_TRUE(interests.of(shared).empty());
}

TEST(Schedule, AgreesWithALookAtAll) {
  Xoshiro random(11);
  Schedule<int> schedule;
  std::map<int, Instant> all;
  for (int i = 0; i < 20'000; ++i) {
    const int id = static_cast<int>(random.below(50));
    const Instant due = random.below(10) == 0 ? never : Instant(1h) + std::chrono::seconds(random.below(100));
    if (random.below(8) == 0) {
      schedule.remove(id);
      all.erase(id);
    } else {
      schedule.set(id, due);
      all[id] = due;
    }
    const Instant now = Instant(1h) + std::chrono::seconds(random.below(100));
    std::multiset<int> expected;
    Instant first = never;
    for (const auto& [which, at] : all) {
      first = std::min(first, at);
      if (at <= now) expected.insert(which);
    }
    ASSERT_EQ(schedule.first(), first);
    const auto got = schedule.due(now);
    ASSERT_EQ(std::multiset<int>(got.begin(), got.end()), expected);
  }
}

}  // namespace
}  // namespace edgesync::sync
