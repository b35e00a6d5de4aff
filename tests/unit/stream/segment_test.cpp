// SPDX-License-Identifier: Apache-2.0
#include "stream/segment.hpp"

#include "reference.hpp"
#include "samples.hpp"
#include "stream/aggregation.hpp"

#include <gtest/gtest.h>

namespace edgesync::stream {
namespace {

TEST(Segment, GivesBackEveryBitOfEveryType) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    // given rows of every type, with nulls and special values
    Sampler sampler(seed);
    SegmentBuilder builder(every_type());
    std::vector<Record> given(1 + sampler.below(seed % 10 == 0 ? 4000 : seed % 10 == 1 ? 400 : 40));
    for (Record& record : given) {
      record = {0, sampler.time(), sampler.row()};
      if (!builder.accepts(record.fields)) break;
      builder.add(record.at, record.fields);
    }
    given.resize(builder.size());
    // when they are encoded and decoded
    const std::uint64_t first = 1 + sampler.below(1'000'000);
    const Bytes segment = builder.finish(first);
    const auto decoded = decode(segment);
    const auto naive = Reference(segment).records();
    // then nothing differs
    ASSERT_TRUE(decoded) << seed << ": " << decoded.error().detail;
    ASSERT_EQ(decoded->size(), given.size());
    ASSERT_EQ(naive.size(), given.size());
    for (std::size_t i = 0; i < given.size(); ++i) {
      const Record& got = (*decoded)[i];
      ASSERT_EQ(got.sequence, first + i);
      ASSERT_EQ(naive[i].at, given[i].at) << seed;
      ASSERT_EQ(got.at, given[i].at) << "seed " << seed << " row " << i;
      for (std::size_t c = 0; c < got.fields.size(); ++c) {
        ASSERT_TRUE(same_bits(got.fields[c], given[i].fields[c])) << "seed " << seed << " row " << i << " column " << c;
        ASSERT_TRUE(same_bits(naive[i].fields[c], given[i].fields[c])) << seed << ' ' << i << ' ' << c;
      }
    }
  }
}

TEST(Segment, InspectTellsSequencesAndTheWidestTimes) {
  SegmentBuilder builder(Schema{{{"x", edgesync::i64}}});
  const std::vector<Value> row{std::int64_t{1}};
  for (std::int64_t at : {50, -20, 70, 10}) builder.add(micros(at), row);

  const auto info = inspect(builder.finish(100));

  ASSERT_TRUE(info);
  EXPECT_EQ(info->first, 100U);
  EXPECT_EQ(info->last, 103U);
  EXPECT_EQ(info->count, 4U);
  EXPECT_EQ(info->from, micros(-20));
  EXPECT_EQ(info->to, micros(70));
}

TEST(Segment, TheWidestTimesSurvive) {
  SegmentBuilder builder(Schema{{{"x", edgesync::i64}}});
  const std::vector<Value> row{std::int64_t{1}};
  builder.add(Timestamp::max(), row);
  builder.add(Timestamp::min(), row);

  const auto decoded = decode(builder.finish(1));

  ASSERT_TRUE(decoded) << decoded.error().detail;
  EXPECT_EQ((*decoded)[0].at, Timestamp::max());
  EXPECT_EQ((*decoded)[1].at, Timestamp::min());
}

TEST(Segment, RefusesEveryTruncationAndEveryFlippedByte) {
  const Bytes segment = small_segment();
  ASSERT_TRUE(decode(segment));
  for (std::size_t size = 0; size < segment.size(); ++size) {
    EXPECT_FALSE(decode(ByteView(segment).first(size))) << size;
    EXPECT_FALSE(inspect(ByteView(segment).first(size))) << size;
  }
  for (std::size_t at = 0; at < segment.size(); ++at) {
    for (unsigned flip = 1; flip < 256; ++flip) {
      Bytes damaged = segment;
      damaged[at] ^= static_cast<std::byte>(flip);
      const auto decoded = decode(damaged);
      ASSERT_FALSE(decoded) << at;
      EXPECT_TRUE(decoded.error().is(Errc::storage_corrupt));
      EXPECT_FALSE(inspect(damaged));
    }
  }
}

TEST(Segment, SurvivesEveryFlippedByteUnderAGoodChecksum) {
  const Bytes body = unsealed(small_segment());
  std::size_t refused = 0;
  for (std::size_t at = 0; at < body.size(); ++at) {
    for (unsigned flip = 1; flip < 256; ++flip) {
      Bytes damaged = body;
      damaged[at] ^= static_cast<std::byte>(flip);
      const auto decoded = decode(sealed(damaged));
      if (decoded) continue;
      ++refused;
      EXPECT_EQ(decoded.error().detail.rfind("segment: ", 0), 0U) << decoded.error().detail;
    }
  }
  EXPECT_GT(refused, body.size());
}

