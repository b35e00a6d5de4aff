// SPDX-License-Identifier: Apache-2.0
// The pace of a link: data that wait for more, bytes per second, and which records go first.
#include "unit/sync/pair.hpp"

namespace edgesync::sync {
namespace {

using namespace std::chrono_literals;

class Paced : public Pair {
 protected:
  const stream::Schema schema{{{"text", ColumnType::text}}};

  /// A link whose data wait for a minute. What is written after none was for so long goes at once.
  void connect_by_the_minute() {
    pacing.interval = 60s;
    state = node->open(Plane::state, "s");
    there = hub->open(Plane::state, "s");
    connect();
    settle();
    write(1);
    settle();
    EXPECT_TRUE(node->engine->caught_up(state));
  }
  void write(std::int64_t value) {
    node->store->commit(state, Edit().set("k", value).ops(), now.wall).value();
    node->commit();
  }
  store::ScopeId open_stream(const char* name, Priority priority) {
    hub->open(Plane::stream, name);
    const store::ScopeId scope = node->open(Plane::stream, name);
    node->store->define_stream(scope, schema, false).value();
    node->store->set_budget(scope, {0s, 0, Overflow::drop_oldest, priority}).value();
    return scope;
  }
  void append(store::ScopeId scope, int records, std::size_t bytes = 100) {
    std::vector<Record> rows;
    while (rows.size() < static_cast<std::size_t>(records)) {
      std::string text;
      while (text.size() < bytes) text += static_cast<char>('!' + noise.below(90));
      rows.push_back({0, Timestamp{}, {std::move(text)}});
    }
    node->store->append(scope, rows).value();
    node->commit();
  }
  std::uint64_t pending(store::ScopeId scope) const { return node->store->counts(scope, false).pending; }
  /// Whatever is sent is under way while `write_next` writes again, and so on; in how many of the `turns` was anything
  /// sent? The clock goes by `step` each.
  int busy_turns(int turns, std::chrono::milliseconds step, const Function<void(int)>& write_next) {
    int busy = 0;
    for (int i = 0; i < turns; ++i, now.monotonic += step) {
      write_next(i);
      node->engine->tick(now), hub->engine->tick(now);
      const std::uint64_t before = node->engine->metrics().segments_sent + cuts();
      carry(*node, *hub), hub->commit();
      carry(*hub, *node), node->commit();
      busy += node->engine->metrics().segments_sent + cuts() > before ? 1 : 0;
    }
    return busy;
  }
  std::uint64_t cuts() const { return node->engine->metrics().cuts_sent; }
  void wait(std::chrono::milliseconds time) {
    for (const Instant end = now.monotonic + time; now.monotonic < end;) {
      now.monotonic =
          std::min(end, std::max(now.monotonic + 1ms, std::min(hub->engine->deadline(), node->engine->deadline())));
      hub->engine->tick(now), node->engine->tick(now);
      settle();
    }
  }

