// SPDX-License-Identifier: Apache-2.0
#include "crdt/view.hpp"

#include "crdt/memory_table.hpp"
#include "crdt/transaction.hpp"
#include "crdt/value_codec.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace edgesync::crdt {
namespace {

using testing::ElementsAre;

ReplicaId replica(std::uint8_t number) { return {{static_cast<std::byte>(number)}}; }

class View : public testing::Test {
 protected:
  MemoryTable table_{Hash128{1, 2}};

  /// Adds an entry beside what is there, as a concurrent writer does.
  void put(const Bytes& key, std::uint8_t by, Stamp stamp, Bytes content, Stamp arbitration = 0) {
    const Cell before = table_.find(key);
    Cell after = before;
    after.push_back({{replica(by), stamp}, arbitration, std::move(content)});
    table_.replace(key, before, after);
  }
  void set(std::string_view path, std::uint8_t by, Stamp stamp, const Value& value, Stamp arbitration = 0) {
    put(cell_key(path, Kind::value), by, stamp, encode_value(value), arbitration);
  }
  void count(Kind kind, std::uint8_t owner, Stamp stamp, const CounterPart& part) {
    put(cell_key("n", kind, replica(owner).bytes), owner, stamp, encode(part));
  }
  void insert(std::string_view path, Stamp stamp, const Value& member) {
    put(cell_key(path, Kind::member, encode_value(member)), 1, stamp, encode_value(member));
  }
  std::vector<Value> conflicts(std::string_view path) {
    std::vector<Value> values;
    for (const auto& sibling : show(table_, path).value_or(Shown{}).conflicts) values.push_back(sibling.value);
    return values;
  }
};

TEST_F(View, ShowsNothingWhereNothingIs) { EXPECT_FALSE(show(table_, "k")); }

TEST_F(View, ShowsTheWinnerAndWhatLostNewestFirst) {
  set("k", 1, 5, "middle");
  set("k", 2, 9, "newest");
  set("k", 3, 1, "oldest");
  const auto shown = show(table_, "k");
  ASSERT_TRUE(shown);
  EXPECT_EQ(shown->path, "k");
  EXPECT_EQ(shown->type, Shown::Type::value);
  EXPECT_EQ(shown->value, Value("newest"));
  EXPECT_EQ(shown->dot, (Dot{replica(2), 9}));
  EXPECT_THAT(conflicts("k"), ElementsAre(Value("middle"), Value("oldest")));
}

TEST_F(View, ShowsEqualContentOnce) {
  set("k", 1, 5, "same");
  set("k", 2, 9, "same");
  set("k", 3, 4, "other");
  set("k", 4, 3, "other");
  EXPECT_EQ(show(table_, "k")->value, Value("same"));
  EXPECT_THAT(conflicts("k"), ElementsAre(Value("other")));
}

TEST_F(View, RanksByArbitrationWhereThereIsOne) {
  set("k", 1, 100, "collapsed", 3);
  set("k", 2, 4, "newer");
  EXPECT_EQ(show(table_, "k")->value, Value("newer"));
  EXPECT_THAT(conflicts("k"), ElementsAre(Value("collapsed")));
}

TEST_F(View, PassesOverValuesItCannotRead) {
  put(cell_key("k", Kind::value), 9, 99,
      to_bytes("\xee"
               "from the future"));
  EXPECT_FALSE(show(table_, "k"));
  set("k", 1, 5, "readable");
  EXPECT_EQ(show(table_, "k")->value, Value("readable"));
  EXPECT_TRUE(show(table_, "k")->conflicts.empty());
}

TEST_F(View, PassesOverKindsAndCountersItCannotRead) {
  put(cell_key("k", static_cast<Kind>('z')), 1, 99, encode_value("?"));
  EXPECT_FALSE(show(table_, "k"));
  put(cell_key("n", Kind::count, replica(1).bytes), 1, 99, to_bytes("?"));
  EXPECT_FALSE(show(table_, "n"));
  put(cell_key("s", Kind::member, to_bytes("?")), 1, 99, to_bytes("?"));
  EXPECT_FALSE(show(table_, "s"));
}

TEST_F(View, SumsWhatExceedsTheBaselines) {
  count(Kind::count, 1, 1, {0, 3, 10});
  count(Kind::count, 2, 2, {1, 1, -4});
  count(Kind::baseline, 1, 3, {0, 2, 7});
  count(Kind::baseline, 2, 4, {0, 5, 100});  // of an incarnation that is over
  count(Kind::baseline, 3, 5, {0, 1, 50});   // of an owner not seen yet
  const auto shown = show(table_, "n");
  ASSERT_TRUE(shown);
  EXPECT_EQ(shown->type, Shown::Type::counter);
  EXPECT_EQ(shown->value, Value(std::int64_t{-1}));
  EXPECT_EQ(shown->dot, (Dot{replica(2), 2}));
}

TEST_F(View, TakesTheGreatestOfConcurrentBaselines) {
  count(Kind::count, 1, 1, {0, 9, 90});
  count(Kind::baseline, 1, 2, {0, 4, 40});
  count(Kind::baseline, 1, 3, {0, 3, 30});
  EXPECT_EQ(show(table_, "n")->value, Value(std::int64_t{50}));
}

TEST_F(View, ClampsSumsThatExceed64Bits) {
  count(Kind::count, 1, 1, {0, 1, INT64_MAX});
  count(Kind::count, 2, 1, {0, 1, INT64_MAX});
  EXPECT_EQ(show(table_, "n")->value, Value(INT64_MAX));
  count(Kind::count, 3, 1, {0, 1, INT64_MIN});
  count(Kind::count, 4, 1, {0, 1, INT64_MIN});
  EXPECT_EQ(show(table_, "n")->value, Value(std::int64_t{-2})) << "clamped at the end, not on the way";
  count(Kind::count, 5, 1, {0, 1, INT64_MIN});
  EXPECT_EQ(show(table_, "n")->value, Value(INT64_MIN));
}

TEST_F(View, ShowsTheKindWithTheHighestRank) {
  set("n", 1, 5, "register");
  count(Kind::count, 1, 7, {0, 1, 3});
  EXPECT_EQ(show(table_, "n")->type, Shown::Type::counter);
  insert("n", 8, "member");
  const auto shown = show(table_, "n");
  EXPECT_EQ(shown->type, Shown::Type::set);
  EXPECT_EQ(shown->dot, (Dot{replica(1), 8}));
  EXPECT_TRUE(std::holds_alternative<std::monostate>(shown->value));
  set("n", 2, 9, "later");
  EXPECT_EQ(show(table_, "n")->value, Value("later"));
  EXPECT_TRUE(show(table_, "n")->members.empty());
}

TEST_F(View, ListsMembersInOrderOfTheirEncoding) {
  for (const Value& member : {Value("b"), Value("a"), Value(std::int64_t{7}), Value(true)}) insert("s", 1, member);
  EXPECT_THAT(show(table_, "s")->members, ElementsAre(Value(true), Value(std::int64_t{7}), Value("a"), Value("b")));
}

TEST_F(View, ShowsAllPathsOfARangeInOrder) {
  for (std::string_view path : {"a", "a/x", "a/y/z", "a!", "b"}) set(path, 1, 1, "v");
  set("a/x", 2, 2, "w");
  insert("a/x", 1, "m");
  put(cell_key("a/hidden", static_cast<Kind>('z')), 1, 1, {});
  const auto paths = [&](const KeyRange& range, std::size_t at_most) {
    std::vector<std::string> found;
    show_all(table_, range, [&](const Shown& shown) { return found.push_back(shown.path), found.size() < at_most; });
    return found;
  };
  EXPECT_THAT(paths({}, 99), ElementsAre("a", "a/x", "a/y/z", "a!", "b"));
  EXPECT_THAT(paths(cells_under("a"), 99), ElementsAre("a", "a/x", "a/y/z"));
  EXPECT_THAT(paths({}, 2), ElementsAre("a", "a/x"));
  EXPECT_THAT(paths({}, 5), ElementsAre("a", "a/x", "a/y/z", "a!", "b"));
  EXPECT_THAT(paths(cells_under("c"), 99), ElementsAre());
}

}  // namespace
}  // namespace edgesync::crdt
