// SPDX-License-Identifier: Apache-2.0
// Aggregation and reads of some rows: what they say is what every record, decoded, says.
#include "stream/aggregation.hpp"

#include "base/random.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace edgesync::stream {
namespace {

const Schema schema{
    {{"f", ColumnType::f64}, {"i", ColumnType::i64}, {"b", ColumnType::boolean}, {"t", ColumnType::text}}};

class Aggregations : public testing::Test {
 protected:
  Field real() {
    const double odd[] = {std::nan("3"), -0.0, std::numeric_limits<double>::infinity(), 1e300};
    if (random.one_in(nan_in)) return odd[random.below(random.one_in(50) ? 4 : 2)];
    return 0.25 * static_cast<double>(random.below(1'000));
  }
  Field whole() {
    if (random.one_in(large_in))
      return std::numeric_limits<std::int64_t>::max() - static_cast<std::int64_t>(random.below(9));
    return static_cast<std::int64_t>(random.below(1'000)) - 500;
  }
  /// Segments of the sizes where statistics begin and blocks end.
  void fill() {
    nan_in = 1 + random.below(2'000), large_in = 1 + random.below(3'000), null_in = 2 + random.below(400);
    segments.clear(), records.clear();
    std::uint64_t next = 1;
    std::int64_t now = 1'000;
    for (int count = 0; count < 4; ++count) {
      const std::size_t sizes[] = {1, 127, 128, 1'024, 1'030, 2'100};
      SegmentBuilder builder(schema);
      for (std::size_t rows = sizes[random.below(6)]; rows > 0; --rows) {
        now += random.one_in(30) ? -40 : static_cast<std::int64_t>(random.below(5));
        std::vector<Field> row{real(), whole(), random.one_in(2), std::string("x")};
        for (Field& field : row)
          if (random.one_in(null_in)) field = Field();
        builder.add(Timestamp(std::chrono::microseconds(now)), row);
      }
      const std::size_t rows = builder.size();
      segments.push_back(builder.finish(next));
      next += rows;
      for (Record& record : decode(segments.back()).value()) records.push_back(std::move(record));
    }
  }
  Range range() {
    Range range;
    if (random.one_in(2)) range.first = random.below(records.size()), range.last = random.below(records.size() + 50);
    if (random.one_in(2)) range.from = records[random.below(records.size())].at;
    if (random.one_in(2)) range.to = records[random.below(records.size())].at;
    return range;
  }
  static bool in(const Record& record, const Range& range) {
    return range.first <= record.sequence && record.sequence <= range.last && range.from <= record.at &&
           record.at <= range.to;
  }

  Xoshiro random{3};
  std::uint64_t nan_in = 2, large_in = 2, null_in = 2;
  std::vector<Bytes> segments;
  std::vector<Record> records;
};

double number(const Field& field) {
  if (const auto* value = std::get_if<bool>(&field)) return *value ? 1 : 0;
  if (const auto* value = std::get_if<std::int64_t>(&field)) return static_cast<double>(*value);
  return std::get<double>(field);
}

TEST_F(Aggregations, SayWhatAllRecordsSay) {
  std::size_t empty = 0, large = 0;
  for (int round = 0; round < 120; ++round) {
    fill();
    for (int question = 0; question < 6; ++question) {
      const Range asked = range();
      const std::size_t column = random.below(3);
      const auto& [name, type] = schema.columns[column];
      Aggregation aggregation(type);
      for (const Bytes& segment : segments) aggregation.add(segment, name, asked).value();
      const Aggregate found = aggregation.result();
      std::uint64_t count = 0, values = 0;
      double min = INFINITY, max = -INFINITY, sum = 0, size = 0;
      for (const Record& record : records) {
        if (!in(record, asked)) continue;
        ++count;
        const Field& field = record.fields[column];
        if (std::holds_alternative<std::monostate>(field) || std::isnan(number(field))) continue;
        ++values;
        min = std::min(min, number(field)), max = std::max(max, number(field));
        sum += number(field), size += std::abs(number(field));
      }
      ASSERT_EQ(found.records, count);
      ASSERT_EQ(found.values, values);
      if (values == 0) {
        ++empty;
        EXPECT_TRUE(std::holds_alternative<std::monostate>(found.sum));
        EXPECT_TRUE(std::isnan(found.mean()));
        continue;
      }
      EXPECT_EQ(number(found.min), min);
      EXPECT_EQ(number(found.max), max);
      if (std::isinf(size)) {
        EXPECT_FALSE(std::isfinite(number(found.sum)));
      } else {
        EXPECT_NEAR(number(found.sum), sum, size * 1e-12);
        EXPECT_NEAR(found.mean(), sum / static_cast<double>(values), size * 1e-12);
      }
      large += type == ColumnType::i64 && std::holds_alternative<double>(found.sum);
    }
  }
  EXPECT_GT(empty, 5U);
  EXPECT_GT(large, 5U);
}

TEST_F(Aggregations, OfWholeSegmentsDecodeNothing) {
  fill();
  std::vector<Field> row{1.5, std::int64_t{-7}, true, std::string("x")};
  SegmentBuilder builder(schema);
  for (int i = 0; i < 200; ++i) builder.add(Timestamp{}, row);
  const Bytes segment = builder.finish(1);
  const auto reader = SegmentReader::open(segment).value();
  for (std::size_t column = 0; column < 3; ++column) ASSERT_TRUE(reader.statistics(column));
  EXPECT_FALSE(reader.statistics(0)->some_nan);
  Aggregation aggregation(ColumnType::i64);
  aggregation.add(segment, "i", {}).value();
  EXPECT_EQ(aggregation.result().sum, Value(std::int64_t{-1'400}));
  row[0] = std::nan("");
  for (int i = 0; i < 200; ++i) builder.add(Timestamp{}, i == 7 ? row : std::vector<Field>{1.5, {}, {}, {}});
  const Bytes with_nan = builder.finish(1);
  EXPECT_TRUE(SegmentReader::open(with_nan).value().statistics(0)->some_nan);
  Aggregation reals(ColumnType::f64);
  reals.add(with_nan, "f", {}).value();
  EXPECT_EQ(reals.result().values, 199U);
  EXPECT_EQ(reals.result().mean(), 1.5);
}

TEST_F(Aggregations, AndReadsOfSomeRowsAreOfTheSameOnes) {
  for (int round = 0; round < 60; ++round) {
    fill();
    const Range asked = range();
    const std::optional<std::size_t> columns[] = {2, std::nullopt, 0};
    std::vector<Record> found, wanted;
    for (const Bytes& segment : segments) {
      const auto reader = SegmentReader::open(segment).value();
      for (Record& record : read_rows(reader, rows_within(reader, asked).value(), columns).value())
        found.push_back(std::move(record));
    }
    for (const Record& record : records)
      if (in(record, asked)) wanted.push_back(record);
    ASSERT_EQ(found.size(), wanted.size());
    for (std::size_t i = 0; i < found.size(); ++i) {
      EXPECT_EQ(found[i].sequence, wanted[i].sequence);
      EXPECT_EQ(found[i].at, wanted[i].at);
      ASSERT_EQ(found[i].fields.size(), 3U);
      EXPECT_EQ(to_json(found[i].fields[0]), to_json(wanted[i].fields[2]));
      EXPECT_TRUE(std::holds_alternative<std::monostate>(found[i].fields[1]));
      EXPECT_EQ(to_json(found[i].fields[2]), to_json(wanted[i].fields[0]));
    }
  }
}

}  // namespace
}  // namespace edgesync::stream
