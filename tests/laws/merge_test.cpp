// SPDX-License-Identifier: Apache-2.0
// What is done in one pass amounts to what its definition says, on random cells, contexts and ranges: merging two lists
// of entries, and making many range removals.
#include "base/random.hpp"
#include "crdt/memory_table.hpp"
#include "crdt/range_drop.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace edgesync::laws {
namespace {

using crdt::Cell;
using crdt::Context;
using crdt::Entry;
using crdt::KeyRange;
using crdt::Listed;

crdt::Dot random_dot(Xoshiro& random) { return {{{static_cast<std::byte>(1 + random.below(3))}}, 1 + random.below(6)}; }

Context random_context(Xoshiro& random) {
  Context context;
  for (std::uint64_t left = random.below(4); left > 0; --left) context.advance(random_dot(random));
  return context;
}

Cell random_cell(Xoshiro& random) {
  std::set<crdt::Dot> dots;
  for (std::uint64_t left = random.below(7); left > 0; --left) dots.insert(random_dot(random));
  Cell cell;
  for (const crdt::Dot& dot : dots) cell.push_back({dot, 0, Bytes(random.below(3))});
  return cell;
}

/// The definition: local entries that are listed or unknown to the sender, listed ones that are unknown here.
Cell merged(const Cell& local, const std::vector<Listed>& listed, const Context& mine, const Context& theirs) {
  Cell all;
  for (const Entry& entry : local) {
    const bool there =
        std::any_of(listed.begin(), listed.end(), [&](const Listed& l) { return l.entry.dot == entry.dot; });
    if (there || !theirs.covers(entry.dot)) all.push_back(entry);
  }
  for (const Listed& item : listed)
    if (!item.reference && !mine.covers(item.entry.dot)) all.push_back(item.entry);
  std::sort(all.begin(), all.end(), [](const Entry& a, const Entry& b) { return a.dot < b.dot; });
  return all;
}

TEST(Merge, IsWhatItsDefinitionSays) {
  Xoshiro random(5);
  for (int i = 0; i < 100'000; ++i) {
    const Cell local = random_cell(random);
    std::vector<Listed> listed;
    for (Entry& entry : random_cell(random)) listed.push_back({std::move(entry), random.one_in(3)});
    Context mine = random_context(random);
    const Context theirs = random_context(random);
    for (const Entry& entry : local) mine.advance(entry.dot);  // what is held is known
    ASSERT_EQ(crdt::merge(local, listed, mine, theirs), merged(local, listed, mine, theirs)) << "round " << i;
  }
}

Bytes random_key(Xoshiro& random) {
  Bytes key(random.below(3));
  for (std::byte& each : key) each = static_cast<std::byte>(random.below(4));
  return key;
}

struct Removal {
  KeyRange range{};
  Context observed{};
};

std::vector<Removal> random_removals(Xoshiro& random) {
  std::vector<Removal> removals(random.below(8));
  for (Removal& removal : removals) removal = {{random_key(random), random_key(random)}, random_context(random)};
  return removals;
}

crdt::MemoryTable random_table(Xoshiro& random) {
  crdt::MemoryTable table({1, 2});
  for (std::uint64_t left = random.below(24); left > 0; --left) {
    const Bytes key = random_key(random);
    table.replace(key, table.find(key), random_cell(random));
  }
  return table;
}

using CellList = std::vector<std::pair<Bytes, Cell>>;

CellList all(crdt::MemoryTable& table) {
  CellList cells;
  table.scan({}, [&](ByteView key, const Cell& cell) { return cells.emplace_back(to_bytes(key), cell), true; });
  return cells;
}

TEST(RangeDrop, OfManyIsOneAfterTheOther) {
  Xoshiro random(6);
  for (int i = 0; i < 50'000; ++i) {
    crdt::MemoryTable at_once = random_table(random), in_turn = at_once;
    const auto removals = random_removals(random);
    std::vector<crdt::RangeDrop> drops;
    for (const Removal& removal : removals) drops.push_back({&removal.range, &removal.observed});
    crdt::drop_observed(at_once, drops);
    for (const auto& [key, cell] : all(in_turn))
      for (const Removal& removal : removals)
        if (const Cell now = in_turn.find(key); removal.range.contains(key))
          in_turn.replace(key, now, crdt::without(now, removal.observed));
    ASSERT_EQ(all(at_once), all(in_turn)) << "round " << i;
    ASSERT_EQ(at_once.summary(), in_turn.summary()) << "round " << i;
  }
}

}  // namespace
}  // namespace edgesync::laws
