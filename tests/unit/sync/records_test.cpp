// SPDX-License-Identifier: Apache-2.0
// Records that were dropped: what the hub hears of them, and what the node hears of those that were on their way.
#include "unit/sync/pair.hpp"

namespace edgesync::sync {
namespace {

using namespace std::chrono_literals;

class Records : public Pair {
 protected:
  const stream::Schema schema{{{"text", ColumnType::text}}};

  void open(std::uint64_t quota) {
    scope = node->open(Plane::stream, "telemetry");
    there = hub->open(Plane::stream, "telemetry");
    node->store->define_stream(scope, schema, false).value();
    node->store->set_budget(scope, {0s, quota, Overflow::drop_oldest}).value();
    self = node->store->replica();
  }
  void append(int segments) {
    for (int i = 0; i < segments; ++i) {
      const Record row{0, Timestamp{}, {std::string(100, 'x')}};
      node->store->append(scope, std::vector(10, row)).value();
      node->commit();
    }
  }
  StreamCounts counts() {
    const StreamCounts counts = node->store->counts(scope, false);
    EXPECT_EQ(counts.produced, counts.delivered + counts.pending + counts.dropped);
    return counts;
  }
  Drops missing() { return hub->store->missing(there, self); }
  std::uint64_t held() {
    std::uint64_t records = 0;
    for (const auto& segment : hub->store->segments(there, self, 0, SIZE_MAX).value()) records += segment.count;
    return records;
  }

  store::ScopeId scope{}, there{};
  ReplicaId self{};
};

TEST_F(Records, AHubHearsWhichRecordsWereDroppedAndWhy) {
  open(2'000);
  append(40);
  const Drops dropped = counts().drops;
  ASSERT_GT(dropped.quota, 0U);
  connect();
  settle();
  EXPECT_EQ(missing(), dropped);
  EXPECT_EQ(held(), 400U - dropped.quota);
  EXPECT_EQ(hub->store->gaps(there, self, 0, 10).value(), (std::vector<Gap>{{1, dropped.quota, DropReason::quota}}));
  EXPECT_EQ(counts().delivered, held());
  EXPECT_EQ(counts().pending, 0U);
  EXPECT_EQ(counts().drops, dropped);
  EXPECT_TRUE(node->store->gaps(scope, self, 0, 10).value().empty()) << "it is stable, and goes with what was trimmed";
  EXPECT_TRUE(hub->store->verify().value().empty());
  EXPECT_TRUE(node->store->verify().value().empty());
}

TEST_F(Records, ThatTheLastOnesWereDroppedIsToldToo) {
  open(0);
  append(1);
  node->store->set_budget(scope, {0s, 1, Overflow::drop_newest}).value();
  append(3);
  connect();
  settle();
  EXPECT_EQ(missing().quota, 30U);
  EXPECT_EQ(hub->store->context(there)[self], 40U);
  EXPECT_EQ(counts().delivered, 10U);
}

TEST_F(Records, WhatWasOnItsWayWhenItWasDroppedCountsAsDelivered) {
  open(2'000);
  append(3);
  connect();
  settle();
  append(2);
  std::vector<Bytes> late;  // what is on its way arrives after the quota has taken it
  while (auto frame = node->engine->next_frame(*node->link, now)) late.push_back(*std::move(frame));
  ASSERT_FALSE(late.empty());
  append(30);
  const std::uint64_t dropped = counts().drops.quota;
  ASSERT_GT(dropped, 0U);
  for (const Bytes& frame : late) hub->engine->received(*hub->link, frame, now);
  settle();
  EXPECT_EQ(counts().drops, missing());
  EXPECT_EQ(counts().drops.quota, dropped - 20U);
  EXPECT_EQ(counts().delivered, held());
}

TEST_F(Records, ALostAckIsMadeUpForByTheNextLink) {
  open(2'000);
  append(40);
  const Drops dropped = counts().drops;
  connect();
  for (int i = 0; i < 10; ++i) {  // all but the acks
    carry(*node, *hub);
    if (hub->store->context(there)[self] == 0) carry(*hub, *node);
    hub->commit(), node->commit();
  }
  ASSERT_EQ(hub->store->context(there)[self], 400U);
  ASSERT_GT(counts().pending, 0U);
  disconnect();
  connect();
  settle();
  EXPECT_EQ(counts().delivered, held());
  EXPECT_EQ(counts().drops, dropped);
}

TEST_F(Records, AHubThatHasThemKeepsThem) {
  open(0);
  append(2);
  connect();
  settle();
  hub->store->apply(store::RemoteGap{there, self, {5, 30, DropReason::quota}});
  hub->commit();
  EXPECT_EQ(missing().quota, 10U);
  EXPECT_EQ(held(), 20U);
  EXPECT_TRUE(hub->store->verify().value().empty());
}

}  // namespace
}  // namespace edgesync::sync
