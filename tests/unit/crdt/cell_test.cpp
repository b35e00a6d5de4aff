// SPDX-License-Identifier: Apache-2.0
#include "crdt/cell.hpp"

#include "base/planted.hpp"

#include <gtest/gtest.h>

#include <set>

namespace edgesync::crdt {
namespace {

const ReplicaId A{{std::byte{0xaa}}}, B{{std::byte{0xbb}}};

Entry entry(const ReplicaId& replica, Stamp stamp, std::string_view text = "v", Stamp arbitration = 0) {
  return {{replica, stamp}, arbitration, to_bytes(text)};
}
Listed full(const Entry& entry) { return {entry, false}; }
Listed reference(const Entry& entry) { return {{entry.dot, 0, {}}, true}; }

Context context(std::initializer_list<Dot> dots) {
  Context made;
  for (const Dot& dot : dots) made.advance(dot);
  return made;
}

struct Case {
  std::string name{};
  Cell local{};
  std::vector<Listed> listed{};
  Context mine{}, theirs{};
  Cell merged{};
};

TEST(Cell, MergesByWhatEachSideKnows) {
  const Entry a1 = entry(A, 1), a2 = entry(A, 2), b1 = entry(B, 1), b9 = entry(B, 9);
  const std::vector<Case> table{
      {"nothing and nothing", {}, {}, {}, {}, {}},
      {"a new entry is added", {}, {full(a1)}, {}, context({{A, 1}}), {a1}},
      {"an entry the sender does not know stays", {b1}, {}, context({{B, 1}}), context({{A, 1}}), {b1}},
      {"an entry the sender knows and does not list goes", {b1}, {}, context({{B, 1}}), context({{B, 1}}), {}},
      {"a reference keeps what is there", {a1}, {reference(a1)}, context({{A, 1}}), context({{A, 1}}), {a1}},
      {"a reference never brings back what went", {}, {reference(a1)}, context({{A, 1}}), context({{A, 1}}), {}},
      {"a payload never brings back what went", {}, {full(a1)}, context({{A, 3}}), context({{A, 1}}), {}},
      {"an overwrite replaces", {a1}, {full(a2)}, context({{A, 1}}), context({{A, 2}}), {a2}},
      {"concurrent writes are both kept", {b1}, {full(a1)}, context({{B, 1}}), context({{A, 1}}), {a1, b1}},
      {"all four at once, in order of dots",
       {a1, b9},
       {full(a2), reference(b1)},
       context({{A, 1}, {B, 9}}),
       context({{A, 2}, {B, 1}}),
       {a2, b9}},
      {"of two contents under one dot the local one stays",
       {entry(A, 1, "mine")},
       {full(entry(A, 1, "theirs"))},
       context({{A, 1}}),
       context({{A, 1}}),
       {entry(A, 1, "mine")}},
  };
  for (const Case& each : table)
    EXPECT_EQ(merge(each.local, each.listed, each.mine, each.theirs), each.merged) << each.name;
}

TEST(Cell, MergesThousandsOfEntriesInOnePass) {
  Cell local;
  std::vector<Listed> listed;
  for (Stamp stamp = 1; stamp <= 65'536; ++stamp) {
    local.push_back(entry(A, stamp));
    listed.push_back(reference(local.back()));
  }
  const Context both = context({{A, 65'536}});
  EXPECT_EQ(merge(local, listed, both, both), local);
}

TEST(Cell, MergeNeverPrunesTheLoserUnlessToldTo) {
  const Cell local{entry(A, 1)};
  const std::vector<Listed> listed{full(entry(B, 2))};
  const Context mine = context({{A, 1}}), theirs = context({{B, 2}});
  EXPECT_EQ(merge(local, listed, mine, theirs).size(), 2U);
  planted_bug = Bug::prune_loser;
  EXPECT_EQ(merge(local, listed, mine, theirs).size(), 1U);
  planted_bug = Bug::none;
}

TEST(Cell, WithoutTakesWhatIsCovered) {
  const Cell cell{entry(A, 1), entry(A, 2), entry(B, 5)};
  EXPECT_EQ(without(cell, {}), cell);
  EXPECT_EQ(without(cell, context({{A, 1}})), (Cell{entry(A, 2), entry(B, 5)}));
  EXPECT_EQ(without(cell, context({{A, 9}, {B, 4}})), (Cell{entry(B, 5)}));
  EXPECT_TRUE(without(cell, context({{A, 2}, {B, 5}})).empty());
}

TEST(Cell, WinnerHasTheGreatestStampThenReplicaThenContent) {
  EXPECT_EQ(winner({entry(A, 2), entry(B, 1)}), entry(A, 2));
  EXPECT_EQ(winner({entry(A, 2), entry(B, 2)}), entry(B, 2));
  EXPECT_EQ(winner({entry(A, 2, "x"), entry(A, 2, "y")}), entry(A, 2, "y"));
  EXPECT_EQ(winner({entry(A, 2)}), entry(A, 2));
}

TEST(Cell, ArbitrationRanksInPlaceOfTheStamp) {
  const Entry collapsed = entry(A, 100, "old winner", 3);
  EXPECT_EQ(winner({collapsed, entry(B, 4)}), entry(B, 4));
  EXPECT_EQ(winner({collapsed, entry(B, 2)}), collapsed);
  EXPECT_EQ(collapsed.rank(), 3U);
}

TEST(Cell, HoldsItsDots) {
  const Cell cell{entry(A, 1)};
  EXPECT_TRUE(holds(cell, {A, 1}));
  EXPECT_FALSE(holds(cell, {A, 2}));
  EXPECT_FALSE(holds(cell, {B, 1}));
  EXPECT_FALSE(holds({}, {A, 1}));
}

TEST(Fingerprint, TellsEveryPartApart) {
  const Hash128 key{1, 2};
  std::set<Hash128> seen;
  const auto add = [&](const Hash128& scope, std::string_view path, const Entry& item) {
    EXPECT_TRUE(seen.insert(fingerprint(scope, as_view(path), item)).second);
  };
  add(key, "k", entry(A, 1, "v"));
  add(Hash128{2, 1}, "k", entry(A, 1, "v"));
  add(key, "kk", entry(A, 1, "v"));
  add(key, "kv", entry(A, 1, ""));
  add(key, "", entry(A, 1, "kv"));
  add(key, "k", entry(B, 1, "v"));
  add(key, "k", entry(A, 2, "v"));
  add(key, "k", entry(A, 1, "w"));
  add(key, "k", entry(A, 1, "v", 1));
}

}  // namespace
}  // namespace edgesync::crdt