TEST(Segment, SurvivesRandomBytesUnderAGoodChecksum) {
  for (std::uint64_t seed = 0; seed < 3000; ++seed) {
    Sampler sampler(seed);
    Bytes body = unsealed(small_segment());
    for (std::uint64_t i = 0; i <= sampler.below(6); ++i) {
      body[sampler.below(body.size())] = static_cast<std::byte>(sampler.below(256));
    }
    body.resize(sampler.below(4) == 0 ? sampler.below(body.size()) : body.size());
    const auto decoded = decode(sealed(body));
    EXPECT_TRUE(!decoded || decoded->size() <= max_segment_records);
  }
}

struct Header {
  std::uint64_t first = 1, count = 1;
  std::uint64_t span = 0;
  std::uint64_t columns = 1;
  std::int64_t from = 0;
};

Bytes hostile(const Header& header, std::string_view after) {
  Bytes body;
  Writer writer(body);
  writer.u8(segment_magic);
  writer.u8(segment_version);
  writer.varint(header.first);
  writer.varint(header.count);
  writer.svarint(header.from);
  writer.varint(header.span);
  writer.varint(header.columns);
  writer.raw(as_view(after));
  return sealed(body);
}

TEST(Segment, RefusesHostileCounts) {
  EXPECT_TRUE(decode(hostile({.count = 65'537}, {})).error().is(Errc::limit_exceeded));
  EXPECT_TRUE(decode(hostile({.count = ~0ULL}, {})).error().is(Errc::limit_exceeded));
  EXPECT_TRUE(decode(hostile({.count = 0}, {})).error().is(Errc::protocol_violation));
  EXPECT_TRUE(decode(hostile({.first = 0}, {})).error().is(Errc::protocol_violation));
  EXPECT_TRUE(decode(hostile({.first = ~0ULL, .count = 2}, {})).error().is(Errc::protocol_violation));
  EXPECT_TRUE(decode(hostile({.span = ~0ULL}, {})).error().is(Errc::protocol_violation));
  EXPECT_TRUE(decode(hostile({.columns = 1'000'000'000}, {})).error().is(Errc::protocol_violation));
  EXPECT_TRUE(decode(hostile({.columns = 0}, {})).error().is(Errc::protocol_violation));
}

// One column "x" of a type, and one block of each kind, given as text.
std::string one_column(char type, std::string_view directory, std::string_view times, std::string_view data) {
  std::string out{type, '\1', 'x', static_cast<char>(times.size())};
  return out.append(directory).append(times).append(data);
}

constexpr std::string_view zeros("\4\0", 2);  // integers, all of them 0

TEST(Segment, RefusesTimesThatDifferFromTheHeader) {
  // given one null i64 whose only time is `from` itself
  const std::string after = one_column(2, std::string_view("\1\0\1", 3), zeros, "\2");
  EXPECT_TRUE(decode(hostile({}, after)));
  const auto differs = decode(hostile({.span = 5}, after));
  ASSERT_FALSE(differs);
  EXPECT_EQ(differs.error().detail, "segment: times differ from the header");
}

TEST(Segment, RefusesADirectoryThatItsValuesContradict) {
  // given five i64 that are 0, said to be none null, at least 0, at most 0, 0 in sum
  const auto with = [](char nulls, char least, char sum) {
    const std::string directory{nulls, '\2', '\4', least, sum, '\3'};
    return decode(hostile({.count = 5}, one_column(2, directory, zeros, std::string_view("\0\4\0", 3))));
  };
  EXPECT_TRUE(with(0, 0, 0));
  for (const auto& wrong : {with(1, 0, 0), with(0, 2, 0), with(0, 0, 2)}) {
    ASSERT_FALSE(wrong);
    EXPECT_EQ(wrong.error().detail, "segment: column 'x' differs from its statistics");
  }
}

TEST(Segment, ASmallInputCannotGrowPastTheLimit) {
  // given 64 all-null columns of 65,536 records in some 10 KB
  std::string after, blocks(64, '\2'), lengths(64, '\1');
  for (char c = 0; c < 64; ++c) after += {'\2', '\1', static_cast<char>(c + 40)};
  after += blocks;
  for (int c = 0; c < 64; ++c) after.append("\x80\x80\4\0", 4).append(lengths);
  for (int block = 0; block < 64; ++block) after += zeros;
  for (int c = 0; c < 64; ++c) after += blocks;
  // when decoded, then the limit speaks before any record is made
  EXPECT_TRUE(decode(hostile({.count = 65'536, .columns = 64}, after)).error().is(Errc::limit_exceeded));
}

TEST(Segment, ADictionaryCannotMultiplyPastTheLimit) {
  // given one 64 KiB text that 128 records share, which would be 8 MiB decoded
  Bytes dictionary{std::byte{1}, std::byte{1}};
  Writer(dictionary).blob(as_view(std::string(65'536, 'x')));
  Bytes directory;
  Writer(directory).varint(dictionary.size());
  Writer(directory).u8(3);
  std::string data(as_text(dictionary));
  data.append("\0\4\0", 3);  // no nulls, every index 0
  const std::string after = one_column(4, as_text(directory), zeros, data);

  const auto within = decode(hostile({.count = 60}, after));
  const auto beyond = decode(hostile({.count = 128}, after));

  EXPECT_TRUE(within) << within.error().detail;
  ASSERT_FALSE(beyond);
  EXPECT_EQ(beyond.error().detail, "segment: column 'x'");
  const Bytes segment = hostile({.count = 128}, after);
  const SegmentReader reader = SegmentReader::open(segment).value();
  const std::optional<std::size_t> column = 0;
  EXPECT_TRUE(read_rows(reader, {{0, 60}}, {&column, 1}));
  EXPECT_TRUE(read_rows(reader, {reader.all()}, {&column, 1}).error().is(Errc::limit_exceeded));
}

TEST(Segment, ANewerVersionIsNotCalledDamage) {
  Bytes body = unsealed(small_segment());
  body[1] = std::byte{2};
  EXPECT_TRUE(decode(sealed(body)).error().is(Errc::unsupported));
}

// SEGMENT.md explains these bytes one by one.
TEST(Segment, GoldenBytes) {
  SegmentBuilder builder(
      Schema{{{"temp", edgesync::f64}, {"rpm", edgesync::i64}, {"ok", boolean}, {"state", edgesync::text}}});
  builder.add(micros(1'000'000), std::vector<Value>{21.5, std::int64_t{1480}, true, std::string("run")});
  builder.add(micros(2'000'000), std::vector<Value>{21.6, std::int64_t{1481}, true, std::monostate{}});
  builder.add(micros(3'000'000), std::vector<Value>{21.4, std::int64_t{1483}, false, std::string("run")});

  EXPECT_EQ(to_hex(builder.finish(5)),
            "5301050380897a80897a04010474656d70020372706d03026f6b04057374617465"
            "05000008000006000005060705008089"
            "7a0001000002ac030900000290173400000100"
            "0301010372756e01000100020400"
            "5c0a10a80b9864d3");
}

TEST(SegmentBuilder, IsEmptyAfterFinishAndGivesTheSameBytesAgain) {
  SegmentBuilder builder(every_type());
  const auto fill = [&] {
    Sampler sampler(1);
    for (int i = 0; i < 100; ++i) builder.add(sampler.time(), sampler.row());
    return builder.finish(1);
  };
  const Bytes once = fill();
  EXPECT_EQ(builder.size(), 0U);
  EXPECT_EQ(builder.bytes_estimate(), 0U);
  EXPECT_EQ(fill(), once);
}

TEST(SegmentBuilder, StopsAcceptingAtTheLimits) {
  SegmentBuilder many(Schema{{{"x", boolean}}});
  const std::vector<Value> flag{true};
  while (many.accepts(flag)) many.add({}, flag);
  EXPECT_EQ(many.size(), segment_cut_bytes / 16);
  EXPECT_EQ(decode(many.finish(1)).value().size(), segment_cut_bytes / 16);

  SegmentBuilder large(Schema{{{"x", edgesync::bytes}}});
  const std::vector<Value> blob{Bytes(max_record_bytes - 16, std::byte{1})};
  while (large.accepts(blob)) large.add({}, blob);
  EXPECT_EQ(large.size(), 1U) << "a record above the cut is a segment by itself";
  EXPECT_TRUE(decode(large.finish(1)));
}

TEST(SegmentBuilder, WhateverItEncodesFitsAFrame) {
  Schema schema;
  for (std::size_t i = 0; i < max_columns; ++i)
    schema.columns.push_back({std::string(max_column_name - 2, 'c') + std::to_string(10 + i),
                              std::vector{edgesync::f64, edgesync::i64, edgesync::bytes}[i % 3]});
  Sampler sampler(1);
  const auto noise = [&](std::size_t size) {
    Bytes bytes(size);
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(sampler.below(256));
    return bytes;
  };
  const auto row = [&](std::size_t blob) {
    std::vector<Value> fields;
    for (std::size_t i = 0; i < max_columns; ++i)
      fields.push_back(std::vector<Value>{std::bit_cast<double>(sampler.below(UINT64_MAX)),
                                          static_cast<std::int64_t>(sampler.below(UINT64_MAX)), noise(blob)}[i % 3]);
    return fields;
  };
  const auto largest = row((max_record_bytes - 8 * (1 + max_columns)) / (max_columns / 3));
  ASSERT_TRUE(fits(schema, largest));
  for (const std::size_t blob : {0U, 3U, 1'000U}) {
    SegmentBuilder builder(schema);
    for (auto next = row(blob); builder.accepts(next); next = row(blob)) builder.add(sampler.time(), next);
    EXPECT_LT(builder.finish(1).size(), segment_cut_bytes + segment_cut_bytes / 20 + 8'192) << blob;
  }
  SegmentBuilder builder(schema);
  builder.add({}, largest);
  EXPECT_FALSE(builder.accepts(largest));
  EXPECT_LT(builder.finish(1).size(), encoded_segment_bytes_max);
}

}  // namespace
}  // namespace edgesync::stream
