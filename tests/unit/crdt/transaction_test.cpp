// SPDX-License-Identifier: Apache-2.0
#include "crdt/transaction.hpp"

#include "crdt/memory_table.hpp"
#include "crdt/value_codec.hpp"
#include "crdt/view.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace edgesync::crdt {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// One table and two authors, so that some of what is there is somebody else's.
class Transaction : public testing::Test {
 protected:
  const ReplicaId self_{{std::byte{1}}}, other_{{std::byte{2}}};
  MemoryTable table_{Hash128{1, 2}};
  Stamp stamp_ = 0;

  Result<Changes> planned(const Edit& edit, const ReplicaId& by) {
    return plan(edit.ops(), table_, {by, ++stamp_, table_.context()});
  }
  void commit(const Edit& edit, const ReplicaId& by) {
    const auto changes = planned(edit, by);
    ASSERT_TRUE(changes) << changes.error().detail;
    apply_changes(table_, by, *changes);
  }
  void commit(const Edit& edit) { commit(edit, self_); }

  Value value(std::string_view path) {
    const auto shown = show(table_, path);
    return shown ? shown->value : Value("nothing");
  }
  std::vector<Value> members(std::string_view path) {
    const auto shown = show(table_, path);
    return shown ? shown->members : std::vector<Value>{};
  }
  std::uint64_t entries() const { return table_.summary().count; }
};

TEST_F(Transaction, SetReplacesWhatItsAuthorSaw) {
  commit(Edit().set("k", 1), other_);
  commit(Edit().set("k", 2));
  EXPECT_EQ(value("k"), Value(std::int64_t{2}));
  EXPECT_EQ(entries(), 1U);
}

TEST_F(Transaction, LaterOperationsSeeEarlierOnes) {
  commit(Edit().set("k", 1).set("k", 2).add("n", 2).add("n", 3).insert("s", "x").remove("s", "x"));
  EXPECT_EQ(value("k"), Value(std::int64_t{2}));
  EXPECT_EQ(value("n"), Value(std::int64_t{5}));
  EXPECT_TRUE(members("s").empty());
}

TEST_F(Transaction, WritesAfterAPrefixRemovalInItSurvive) {
  commit(Edit().set("t/a", 1), other_);
  commit(Edit().set("t/b", 1).erase_prefix("t").set("t/c", 1));
  EXPECT_EQ(value("t/a"), Value("nothing"));
  EXPECT_EQ(value("t/b"), Value("nothing"));
  EXPECT_EQ(value("t/c"), Value(std::int64_t{1}));
  EXPECT_EQ(entries(), 1U);
}

TEST_F(Transaction, OfAnotherReplicaIsReplacedWithinOneToo) {
  commit(Edit().add("n", 5).insert("s", "x"), other_);
  commit(Edit().reset("n").add("n", 2).remove("s", "x").insert("s", "y"));
  EXPECT_EQ(value("n"), Value(std::int64_t{2}));
  EXPECT_THAT(members("s"), ElementsAre(Value("y")));
}

TEST_F(Transaction, AddNeedsNothingThere) {
  commit(Edit().add("n", -3));
  EXPECT_EQ(value("n"), Value(std::int64_t{-3}));
}

TEST_F(Transaction, ResetTakesWhatItSawOfEveryOwner) {
  commit(Edit().add("n", 5));
  commit(Edit().add("n", 7), other_);
  commit(Edit().reset("n"));
  EXPECT_EQ(value("n"), Value(std::int64_t{0}));
  commit(Edit().add("n", 1), other_);
  EXPECT_EQ(value("n"), Value(std::int64_t{1}));
}

TEST_F(Transaction, AddAfterAResetDropsTheBaseline) {
  commit(Edit().add("n", 5));
  commit(Edit().reset("n"));
  EXPECT_EQ(entries(), 2U);
  commit(Edit().add("n", 1));
  EXPECT_EQ(entries(), 1U);
  EXPECT_EQ(value("n"), Value(std::int64_t{1}));
}

TEST_F(Transaction, AddAfterABareBaselineStartsFromZero) {
  commit(Edit().add("n", 5));
  commit(Edit().reset("n"));
  Changes erased;
  erased.observed = table_.context();
  erased.write(cell_key("n", Kind::count, self_.bytes), ++stamp_, std::nullopt);
  apply_changes(table_, self_, erased);
  commit(Edit().add("n", 7));
  EXPECT_EQ(value("n"), Value(std::int64_t{7}));
}

TEST_F(Transaction, EraseTakesEveryKindAndNothingBelow) {
  commit(Edit().set("k", 1).add("k", 1).insert("k", "m").set("k/below", 1), other_);
  commit(Edit().erase("k"));
  EXPECT_EQ(entries(), 1U);
  EXPECT_EQ(value("k/below"), Value(std::int64_t{1}));
}

TEST_F(Transaction, ErasePrefixOfNothingTakesAll) {
  commit(Edit().set("k", 1).set("z/y", 1).insert("s", 1));
  commit(Edit().erase_prefix(""));
  EXPECT_EQ(entries(), 0U);
}

TEST_F(Transaction, RemoveOfWhatIsNotThereLeavesNoRecord) {
  const auto changes = planned(Edit().remove("s", "x"), self_);
  ASSERT_TRUE(changes);
  EXPECT_TRUE(changes->writes.empty());
  EXPECT_FALSE(changes->empty()) << "its stamp counts all the same";
}

