// SPDX-License-Identifier: Apache-2.0
#include "stream/segment_reader.hpp"

#include "samples.hpp"

#include <gtest/gtest.h>

namespace edgesync::stream {
namespace {

// As many rows of every type as fit a segment: several blocks.
Bytes large_segment(std::uint64_t seed) {
  Sampler sampler(seed);
  SegmentBuilder builder(every_type());
  for (auto row = sampler.row(); builder.accepts(row); row = sampler.row()) builder.add(sampler.time(), row);
  return builder.finish(1000);
}

TEST(SegmentReader, AnyRowsOfAnyColumnAreThoseOfTheWhole) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const Bytes segment = large_segment(seed);
    const auto records = decode(segment).value();
    const auto reader = SegmentReader::open(segment).value();
    ASSERT_EQ(reader.all().end, records.size());
    Xoshiro random(seed);
    std::vector<Timestamp> times;
    ColumnValues values;
    for (int i = 0; i < 50; ++i) {
      const std::size_t begin = random.below(records.size()), size = random.below(records.size() - begin + 1);
      const Rows rows{begin, begin + size};
      ASSERT_TRUE(reader.times(rows, times));
      ASSERT_EQ(times.size(), size);
      const std::size_t column = random.below(every_type().columns.size());
      ASSERT_TRUE(reader.column(column, rows, values));
      ASSERT_EQ(values.nulls.size(), size);
      for (std::size_t row = 0; row < size; ++row) {
        const Record& record = records[begin + row];
        ASSERT_EQ(times[row], record.at);
        ASSERT_EQ(values.null(row), std::holds_alternative<std::monostate>(record.fields[column]));
        const Value field = value_at(every_type().columns[column].type, values, row);
        ASSERT_TRUE(same_bits(field, record.fields[column]));
      }
    }
  }
}

TEST(SegmentReader, KnowsWhatToAggregateWithoutDecoding) {
  SegmentBuilder builder(Schema{{{"x", edgesync::f64}, {"n", edgesync::i64}, {"t", edgesync::text}}});
  for (std::int64_t i = 0; i < 2000; ++i) {
    std::vector<Value> row{static_cast<double>(i % 100) / 4, i - 500, std::string("on")};
    if (i % 4 == 0) row[1] = std::monostate{};
    builder.add(micros(i), row);
  }
  const Bytes segment = builder.finish(1);
  const auto reader = SegmentReader::open(segment).value();

  const auto real = [](double value) { return std::bit_cast<std::uint64_t>(value); };
  EXPECT_EQ(reader.statistics(0), (Statistics{real(0), real(24.75), real(24'750)}));
  EXPECT_EQ(reader.nulls(0), 0U);
  EXPECT_EQ(reader.statistics(1), (Statistics{~std::uint64_t{498}, 1499, 750'000}));
  EXPECT_EQ(reader.nulls(1), 500U);
  EXPECT_FALSE(reader.statistics(2));
  EXPECT_TRUE(decode(segment)) << "which proves them";
}

TEST(SegmentReader, FindsTheRowsOfSequenceNumbers) {
  const Bytes segment = small_segment();  // 7 to 11
  const auto reader = SegmentReader::open(segment).value();
  EXPECT_EQ(reader.rows(1, 100), reader.all());
  EXPECT_EQ(reader.rows(8, 9), (Rows{1, 3}));
  EXPECT_EQ(reader.rows(11, ~0ULL), (Rows{4, 5}));
  EXPECT_EQ(reader.rows(12, 20), Rows{});
  EXPECT_EQ(reader.rows(0, 6), Rows{});
}

TEST(SegmentReader, RefusesWhatDecodeRefuses) {
  const Bytes body = unsealed(small_segment());
  for (std::size_t at = 0; at < body.size(); ++at) {
    for (unsigned flip = 1; flip < 256; flip *= 2) {
      Bytes damaged = body;
      damaged[at] ^= static_cast<std::byte>(flip);
      const Bytes segment = sealed(damaged);
      const auto reader = SegmentReader::open(segment);
      EXPECT_TRUE(reader || !decode(segment));
    }
  }
}

}  // namespace
}  // namespace edgesync::stream