  Xoshiro noise{4};
  store::ScopeId state{}, there{};
};

TEST_F(Paced, DataWaitForTheIntervalAndGoTogether) {
  connect_by_the_minute();
  const std::uint64_t before = cuts();
  for (int i = 2; i < 50; ++i) {
    write(i);
    wait(1s);
  }
  EXPECT_EQ(cuts(), before);
  EXPECT_FALSE(node->engine->caught_up(state));
  wait(12s);
  EXPECT_EQ(cuts(), before + 1);
  EXPECT_TRUE(node->engine->caught_up(state));
  EXPECT_EQ(hub->get(there, "k"), Value(49));
}

TEST_F(Paced, NothingWaitsOnceItIsAskedTo) {
  connect_by_the_minute();
  write(2);
  settle();
  EXPECT_FALSE(node->engine->caught_up(state));
  node->engine->hurry();
  settle();
  EXPECT_TRUE(node->engine->caught_up(state));
}

TEST_F(Paced, WhatWaitsForAnAckWhenItIsAskedToHurryGoesWithTheAck) {
  const store::ScopeId scope = open_stream("log", Priority::normal);
  connect_by_the_minute();
  write(2);
  wait(61s);
  write(3);
  node->engine->hurry();
  while (carry(*node, *hub)) {
  }
  hub->commit();  // the ack of it is on its way
  write(4), append(scope, 1);
  node->engine->hurry();
  while (carry(*node, *hub)) {
  }
  EXPECT_FALSE(node->engine->caught_up(state));
  settle();
  EXPECT_TRUE(node->engine->caught_up(state));
  EXPECT_EQ(pending(scope), 0U);
  write(5);  // and that is all
  settle();
  EXPECT_FALSE(node->engine->caught_up(state));
}

TEST_F(Paced, WhoIsAskedToHurryDoesSoOnceThoughSomebodyWritesAllTheTime) {
  connect_by_the_minute();
  write(2);
  wait(61s);
  const int busy = busy_turns(100, 100ms, [this](int turn) {
    write(turn);  // before the ack of the cut that is in flight
    if (turn == 10) node->engine->hurry();
  });
  EXPECT_GE(busy, 1);
  EXPECT_LE(busy, 3);
}

TEST_F(Paced, UrgentRecordsAndTheHubsDataDoNotWait) {
  const store::ScopeId urgent = open_stream("alarm", Priority::urgent), normal = open_stream("log", Priority::normal);
  connect_by_the_minute();
  for (const store::ScopeId scope : {urgent, normal}) append(scope, 3);
  hub->store->commit(there, Edit().set("k", 7).ops(), now.wall).value();
  hub->commit();
  settle();
  EXPECT_EQ(pending(urgent), 0U);
  EXPECT_EQ(pending(normal), 3U);
  EXPECT_EQ(node->get(state, "k"), Value(7));
  wait(61s);
  EXPECT_EQ(pending(normal), 0U);
}

TEST_F(Paced, ALargeCutGoesInOneRound) {
  limits.cut_bytes = 20'000, limits.chunk_bytes = 5'000;
  reopen();
  connect_by_the_minute();
  for (int i = 0; i < 200; ++i)
    node->store->commit(state, Edit().set("n/" + std::to_string(i), std::string(500, 'x')).ops(), now.wall).value();
  node->commit();
  wait(59s);
  EXPECT_FALSE(node->engine->caught_up(state));
  wait(2s);
  EXPECT_TRUE(node->engine->caught_up(state));
}

TEST_F(Paced, RecordsBeyondTheWindowGoInOneRound) {
  limits.segment_window = 5'000;
  reopen();
  const store::ScopeId scope = open_stream("log", Priority::normal);
  connect_by_the_minute();
  for (int i = 0; i < 30; ++i) append(scope, 20);
  EXPECT_EQ(pending(scope), 600U);
  wait(61s);
  EXPECT_EQ(pending(scope), 0U);
}

TEST_F(Paced, ARoundIsOverThoughSomebodyWritesAllTheTime) {
  const store::ScopeId scope = open_stream("log", Priority::normal);
  connect_by_the_minute();
  // Twice a second for ten minutes.
  const int busy = busy_turns(1'200, 500ms, [&](int turn) { write(turn), append(scope, 1); });
  EXPECT_GE(busy, 10);
  EXPECT_LE(busy, 40);
}

TEST_F(Paced, NoMoreGoesThanTheBandwidth) {
  pacing.bandwidth = 10'000;
  const store::ScopeId scope = open_stream("log", Priority::normal);
  connect();
  settle();
  const Instant begun = now.monotonic;
  const std::uint64_t sent = node->engine->metrics().bytes_sent;
  for (int i = 0; i < 50; ++i) append(scope, 100);
  while (pending(scope) > 0 && now.monotonic < begun + 1h) wait(100ms);
  EXPECT_EQ(pending(scope), 0U);
  const double bytes = static_cast<double>(node->engine->metrics().bytes_sent - sent);
  const double seconds = std::chrono::duration<double>(now.monotonic - begun).count();
  EXPECT_GT(bytes, 200'000);
  EXPECT_LT(bytes / seconds, 10'500);
  EXPECT_GT(bytes / seconds, 9'000);
  EXPECT_TRUE(node->engine->linked());
}

TEST(Pace, WhoComesALittleLateIsNotSlower) {
  constexpr std::size_t frame = 16 * 1024;
  Pace pace({0ms, 1'000'000, 50});
  const Instant begun{1h};  // long idle: that saves up next to nothing
  std::size_t bytes = 0;
  Instant now = begun;
  for (; now < begun + 10s; now += 1ms) {
    if (!pace.free(now - 3ms)) continue;  // 3 ms late each time
    pace.sent(frame, now);
    bytes += frame;
    EXPECT_LE(static_cast<double>(bytes), 1e6 * std::chrono::duration<double>(now - begun + 20ms).count() + frame);
  }
  EXPECT_GT(bytes, 9'900'000U);
}

TEST_F(Paced, WhatHappensNowIsNotBehindABacklog) {
  pacing.bandwidth = 50'000;
  const store::ScopeId old = open_stream("history", Priority::normal), live = open_stream("live", Priority::normal);
  for (int i = 0; i < 100; ++i) append(old, 100);
  connect();
  wait(2s);
  ASSERT_GT(pending(old), 5'000U);
  std::uint64_t drained = pending(old);
  for (int i = 0; i < 5; ++i) {
    append(live, 1);
    wait(2s);
    EXPECT_EQ(pending(live), 0U);
    EXPECT_LT(pending(old), drained);  // it has its share
    drained = pending(old);
  }
  EXPECT_GT(pending(old), 0U);
  while (pending(old) > 0) wait(1s);
}

TEST_F(Paced, BulkWaitsForAllOthers) {
  pacing.backfill_share = 0;
  pacing.bandwidth = 50'000;
  const store::ScopeId bulk = open_stream("a-video", Priority::bulk), live = open_stream("live", Priority::normal);
  append(bulk, 1'000);
  for (int i = 0; i < 30; ++i) append(live, 100);
  connect();
  while (pending(live) > 0) {
    EXPECT_EQ(pending(bulk), 1'000U);
    wait(100ms);
  }
  while (pending(bulk) > 0) wait(100ms);
}

}  // namespace
}  // namespace edgesync::sync