TEST_F(Transaction, LongMembersAreKeyedByHashAndNeverMeetShortOnes) {
  const std::string text(100, 'x');
  commit(Edit().insert("s", text));
  ASSERT_THAT(members("s"), ElementsAre(Value(text)));
  Bytes suffix;
  table_.scan({}, [&](ByteView key, const Cell&) { return suffix = to_bytes(split(key)->suffix), true; });
  ASSERT_EQ(suffix.size(), 17U);
  EXPECT_FALSE(decode_value(suffix)) << "no short member has this encoding";
  commit(Edit().remove("s", text));
  EXPECT_EQ(entries(), 0U);
}

TEST_F(Transaction, MembersOfDifferentTypesAreDifferent) {
  commit(Edit().insert("s", 1).insert("s", 1.0).insert("s", "1").insert("s", true).insert("s", Value()));
  EXPECT_EQ(members("s").size(), 5U);
}

TEST_F(Transaction, SharesOneDot) {
  commit(Edit().set("a", 1).add("b", 1).insert("c", 1));
  table_.scan({}, [&](ByteView, const Cell& cell) {
    EXPECT_EQ(cell.at(0).dot, (Dot{self_, stamp_}));
    return true;
  });
}

struct Refused {
  Edit edit{};
  Errc code{};
  std::string detail{};
};

TEST_F(Transaction, RefusesTheWholeEditAndNamesTheKey) {
  commit(Edit().add("n", INT64_MAX).add("m", INT64_MIN));
  Edit many;
  for (std::size_t i = 0; i <= transaction_ops_max; ++i) many.set("k", 1);
  Edit large;
  for (std::size_t bytes = 0; bytes <= transaction_bytes_max; bytes += value_bytes_max / 2)
    large.set("k" + std::to_string(bytes), std::string(value_bytes_max / 2, 'x'));
  const std::vector<Refused> table{
      {large, Errc::limit_exceeded, "the limit is 16777216"},
      {Edit(), Errc::invalid_argument, "no operations"},
      {many, Errc::limit_exceeded, "1025 operations"},
      {Edit().set("good", 1).set("", 1), Errc::invalid_argument, "\"\": is empty"},
      {Edit().set("good", 1).set("bad//key", 1), Errc::invalid_argument, "\"bad//key\""},
      {Edit().add("/x", 1), Errc::invalid_argument, "\"/x\""},
      {Edit().reset("/x"), Errc::invalid_argument, "\"/x\""},
      {Edit().insert("/x", 1), Errc::invalid_argument, "\"/x\""},
      {Edit().remove("/x", 1), Errc::invalid_argument, "\"/x\""},
      {Edit().erase(""), Errc::invalid_argument, "is empty"},
      {Edit().erase_prefix("x/"), Errc::invalid_argument, "\"x/\""},
      {Edit().set("good", 1).set("big", std::string(value_bytes_max, 'x')), Errc::limit_exceeded, "\"big\": 524289"},
      {Edit().insert("big", std::string(value_bytes_max, 'x')), Errc::limit_exceeded, "\"big\""},
      {Edit().set("good", 1).add("n", 1), Errc::limit_exceeded, "\"n\""},
      {Edit().add("m", -1), Errc::limit_exceeded, "\"m\""},
  };
  for (const Refused& each : table) {
    const auto changes = planned(each.edit, self_);
    ASSERT_FALSE(changes) << each.detail;
    EXPECT_TRUE(changes.error().is(each.code)) << each.detail;
    EXPECT_THAT(changes.error().detail, HasSubstr(each.detail));
  }
  EXPECT_EQ(entries(), 2U);
}

TEST_F(Transaction, TakesTheLargestValueAndTheLongestEdit) {
  Edit many;
  for (std::size_t i = 0; i < transaction_ops_max; ++i) many.add("n", 1);
  commit(many);
  EXPECT_EQ(value("n"), Value(std::int64_t{1024}));
  commit(Edit().set("k", std::string(value_bytes_max - 1, 'x')));
}

TEST_F(Transaction, ReadsExactlyForOperationsThatMustLook) {
  std::vector<bool> needed;
  const Edit edit =
      Edit().set("k", 1).insert("k", 1).erase_prefix("k").add("k", 1).reset("k").remove("k", 1).erase("k");
  for (const Edit::Op& op : edit.ops()) needed.push_back(reads(op));
  EXPECT_THAT(needed, ElementsAre(false, false, false, true, true, true, true));
}

TEST(CounterPart, IsTheGreatestThatCanBeRead) {
  const auto entry = [](Bytes value) { return Entry{{}, 0, std::move(value)}; };
  const CounterPart older{0, 9, 100}, newer{1, 1, -5};
  EXPECT_EQ(counter_part({entry(encode(newer)), entry(encode(older)), entry(to_bytes("\xff"))}), newer);
  EXPECT_FALSE(counter_part({}));
  EXPECT_FALSE(counter_part({entry({})}));
  Bytes longer = encode(newer);
  longer.push_back(std::byte{0});
  EXPECT_FALSE(counter_part({entry(longer)}));
}

}  // namespace
}  // namespace edgesync::crdt
