// SPDX-License-Identifier: Apache-2.0
// What many range removals cost: looks at the table are counted. What they do is proved in laws/merge_test.cpp.
#include "crdt/range_drop.hpp"

#include "crdt/changes.hpp"
#include "crdt/delta.hpp"
#include "crdt/memory_table.hpp"

#include <gtest/gtest.h>

namespace edgesync::crdt {
namespace {

const ReplicaId A{{std::byte{1}}}, B{{std::byte{2}}};
constexpr std::size_t keys = 100, removals = 1000;

Context context(std::initializer_list<Dot> dots) {
  Context made;
  for (const Dot& dot : dots) made.advance(dot);
  return made;
}

Bytes key(std::size_t number) { return cell_key("t" + std::to_string(10'000 + number), Kind::value); }

/// A table that counts what is read and written. Holds `keys` keys by A under stamps from 1.
class CountingTable final : public ScopeTable {
 public:
  CountingTable() {
    for (std::size_t i = 0; i < keys; ++i) table_.replace(key(i), {}, {{{A, 1 + i}, 0, to_bytes("v")}});
    table_.advance(edgesync::crdt::context({{A, keys}}));
  }

  Cell find(ByteView at) override { return table_.find(at); }
  void scan(const KeyRange& range, const Visit& visit) override {
    ++scans;
    table_.scan(range, [&](ByteView at, const Cell& cell) { return ++visits, visit(at, cell); });
  }
  void replace(ByteView at, const Cell& before, const Cell& after) override {
    ++replaced;
    table_.replace(at, before, after);
  }
  const Context& context() const override { return table_.context(); }
  void advance(const Context& to) override { table_.advance(to); }
  const Context& floors() const override { return table_.floors(); }
  void raise_floors(const Context& to) override { table_.raise_floors(to); }
  void log(const LogItem& item) override { table_.log(item); }
  void scan_log(const ReplicaId& replica, Stamp after, const Function<bool(const LogItem&)>& visit) override {
    table_.scan_log(replica, after, visit);
  }
  void restore_log(const ReplicaId& replica, std::span<const LogItem> items) override {
    table_.restore_log(replica, items);
  }
  Summary summary() const override { return table_.summary(); }

  std::size_t scans = 0, visits = 0, replaced = 0;

 private:
  MemoryTable table_{Hash128{1, 2}};
};

Delta delta_of(const std::vector<KeyRange>& ranges) {
  Delta delta;
  delta.upto = context({{B, ranges.size()}});
  for (std::size_t i = 0; i < ranges.size(); ++i)
    delta.removals.push_back({{B, 1 + i}, LogItem::Type::remove_range, {}, ranges[i], context({{A, 1 + i % 50}})});
  return delta;
}

TEST(RangeDrop, VisitsAKeyOnceHoweverManyRemovalsCoverIt) {
  CountingTable table;
  apply_delta(table, delta_of(std::vector<KeyRange>(removals)));
  EXPECT_EQ(table.scans, 1U);
  EXPECT_EQ(table.visits, keys);
  EXPECT_EQ(table.replaced, 50U);
  EXPECT_EQ(table.summary().count, keys - 50);
}

TEST(RangeDrop, WalksOverlappingRangesAsOne) {
  CountingTable table;
  std::vector<KeyRange> ranges;
  for (std::size_t i = 0; i < removals; ++i)
    ranges.push_back({key(i % keys), i % 3 == 0 ? Bytes{} : key(i % keys + 40)});
  apply_delta(table, delta_of(ranges));
  EXPECT_EQ(table.scans, 1U);
  EXPECT_EQ(table.visits, keys);
}

TEST(RangeDrop, LooksOnlyAtWhatLiesUnderARemoval) {
  CountingTable table;
  apply_delta(table, delta_of({{key(10), key(12)}, {key(70), key(73)}, {key(11), key(13)}, {key(73), key(72)}}));
  EXPECT_EQ(table.visits, 6U);
  EXPECT_EQ(table.replaced, 0U) << "these keys are later than what was observed";
}

TEST(RangeDrop, OfLocalChangesVisitsAKeyOnceToo) {
  CountingTable table;
  Changes changes;
  for (std::size_t i = 0; i < removals; ++i)  // each sees more than the one before, of a smaller range
    changes.remove_range(1 + i, {key(i % keys), {}}, context({{A, 1 + i % 50}}));
  const std::size_t kept = changes.ranges.size();
  apply_changes(table, B, changes);
  EXPECT_GT(kept, 1U);
  EXPECT_LE(table.visits, keys);
}

}  // namespace
}  // namespace edgesync::crdt
