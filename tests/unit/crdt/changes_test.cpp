// SPDX-License-Identifier: Apache-2.0
#include "crdt/changes.hpp"

#include "base/random.hpp"
#include "crdt/delta.hpp"
#include "crdt/memory_table.hpp"

#include <gtest/gtest.h>

namespace edgesync::crdt {
namespace {

constexpr Hash128 key{1, 2};
constexpr std::array paths{"a", "a/b", "a/b/c", "a!", "b", "b/c"};
const ReplicaId self{{std::byte{5}}};

ReplicaId other(std::uint64_t number) { return {{static_cast<std::byte>(number * 4 + 3)}}; }
Bytes random_key(Random& random) { return cell_key(paths[random.below(paths.size())], Kind::value); }
Entry entry(const ReplicaId& by, Stamp stamp) { return {{by, stamp}, 0, to_bytes(std::to_string(stamp))}; }

/// Concurrent writes of three other replicas, before the changes (`stamp` low) or after them.
void remote_writes(MemoryTable& table, Random& random, Stamp stamp) {
  for (std::uint64_t number = 0; number < 3; ++number) {
    MemoryTable remote(key);
    Changes changes;
    for (int i = 0; i < 3; ++i) changes.write(random_key(random), stamp, entry(other(number), stamp));
    apply_changes(remote, other(number), changes);
    Delta delta = make_delta(remote, {});
    delta.complete = false;  // what a peer that knows nothing else sends
    apply_delta(table, delta);
  }
}

void local_transaction(Changes& changes, const Context& seen, Random& random, Stamp stamp) {
  Changes one;
  one.observed = seen;
  Context observed = seen;
  observed.advance({self, changes.last});
  for (std::uint64_t left = 1 + random.below(3); left > 0; --left) {
    const std::uint64_t kind = random.below(5);
    if (kind == 0)
      one.remove_range(stamp, cells_under(paths[random.below(paths.size())]), observed);
    else
      one.write(random_key(random), stamp, kind == 1 ? std::nullopt : std::optional(entry(self, stamp)));
  }
  changes.append(std::move(one));
}

using Cells = std::vector<std::pair<Bytes, Cell>>;

Cells scanned(CellSource& source, const KeyRange& range, std::size_t at_most = SIZE_MAX) {
  Cells cells;
  source.scan(range, [&](ByteView found, const Cell& cell) {
    cells.emplace_back(to_bytes(found), cell);
    return cells.size() < at_most;
  });
  return cells;
}

void expect_same(CellSource& overlay, CellSource& table) {
  const Cells all = scanned(table, {});
  EXPECT_EQ(scanned(overlay, {}), all);
  for (std::size_t most = 1; most < all.size(); ++most) EXPECT_EQ(scanned(overlay, {}, most), scanned(table, {}, most));
  for (std::string_view path : paths) {
    EXPECT_EQ(overlay.find(cell_key(path, Kind::value)), table.find(cell_key(path, Kind::value))) << path;
    EXPECT_EQ(scanned(overlay, cells_at(path)), scanned(table, cells_at(path))) << path;
    EXPECT_EQ(scanned(overlay, cells_under(path)), scanned(table, cells_under(path))) << path;
  }
}

TEST(Overlay, ReadsAsTheTableWillOnceTheChangesAreApplied) {
  for (std::uint64_t seed = 1; seed <= 3000; ++seed) {
    Xoshiro random(seed);
    MemoryTable table(key);
    if (!random.one_in(4)) remote_writes(table, random, 10);
    const Context seen = table.context();
    Changes changes;
    for (Stamp stamp = 100, last = stamp + random.below(6); stamp <= last; ++stamp)
      local_transaction(changes, seen, random, stamp);
    const bool concurrent = random.one_in(2);
    if (concurrent) remote_writes(table, random, 200);
    Overlay overlay(table, changes, self);
    overlay.concurrent = concurrent;
    MemoryTable applied = table;
    apply_changes(applied, self, changes);
    expect_same(overlay, applied);
    if (testing::Test::HasFailure()) FAIL() << "seed " << seed;
  }
}

TEST(Overlay, AppliesAPrefixRemovalThatSawMoreThanTheWritesBesideIt) {
  // given: a write in memory, then news from elsewhere on the same key
  MemoryTable table(key);
  Changes changes;
  const Bytes k = cell_key("a/b", Kind::value);
  changes.write(k, 1, entry(self, 1));
  Xoshiro random(1);
  remote_writes(table, random, 10);
  // when: the subtree is removed with the news in sight, and the key is written again
  changes.remove_range(2, cells_under("a"), table.context());
  changes.write(k, 3, entry(self, 3));
  // then: reading now and reading after the flush agree, on every key
  Overlay overlay(table, changes, self);
  overlay.concurrent = true;
  MemoryTable applied = table;
  apply_changes(applied, self, changes);
  expect_same(overlay, applied);
  EXPECT_EQ(overlay.find(k), (Cell{entry(self, 3)}));
}

TEST(Overlay, DecidesWhatItsChangesCoverUnlessSomethingCameInBetween) {
  MemoryTable table(key);
  Changes changes;
  changes.write(cell_key("k", Kind::value), 1, std::nullopt);
  changes.remove_range(2, cells_under("t"), {});
  Overlay overlay(table, changes, self);
  EXPECT_TRUE(overlay.decides(cell_key("k", Kind::value)));
  EXPECT_TRUE(overlay.decides(cell_key("t/x", Kind::value)));
  EXPECT_FALSE(overlay.decides(cell_key("u", Kind::value)));
  overlay.concurrent = true;
  EXPECT_FALSE(overlay.decides(cell_key("k", Kind::value)));
}

TEST(Changes, CoalescingEqualsApplyingOneByOne) {
  for (std::uint64_t seed = 1; seed <= 2000; ++seed) {
    Xoshiro random(seed), again(seed);
    MemoryTable together(key), apart(key);
    remote_writes(together, random, 10);
    remote_writes(apart, again, 10);
    Changes changes;
    for (Stamp stamp = 100; stamp < 106; ++stamp) {
      local_transaction(changes, together.context(), random, stamp);
      Changes one;
      one.last = stamp - 1;  // so that its removals observe the transactions before
      local_transaction(one, apart.context(), again, stamp);
      one.observed = apart.context();
      apply_changes(apart, self, one);
    }
    apply_changes(together, self, changes);
    ASSERT_EQ(scanned(together, {}), scanned(apart, {})) << "seed " << seed;
    ASSERT_EQ(together.context(), apart.context());
    ASSERT_EQ(together.summary(), apart.summary());
  }
}

TEST(Changes, OfAHotKeyStaySmall) {
  Changes changes;
  for (Stamp stamp = 1; stamp <= 1000; ++stamp) changes.write(as_view("k"), stamp, entry(self, stamp));
  EXPECT_EQ(changes.writes.size(), 1U);
  EXPECT_LT(changes.bytes, 200U);
  EXPECT_EQ(changes.last, 1000U);
}

TEST(Changes, OfRepeatedPrefixRemovalsStaySmall) {
  Changes changes;
  Context seen;
  for (Stamp stamp = 1; stamp <= 1000; ++stamp) {
    changes.write(cell_key("t/" + std::to_string(stamp), Kind::value), stamp, entry(self, stamp));
    changes.remove_range(stamp, cells_under(stamp % 2 == 0 ? "t" : "t/x"), seen);
    seen.advance({self, stamp});
  }
  EXPECT_LE(changes.ranges.size(), 2U);
  EXPECT_LE(changes.writes.size(), 1U);
  EXPECT_LT(changes.bytes, 1000U);
  EXPECT_EQ(changes.last, 1000U);
}

TEST(Changes, AppliedNeverTouchTheLogOutOfOrder) {
  MemoryTable table(key);
  Changes changes;
  changes.write(as_view("z"), 1, entry(self, 1));
  changes.remove_range(2, cells_under("q"), {});
  changes.write(as_view("a"), 3, std::nullopt);
  apply_changes(table, self, changes);
  std::vector<Stamp> stamps;
  table.scan_log(self, 0, [&](const LogItem& item) { return stamps.push_back(item.dot.stamp), true; });
  EXPECT_EQ(stamps, (std::vector<Stamp>{1, 2, 3}));
}

TEST(Changes, WithNothingInThemChangeNothing) {
  MemoryTable table(key);
  apply_changes(table, self, {});
  EXPECT_TRUE(table.context().empty());
}

}  // namespace
}  // namespace edgesync::crdt
