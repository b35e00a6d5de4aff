// SPDX-License-Identifier: Apache-2.0
// A month without a network: an edge appends ten records a second, loses its power twenty times, comes back, and its
// hub loses power five times while it drains. To the record: all that was promised arrives, once, in order, from the
// first one after the cut on, and memory stays bounded.
#include "sim/machine.hpp"

#include <gtest/gtest.h>
#include <sqlite3.h>

namespace edgesync::sim {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t per_minute = 600;
constexpr std::string_view stream_name = "telemetry";
constexpr std::int64_t sqlite_bytes_max = 6 << 20;  // of both sides: two page caches and what a statement takes

constexpr std::int64_t days = 30;

class Offline : public testing::Test {
 protected:
  Offline() { reopen(hub), reopen(edge); }

  void reopen(Machine& machine) {
    machine.open(++lives, now);
    if (!machine.hub) machine.store->set_budget(scope(machine), {31 * 24h, 0, Overflow::drop_oldest}).value();
    machine.commit();
  }
  void cut_power(Machine& machine) {
    disconnect();
    machine.disk->crash(true);  // first: nothing that is torn down may still reach the disk
    reopen(machine);
  }
  static store::ScopeId scope(const Machine& machine) { return *machine.store->find_scope(Plane::stream, stream_name); }
  std::uint64_t last_at(const Machine& machine) {
    return machine.store->context(scope(machine))[edge.store->replica()];
  }

  void pass(std::chrono::microseconds time) {
    now.monotonic += time, now.wall += time;
    for (Machine* machine : {&hub, &edge}) machine->engine->tick(now);
  }
  /// The value of a record is its number: a record that was lost and one that came twice both show.
  void append(std::int64_t count) {
    const auto next = static_cast<std::int64_t>(last_at(edge)) + 1;
    std::vector<store::Row> rows;
    for (std::int64_t i = 0; i < count; ++i) rows.push_back({now.wall + i * 100ms, {next + i}});
    edge.store->append(scope(edge), rows).value();
  }

  void connect() {
    edge.peer = hub.engine->open_link(sync::Role::hub, {}, "edge", now);
    edge.link = edge.engine->open_link(sync::Role::node, "t", "hub", now);
  }
  void disconnect() {
    if (!edge.link) return;
    hub.engine->closed(*std::exchange(edge.peer, {}), {Errc::unreachable, "cut"}, now);
    edge.engine->closed(*std::exchange(edge.link, {}), {Errc::unreachable, "cut"}, now);
  }
  static bool carry(Machine& from, sync::LinkId out, Machine& to, sync::LinkId in, Now at) {
    const auto frame = from.engine->next_frame(out, at);
    if (frame) to.engine->received(in, *frame, at);
    return frame.has_value();
  }
  bool exchange() {
    bool moved = carry(edge, *edge.link, hub, *edge.peer, now);
    moved |= carry(hub, *edge.peer, edge, *edge.link, now);
    const bool hub_wrote = hub.commit(), edge_wrote = edge.commit();
    check();
    return moved || hub_wrote || edge_wrote;
  }
  void drain() {
    while (exchange()) {
    }
  }
  void check() {
    const StreamCounts counts = edge.store->counts(scope(edge), false);
    ASSERT_EQ(counts.produced, counts.delivered + counts.pending + counts.dropped);
    ASSERT_EQ(counts.dropped, 0U);
    ASSERT_LT(sqlite3_memory_used(), sqlite_bytes_max);
  }
  void expect_all(std::uint64_t last) {
    std::int64_t next = 1;
    for (std::uint64_t after = 0; after < last;) {
      const auto segments = hub.store->segments(scope(hub), edge.store->replica(), after, 1 << 20).value();
      ASSERT_FALSE(segments.empty()) << "after " << after;
      for (const store::StoredSegment& segment : segments) {
        for (const Record& record : stream::decode(segment.body).value()) {
          ASSERT_EQ(record.sequence, static_cast<std::uint64_t>(next));
          ASSERT_EQ(std::get<std::int64_t>(record.fields[0]), next++);
        }
        after = segment.first + segment.count - 1;
      }
    }
    ASSERT_EQ(static_cast<std::uint64_t>(next - 1), last);
  }

  Now now{Instant(1h), Timestamp(24h * 365 * 56)};
  std::uint64_t lives = 0;
  Machine hub{true, std::make_unique<Disk>(1), 1}, edge{false, std::make_unique<Disk>(2), 2};
};

TEST_F(Offline, AMonthIsThereToTheRecord) {
  connect();
  append(100);
  drain();
  disconnect();
  const std::uint64_t before = last_at(edge);
  const std::int64_t minutes = days * 24 * 60;
  for (std::int64_t minute = 1; minute <= minutes; ++minute) {
    append(per_minute);
    const bool power_goes = minute % (minutes / 20) == 0;
    if (power_goes)
      cut_power(edge);  // with a minute's records accepted, and promised to nobody
    else
      edge.commit();
    ASSERT_NO_FATAL_FAILURE(check());
    pass(60s);
  }
  const std::uint64_t last = last_at(edge);
  ASSERT_EQ(last, before + static_cast<std::uint64_t>((minutes - 20) * per_minute));
  ASSERT_EQ(edge.store->counts(scope(edge), false).pending, last - before);
  for (std::uint64_t life = 1; life <= 5; ++life) {
    connect();
    while (last_at(hub) < before + (last - before) * life / 6) ASSERT_TRUE(exchange());
    cut_power(hub);
  }
  connect();
  drain();
  const StreamCounts counts = edge.store->counts(scope(edge), false);
  EXPECT_EQ(counts.produced, last);
  EXPECT_EQ(counts.delivered, last);
  EXPECT_EQ(counts.pending, 0U);
  expect_all(last);
}

}  // namespace
}  // namespace edgesync::sim
