// SPDX-License-Identifier: Apache-2.0
// Pair: an edge with a stream, and its hub, each on a disk of its own; time passes when a test says so. The value of a
// record is its number: one that was lost, one that came twice and one that was changed all show.
#pragma once

#include "sim/machine.hpp"

#include <gtest/gtest.h>
#include <sqlite3.h>

namespace edgesync::sim {

using namespace std::chrono_literals;

class Pair : public testing::Test {
 protected:
  static constexpr std::string_view stream_name = "telemetry";
  static constexpr std::int64_t sqlite_bytes_max = 6 << 20;  // of both: two page caches and what a statement takes

  explicit Pair(stream::Budget rules) : budget(rules) { reopen(hub), reopen(edge); }

  void reopen(Machine& machine) {
    machine.open(++lives, now);
    if (!machine.hub) machine.store->set_budget(scope(machine), budget).value();
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
  StreamCounts counts() const { return edge.store->counts(scope(edge), false); }

  void pass(std::chrono::microseconds time) {
    now.monotonic += time, now.wall += time;
    for (Machine* machine : {&hub, &edge}) machine->engine->tick(now);
  }
  Result<store::Appended> try_append(std::int64_t count) {
    const auto next = static_cast<std::int64_t>(last_at(edge)) + 1;
    std::vector<Record> records;
    for (std::int64_t i = 0; i < count; ++i) records.push_back({0, now.wall + i * 100ms, {next + i}});
    return edge.store->append(scope(edge), records);
  }
  void append(std::int64_t count) { try_append(count).value(); }

  void connect() {
    edge.peer = hub.engine->open_link(sync::Role::hub, {{}, "edge"}, now);
    edge.link = edge.engine->open_link(sync::Role::node, {"t", "hub"}, now);
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
    const StreamCounts all = counts();
    ASSERT_EQ(all.produced, all.delivered + all.pending + all.dropped);
    ASSERT_EQ(all.dropped, all.drops.total());
    ASSERT_LT(sqlite3_memory_used(), sqlite_bytes_max);
  }
  /// The hub has each of the edge's records, or knows why it has not.
  void expect_all(std::uint64_t last) {
    const ReplicaId& origin = edge.store->replica();
    const auto gaps = hub.store->gaps(scope(hub), origin, 0, SIZE_MAX).value();
    auto gap = gaps.begin();
    std::uint64_t next = 1;
    const auto skip_gaps = [&] {
      for (; gap != gaps.end() && gap->first == next; ++gap) next = gap->last + 1;
    };
    for (std::uint64_t after = 0;;) {
      const auto segments = hub.store->segments(scope(hub), origin, after, 1 << 20).value();
      if (segments.empty()) break;
      for (const store::StoredSegment& segment : segments) {
        for (const Record& record : stream::decode(segment.body).value()) {
          skip_gaps();
          ASSERT_EQ(record.sequence, next);
          ASSERT_EQ(std::get<std::int64_t>(record.fields[0]), static_cast<std::int64_t>(next++));
        }
        after = segment.first + segment.count - 1;
      }
    }
    skip_gaps();
    ASSERT_EQ(next - 1, last);
  }

  const stream::Budget budget;
  Now now{Instant(1h), Timestamp(24h * 365 * 56)};
  std::uint64_t lives = 0;
  Machine hub{true, std::make_unique<Disk>(1), 1}, edge{false, std::make_unique<Disk>(2), 2};
};

}  // namespace edgesync::sim
