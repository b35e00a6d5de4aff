// SPDX-License-Identifier: Apache-2.0
#include "crdt/delta.hpp"

#include "crdt/memory_table.hpp"
#include "crdt/transaction.hpp"
#include "crdt/value_codec.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace edgesync::crdt {
namespace {

const ReplicaId A{{std::byte{1}}}, B{{std::byte{2}}};

Bytes key(std::string_view path) { return cell_key(path, Kind::value); }

Context context(std::initializer_list<Dot> dots) {
  Context made;
  for (const Dot& dot : dots) made.advance(dot);
  return made;
}

void commit(MemoryTable& table, const ReplicaId& by, Stamp stamp, const Edit& edit) {
  const auto changes = plan(edit.ops(), table, {by, stamp, table.context()});
  ASSERT_TRUE(changes) << changes.error().detail;
  apply_changes(table, by, *changes);
}

/// a = 1, b = 2 by A; then a is erased and t/ removed, b overwritten by B.
MemoryTable small() {
  MemoryTable table(Hash128{1, 2});
  commit(table, A, 1, Edit().set("a", 1).set("b", 1).set("t/x", 1));
  commit(table, A, 2, Edit().erase("a").erase_prefix("t"));
  commit(table, B, 3, Edit().set("b", 2));
  return table;
}

TEST(Delta, ListsTouchedKeysAndRemovalsOutsideTheReceiversContext) {
  MemoryTable table = small();
  const Delta delta = make_delta(table, context({{A, 1}}));
  EXPECT_FALSE(delta.complete);
  EXPECT_EQ(delta.base, context({{A, 1}}));
  EXPECT_EQ(delta.upto, context({{A, 2}, {B, 3}}));
  EXPECT_EQ(delta.summary, table.summary());
  ASSERT_EQ(delta.keys.size(), 2U);
  EXPECT_EQ(delta.keys[0], (KeyState{key("a"), {}}));
  EXPECT_EQ(delta.keys[1].key, key("b"));
  EXPECT_EQ(delta.removals.size(), 2U);
}

TEST(Delta, SendsAReferenceForWhatTheReceiverKnows) {
  MemoryTable table(Hash128{1, 2});
  commit(table, A, 1, Edit().set("k", 1));
  Changes concurrent;  // saw nothing of A
  concurrent.write(key("k"), 5, Entry{{B, 5}, 0, encode_value(2)});
  apply_changes(table, B, concurrent);
  const Delta delta = make_delta(table, context({{A, 1}}));
  ASSERT_EQ(delta.keys.size(), 1U);
  const auto& listed = delta.keys[0].listed;
  ASSERT_EQ(listed.size(), 2U);
  EXPECT_EQ(listed[0], (Listed{{{A, 1}, 0, {}}, true}));
  EXPECT_FALSE(listed[1].reference);
}

TEST(Delta, ToSomebodyWhoHasAllIsEmpty) {
  MemoryTable table = small();
  const Delta delta = make_delta(table, table.context());
  EXPECT_TRUE(delta.keys.empty() && delta.removals.empty() && !delta.complete);
}

TEST(Delta, ToSomebodyNewIsCompleteWithoutRemovals) {
  MemoryTable table = small();
  const Delta delta = make_delta(table, {});
  EXPECT_TRUE(delta.complete);
  EXPECT_TRUE(delta.removals.empty());
  EXPECT_EQ(delta.keys.size(), 1U);
}

TEST(Delta, BelowAFloorIsComplete) {
  MemoryTable table = small();
  table.evict_removals(A, 2);
  EXPECT_TRUE(make_delta(table, context({{A, 1}})).complete);
  EXPECT_FALSE(make_delta(table, context({{A, 2}})).complete);
  EXPECT_TRUE(make_delta(table, context({{B, 3}})).complete);
}

TEST(Delta, RaisesTheFloorsOfWhatItJumpsOver) {
  MemoryTable table = small(), receiver(Hash128{1, 2});
  apply_delta(receiver, make_delta(table, {}));
  EXPECT_EQ(receiver.floors(), table.context());
  MemoryTable current = receiver;
  commit(table, A, 9, Edit().erase("b"));
  apply_delta(current, make_delta(table, current.context()));
  EXPECT_EQ(current.floors(), receiver.floors()) << "the fast path brings its records along";
}

TEST(Delta, IsApplicableOnlyAboveItsBase) {
  Delta delta;
  delta.base = context({{A, 2}});
  EXPECT_FALSE(applicable(delta, {}));
  EXPECT_FALSE(applicable(delta, context({{A, 1}, {B, 9}})));
  EXPECT_TRUE(applicable(delta, context({{A, 2}})));
  EXPECT_TRUE(applicable(delta, context({{A, 7}, {B, 1}})));
}

TEST(Delta, PassesItsRemovalRecordsOn) {
  MemoryTable table = small(), relay(Hash128{1, 2}), child(Hash128{1, 2});
  MemoryTable start(Hash128{1, 2});
  commit(start, A, 1, Edit().set("a", 1).set("b", 1).set("t/x", 1));
  const Delta first = make_delta(start, {});
  apply_delta(relay, first);
  apply_delta(child, first);
  apply_delta(relay, make_delta(table, relay.context()));
  const Delta second = make_delta(relay, child.context());
  EXPECT_FALSE(second.complete);
  EXPECT_EQ(second.removals.size(), 2U);
  apply_delta(child, second);
  EXPECT_EQ(child.summary(), table.summary());
  EXPECT_EQ(child.context(), table.context());
}

TEST(Delta, CarriesOnlyTheLastOfRepeatedRemovals) {
  MemoryTable table(Hash128{1, 2});
  for (Stamp stamp = 1; stamp < 100; stamp += 3) {
    commit(table, A, stamp, Edit().insert("s", 1).set("t/x", 1).set("u/x", 1));
    commit(table, A, stamp + 1, Edit().remove("s", 1).erase_prefix("t"));
    commit(table, A, stamp + 2, Edit().erase_prefix("u"));
  }
  const Delta delta = make_delta(table, context({{B, 1}}));
  ASSERT_EQ(delta.removals.size(), 3U);
  for (std::size_t i = 1; i < 3; ++i) EXPECT_LE(delta.removals[i - 1].dot, delta.removals[i].dot);
  EXPECT_EQ(delta.removals[2].dot, (Dot{A, 99}));
}

TEST(Delta, KeepsARemovalThatALaterOneDoesNotContain) {
  MemoryTable table(Hash128{1, 2});
  Changes changes;
  changes.remove_range(1, cells_under("t"), context({{B, 7}}));
  changes.remove_range(2, cells_at("t"), context({{B, 7}}));  // same beginning, less
  changes.remove_range(3, cells_at("t"), context({{B, 6}}));  // as long, but it saw less
  apply_changes(table, A, changes);
  EXPECT_EQ(make_delta(table, context({{B, 7}})).removals.size(), 3U);
}

TEST(Delta, ReportsKeysThatCameToBeInConflict) {
  MemoryTable a(Hash128{1, 2}), b(Hash128{1, 2});
  commit(a, A, 1, Edit().set("k", 1).set("calm", 1));
  commit(b, B, 1, Edit().set("k", 2));
  const Applied applied = apply_delta(a, make_delta(b, a.context()));
  EXPECT_FALSE(applied.diverged);
  EXPECT_THAT(applied.conflicts, testing::ElementsAre(key("k")));
}

TEST(Delta, NoticesStatesThatDifferUnderEqualContexts) {
  MemoryTable honest = small(), damaged = small();
  const Cell before = damaged.find(key("b"));
  Cell after = before;
  after[0].value = encode_value("flipped");
  damaged.replace(key("b"), before, after);
  EXPECT_TRUE(apply_delta(damaged, make_delta(honest, damaged.context())).diverged);
  EXPECT_FALSE(apply_delta(honest, make_delta(honest, honest.context())).diverged);
}

TEST(MemoryTable, KeepsItsSummaryAsCellsComeAndGo) {
  MemoryTable table = small();
  const Summary before = table.summary();
  commit(table, A, 50, Edit().set("x", 1).set("y", 1));
  EXPECT_EQ(table.summary().count, before.count + 2);
  commit(table, A, 51, Edit().erase("x").erase("y"));
  EXPECT_EQ(table.summary(), before);
}

TEST(MemoryTable, SweepForgetsStaleWritesOnly) {
  MemoryTable table = small();
  const auto items = [&](const ReplicaId& replica) {
    std::vector<LogItem::Type> types;
    table.scan_log(replica, 0, [&](const LogItem& item) { return types.push_back(item.type), true; });
    return types;
  };
  ASSERT_EQ(items(A).size(), 5U);
  table.sweep();
  EXPECT_EQ(items(A).size(), 2U);
  EXPECT_EQ(items(B).size(), 1U);
  table.evict_removals(A, 1);
  EXPECT_EQ(items(A).size(), 2U);
  EXPECT_TRUE(table.floors().empty()) << "nothing was evicted";
  table.evict_removals(A, 2);
  EXPECT_TRUE(items(A).empty());
  EXPECT_EQ(table.floors(), context({{A, 2}}));
}

TEST(MemoryTable, ScansTheLogAboveAStamp) {
  MemoryTable table = small();
  std::size_t seen = 0;
  table.scan_log(A, 1, [&](const LogItem& item) { return ++seen, item.dot.stamp > 1; });
  EXPECT_EQ(seen, 2U);
  table.scan_log(A, 0, [&](const LogItem&) { return ++seen, false; });
  EXPECT_EQ(seen, 3U) << "the visitor may stop";
  table.scan_log(A, 2, [&](const LogItem&) { return ++seen, true; });
  EXPECT_EQ(seen, 3U);
}

}  // namespace
}  // namespace edgesync::crdt
