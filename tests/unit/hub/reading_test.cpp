// SPDX-License-Identifier: Apache-2.0
// Reading a stream: by time, some columns of it, and what a column comes to.
#include "fleet.hpp"

#include <gmock/gmock.h>

namespace edgesync {
namespace {

using testing::ElementsAre;

class Reading : public Fleet {
 protected:
  static Stream open(Node& node) {
    return node.stream("t", {.columns = {{"celsius", f64}, {"state", text}, {"count", i64}}});
  }
  static Timestamp minute(int at) { return Timestamp(std::chrono::minutes(at)); }
  static void append(Stream stream, int first, int last) {
    std::vector<Record> records;
    for (int i = first; i <= last; ++i)
      records.push_back({0, minute(i), {20.0 + i, std::string(i % 2 == 0 ? "even" : "odd"), Value(std::int64_t{i})}});
    stream.append(records).value();
  }
};

TEST_F(Reading, TakesATimeAndColumns) {
  Node node = open_node();
  Stream stream = open(node);
  append(stream, 1, 300);
  append(stream, 301, 310);
  const Range hour{.from = minute(299), .to = minute(302)};
  const std::vector<std::string> columns{"count", "state"};
  const auto read = stream.read(node.id(), hour, columns).value();
  std::vector<std::string> rows;
  for (const Record& record : read.records)
    rows.push_back(std::to_string(record.sequence) + to_json(record.fields.at(0)) + to_json(record.fields.at(1)));
  EXPECT_THAT(rows, ElementsAre("299299\"odd\"", "300300\"even\"", "301301\"odd\"", "302302\"even\""));
  EXPECT_EQ(stream.read(node.id(), {.first = 5, .last = 7}, columns).value().records.size(), 3U);
  EXPECT_EQ(stream.read(node.id(), {.first = 5}, columns, 2).value().records.back().sequence, 6U);
  EXPECT_TRUE(stream.read(node.id(), {}, columns, 0).value().records.empty());
  EXPECT_TRUE(stream.read(node.id(), {.first = 400}, columns).value().records.empty());
  const std::vector<std::string> none{"humidity"};
  EXPECT_TRUE(stream.read(node.id(), {}, none).error().is(Errc::not_found));
}

TEST_F(Reading, SaysWhatAColumnComesToOverAllOrigins) {
  Hub hub = open_hub();
  for (const char* name : {"a", "b"}) {
    Node node = open_node(name);
    append(open(node), 1, 200);
    node.link(to_hub()).value();
    node.flush(20s).value();
  }
  Stream stream = open(hub);
  const Aggregate all = stream.aggregate("celsius").value();
  EXPECT_EQ(all.records, 400U);
  EXPECT_EQ(all.values, 400U);
  EXPECT_EQ(all.min, Value(21.0));
  EXPECT_EQ(all.max, Value(220.0));
  EXPECT_EQ(all.mean(), 120.5);
  const auto one = stream.origins().value().front().first;
  const Aggregate some = stream.aggregate(one, "count", {.from = minute(10), .to = minute(12)}).value();
  EXPECT_EQ(some.records, 3U);
  EXPECT_EQ(some.sum, Value(std::int64_t{33}));
  EXPECT_TRUE(stream.aggregate("humidity").error().is(Errc::not_found));
  EXPECT_TRUE(stream.aggregate("state").error().is(Errc::type_mismatch));
}

}  // namespace
}  // namespace edgesync
