// SPDX-License-Identifier: Apache-2.0
// Consumers: every record once per commit, whoever dies in between, and what never comes is told.
#include "base/random.hpp"
#include "fleet.hpp"

#include <gmock/gmock.h>

namespace edgesync {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class Consumers : public Fleet {
 protected:
  static Stream open(Node& node, StreamOptions options = {}) {
    options.columns = {{"n", i64}};
    return node.stream("t", std::move(options));
  }
  static void append(Stream stream, std::int64_t first, std::int64_t last) {
    std::vector<Record> records;
    for (std::int64_t n = first; n <= last; ++n) records.push_back({0, {}, {Value(n)}});
    stream.append(records).value();
  }
  static std::vector<std::int64_t> numbers(const Delivery& delivery) {
    std::vector<std::int64_t> all;
    for (const OriginRecords& of : delivery.origins)
      for (const Record& record : of.records) all.push_back(std::get<std::int64_t>(record.fields.at(0)));
    return all;
  }
};

TEST_F(Consumers, GoOnWhereTheyCommittedAndNotWhereTheyRead) {
  {
    Node node = open_node();
    Stream stream = open(node);
    append(stream, 1, 10);
    Consumer consumer = stream.consumer("c");
    const Delivery first = consumer.next(4).value();
    EXPECT_THAT(numbers(first), ElementsAre(1, 2, 3, 4));
    consumer.commit(first.upto).value();
    EXPECT_THAT(numbers(consumer.next(3).value()), ElementsAre(5, 6, 7));
    EXPECT_EQ(consumer.behind().value(), 3U);
    EXPECT_EQ(consumer.committed().value(), first.upto);
  }
  Node node = open_node();
  Stream stream = open(node);
  Consumer consumer = stream.consumer("c");
  EXPECT_EQ(consumer.behind().value(), 6U);
  const Delivery rest = consumer.next().value();
  EXPECT_THAT(numbers(rest), ElementsAre(5, 6, 7, 8, 9, 10));
  EXPECT_TRUE(consumer.next().value().empty());
  consumer.commit(rest.upto).value();
  append(stream, 11, 11);
  EXPECT_THAT(numbers(consumer.next().value()), ElementsAre(11));
}

TEST_F(Consumers, HaveEachAPlaceOfTheirOwn) {
  Node node = open_node();
  Stream stream = open(node);
  append(stream, 1, 3);
  EXPECT_THAT(stream.consumers().value(), IsEmpty());
  for (const char* name : {"b", "a"}) {
    Consumer consumer = stream.consumer(name);
    consumer.commit(consumer.next(name[0] == 'a' ? 1 : 2).value().upto).value();
  }
  EXPECT_THAT(stream.consumers().value(), ElementsAre("a", "b"));
  EXPECT_THAT(numbers(stream.consumer("a").next().value()), ElementsAre(2, 3));
  EXPECT_THAT(numbers(stream.consumer("b").next().value()), ElementsAre(3));
  stream.forget_consumer("b").value();
  EXPECT_THAT(stream.consumers().value(), ElementsAre("a"));
  EXPECT_THAT(numbers(stream.consumer("b").next().value()), ElementsAre(1, 2, 3));
}

TEST_F(Consumers, SeekWhereAnotherDatabaseSaysTheyAre) {
  Node node = open_node();
  Stream stream = open(node);
  append(stream, 1, 5);
  Consumer consumer = stream.consumer("c");
  const std::string kept = to_string(consumer.next(2).value().upto);
  Consumer again = stream.consumer("c");
  again.seek(parse_cursor(kept).value()).value();
  EXPECT_THAT(numbers(again.next().value()), ElementsAre(3, 4, 5));
  again.seek({}).value();
  EXPECT_THAT(numbers(again.next(1).value()), ElementsAre(1));
  EXPECT_EQ(again.committed().value(), Cursor{});
  Cursor beyond;
  beyond.last[node.id()] = 7;
  again.seek(beyond).value();
  EXPECT_TRUE(again.next().value().empty());
  append(stream, 6, 8);
  EXPECT_THAT(numbers(again.next().value()), ElementsAre(8));
}

TEST_F(Consumers, AreToldWhatNeverComes) {
  Node node = open_node();
  StreamOptions options;
  options.quota = 400;
  options.overflow = Overflow::drop_newest;
  Stream stream = open(node, options);
  for (int i = 1; i <= 40; ++i) append(stream, i, i);
  Consumer consumer = stream.consumer("c");
  const Delivery delivery = consumer.next().value();
  ASSERT_EQ(delivery.origins.size(), 1U);
  const OriginRecords& of_node = delivery.origins[0];
  ASSERT_EQ(of_node.gaps.size(), 1U);
  EXPECT_EQ(of_node.gaps[0].why, DropReason::quota);
  EXPECT_EQ(of_node.gaps[0].first, of_node.records.back().sequence + 1);
  EXPECT_EQ(delivery.upto.last.at(node.id()), 40U);
  EXPECT_EQ(of_node.trimmed, 0U);
}

TEST_F(Consumers, OfAHubAreGivenAllOriginsInTurn) {
  Hub hub = open_hub();
  Stream all = open(hub);
  Witness witness;
  const auto listening = all.on_records([&] { witness.saw("records"); });
  for (const char* name : {"a", "b"}) {
    Node node = open_node(name);
    append(open(node), 1, 3);
    node.link(to_hub()).value();
    node.flush(20s).value();
    append(open(node), 4, 6);
    node.flush(20s).value();
  }
  EXPECT_TRUE(witness.waits_for("records"));
  Consumer consumer = all.consumer("c");
  const Delivery first = consumer.next(6).value();
  ASSERT_EQ(first.origins.size(), 1U);
  EXPECT_THAT(numbers(first), ElementsAre(1, 2, 3, 4, 5, 6));
  const Delivery second = consumer.next(2).value();
  ASSERT_EQ(second.origins.size(), 1U);
  EXPECT_NE(second.origins[0].origin, first.origins[0].origin);
  EXPECT_EQ(second.upto.last.size(), 2U);
  EXPECT_THAT(numbers(consumer.next().value()), ElementsAre(3, 4, 5, 6));
}

TEST_F(Consumers, TellAnEdgeWhatWasTrimmedBeforeTheyCame) {
  Hub hub = open_hub();
  Node node = open_node();
  append(open(node), 1, 5);
  node.link(to_hub()).value();
  node.flush(20s).value();
  Delivery delivery = open(node).consumer("c").next().value();
  for (int i = 6; delivery.empty() || delivery.origins[0].trimmed == 0;
       ++i) {  // what is stable goes with a later commit
    ASSERT_LT(i, 1'000);
    append(open(node), i, i);
    node.flush(20s).value();
    delivery = open(node).consumer("c").next().value();
  }
  ASSERT_EQ(delivery.origins.size(), 1U);
  EXPECT_EQ(delivery.origins[0].trimmed + delivery.origins[0].records.size(), delivery.upto.last.at(node.id()));
}

TEST_F(Consumers, RefuseNamesAndCursorsThatAreNone) {
  Node node = open_node();
  Stream stream = open(node);
  for (const std::string& name : {std::string(), std::string("a/b"), std::string(65, 'x'), std::string("a\nb")}) {
    EXPECT_TRUE(stream.consumer(name).next().error().is(Errc::invalid_argument)) << name;
    EXPECT_TRUE(stream.consumer(name).commit({}).error().is(Errc::invalid_argument)) << name;
    EXPECT_TRUE(stream.consumer(name).seek({}).error().is(Errc::invalid_argument)) << name;
  }
  const std::string id = to_string(node.id());
  EXPECT_EQ(parse_cursor("").value(), Cursor{});
  EXPECT_EQ(to_string(parse_cursor(id + ":7").value()), id + ":7");
  const std::vector<std::string> none = {id,
                                         id + ":",
                                         id + ":x",
                                         id + ":1,",
                                         ":1",
                                         id + ":1," + id + ":2",
                                         id + ":-1",
                                         id + ":9223372036854775808",
                                         "0" + id + ":1",
                                         id + ":1 "};
  for (const std::string& text : none) EXPECT_TRUE(parse_cursor(text).error().is(Errc::invalid_argument)) << text;
}

/// Against a model: whatever is read, committed, sought and restarted, nothing is given twice after its commit or left
/// out.
TEST_F(Consumers, GiveEverythingOncePerCommit) {
  Xoshiro random{11};
  std::int64_t last = 0, place = 0, committed = 0;
  std::optional<Node> node = open_node();
  Consumer consumer = open(*node).consumer("c");
  Cursor upto;
  for (int step = 0; step < 400; ++step) {
    const std::uint64_t dice = random.below(10);
    if (dice < 3) {
      const auto more = static_cast<std::int64_t>(1 + random.below(20));
      append(open(*node), last + 1, last + more);
      last += more;
    } else if (dice < 7) {
      const Delivery delivery = consumer.next(1 + random.below(15)).value();
      for (const std::int64_t n : numbers(delivery)) ASSERT_EQ(n, ++place) << step;
      ASSERT_EQ(delivery.empty(), place == last && numbers(delivery).empty());
      upto = delivery.upto;
    } else if (dice < 9) {
      consumer.commit(upto).value();
      committed = upto.last.empty() ? 0 : static_cast<std::int64_t>(upto.last.at(node->id()));
    } else {
      if (random.one_in(2)) node.reset(), node = open_node();
      consumer = open(*node).consumer("c");
      place = committed;
      upto = consumer.committed().value();
    }
  }
  EXPECT_GT(committed, 100);
}

}  // namespace
}  // namespace edgesync
