// SPDX-License-Identifier: Apache-2.0
#include "stream/bits.hpp"
#include "stream/divisor.hpp"
#include "stream/doubles.hpp"
#include "stream/integers.hpp"
#include "stream/statistics.hpp"
#include "stream/texts.hpp"

#include "samples.hpp"

#include <gtest/gtest.h>

namespace edgesync::stream {
namespace {

using Words = std::vector<std::uint64_t>;

constexpr std::uint8_t order_1_constant = 1 | 4, divided = 8;

Words words(const std::vector<std::int64_t>& values) {
  Words out;
  for (const std::int64_t value : values) out.push_back(static_cast<std::uint64_t>(value));
  return out;
}

Bytes encoded(const Words& values) {
  Bytes out;
  encode_integers(values, out);
  Words back(values.size());
  Reader in(out);
  EXPECT_TRUE(decode_integers(in, back));
  EXPECT_TRUE(in.done());
  EXPECT_EQ(back, values);
  return out;
}

std::uint8_t first_byte(const Bytes& bytes) { return std::to_integer<std::uint8_t>(bytes.at(0)); }

Bytes encoded_doubles(const std::vector<double>& values) {
  Words bits, back(values.size());
  for (const double value : values) bits.push_back(std::bit_cast<std::uint64_t>(value));
  Bytes out;
  encode_doubles(bits, out);
  Reader in(out);
  EXPECT_TRUE(decode_doubles(in, back));
  EXPECT_TRUE(in.done());
  EXPECT_EQ(back, bits);
  return out;
}

bool decimal(const std::vector<double>& values) { return first_byte(encoded_doubles(values)) < 0x80; }

std::vector<double> thousand(double (*value)(int)) {
  std::vector<double> values;
  for (int i = 0; i < 1000; ++i) values.push_back(value(i));
  return values;
}

TEST(Bits, EveryWidthComesBack) {
  for (unsigned width = 0; width <= 64; ++width) {
    Xoshiro random(width);
    for (const std::size_t count : {1U, 7U, 64U, 128U}) {
      Words values(count), back(count);
      for (auto& value : values) value = width == 0 ? 0 : random.next() >> (64 - width);
      Bytes out{std::byte{1}};
      pack_bits(values, width, out);
      ASSERT_EQ(out.size(), 1 + packed_bytes(count, width));
      unpack_bits(ByteView(out).subspan(1), width, back);
      ASSERT_EQ(back, values) << width;
    }
  }
}

TEST(Divisor, DividesWhatItDividesAndNothingElse) {
  Xoshiro random(1);
  for (int i = 0; i < 20'000; ++i) {
    const std::uint64_t value = 1 + (random.next() >> random.below(64)) / 2;
    const std::uint64_t magnitude = random.next() >> random.below(64);
    const Divisor divisor(value);
    ASSERT_EQ(divisor.divides(magnitude), magnitude % value == 0) << magnitude << " by " << value;
    const std::uint64_t multiple = magnitude / 2 / value * value;
    ASSERT_TRUE(divisor.divides(multiple));
    ASSERT_EQ(divisor.quotient(multiple), multiple / value);
    ASSERT_EQ(divisor.quotient(0 - multiple), 0 - multiple / value);
  }
}

TEST(Integers, ARegularClockCostsBytesPerBlock) {
  Words times;
  for (std::uint64_t i = 0; i < block_values; ++i) times.push_back(1'700'000'000'000'000 + i * 60'000'000);
  const Bytes out = encoded(times);
  EXPECT_EQ(first_byte(out), order_1_constant);
  EXPECT_LE(out.size(), 16U);
}

TEST(Integers, ACommonDivisorCostsNoBits) {
  Words times;
  Xoshiro random(1);
  for (std::uint64_t i = 0; i < 1000; ++i) times.push_back(i * 1'000'000 + random.below(4) * 1000);
  const Bytes out = encoded(times);
  EXPECT_NE(first_byte(out) & divided, 0);
  EXPECT_LE(out.size(), 1000 * 3 / 8 + 40);
}

TEST(Integers, OneOutlierDoesNotWidenItsGroup) {
  for (const std::int64_t outlier : {std::numeric_limits<std::int64_t>::max(), std::int64_t{-999'999}}) {
    std::vector<std::int64_t> values;
    for (std::int64_t i = 0; i < 128; ++i) values.push_back(500 + i * 37 % 16);
    values[77] = outlier;
    EXPECT_LE(encoded(words(values)).size(), 128 * 4 / 8 + 40) << outlier;
  }
}

TEST(Integers, ExtremesAndSmallRunsSurvive) {
  const std::int64_t low = std::numeric_limits<std::int64_t>::min(), high = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(encoded({}).size(), 0U);
  EXPECT_LE(encoded({0}).size(), 2U);
  encoded(words({low, high, low, high, 0, -1}));
  encoded(words({low, 0, high, 0, low, 0, high}));
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    Xoshiro random(seed);
    std::vector<std::int64_t> values(1 + random.below(block_values));
    const std::uint64_t shift = random.below(64), rare = 1 + random.below(300), times = 1 + random.below(2000);
    for (auto& value : values)
      value = static_cast<std::int64_t>((random.one_in(rare) ? random.next() : random.next() >> shift) * times);
    encoded(words(values));
  }
}

TEST(Integers, EveryFormRefusesItsTruncations) {
  Words values;
  Xoshiro random(1);
  for (int i = 0; i < 300; ++i) values.push_back(random.one_in(50) ? random.next() : 10 * random.below(900));
  const Bytes out = encoded(values);
  for (std::size_t size = 0; size < out.size(); ++size) {
    Reader in(ByteView(out).first(size));
    EXPECT_FALSE(decode_integers(in, values));
    EXPECT_TRUE(in.failed());
  }
}

TEST(Doubles, ShortDecimalsAreScaledIntegers) {
  EXPECT_TRUE(decimal({21.5, 21.6, -8.9, 888.8, 0.0}));
  EXPECT_TRUE(decimal({0.000001, 3.141592, 1480}));
  EXPECT_LE(encoded_doubles(thousand([](int i) { return 20 + i % 16 / 10.0; })).size(), 1000 * 4 / 8 + 40U);
}

TEST(Doubles, CountsTimesAResolutionAreScaledIntegers) {
  const auto values = thousand([](int i) { return (3 + i % 16) * 0.1; });
  ASSERT_NE(values[0], 0.3);
  EXPECT_LE(encoded_doubles(values).size(), 1000 * 4 / 8 + 40U);
}

TEST(Doubles, FloatsAreScaledIntegers) {
  const auto values = thousand([](int i) { return static_cast<double>(20 + static_cast<float>(i % 16) / 10.0F); });
  ASSERT_NE(values[3], 20.3);
  EXPECT_LE(encoded_doubles(values).size(), 1000 * 4 / 8 + 40U);
}

TEST(Doubles, WhatIsNoDecimalIsListedBesideThem) {
  auto values = thousand([](int i) { return 20 + i % 16 / 10.0; });
  values[0] = values[500] = -0.0;
  values[501] = std::bit_cast<double>(0x7ff8dead0000beefU);
  values[502] = std::bit_cast<double>(0xfff0000000000001U);
  values[503] = -std::numeric_limits<double>::infinity();
  values[999] = 1.0 / 3.0;
  EXPECT_TRUE(decimal(values));
  EXPECT_LE(encoded_doubles(values).size(), 1000 * 4 / 8 + 40U + 6 * 12);
}

TEST(Doubles, MeasurementsWithoutDecimalsAreBits) {
  EXPECT_FALSE(decimal({1.0 / 3.0, 1.0 / 7.0, 2.0 / 3.0}));
  EXPECT_FALSE(decimal({-0.0}));
  EXPECT_FALSE(decimal({std::numeric_limits<double>::quiet_NaN()}));
  EXPECT_FALSE(decimal({std::numeric_limits<double>::denorm_min(), 0.0}));
  Xoshiro random(3);
  std::vector<double> noise(500);
  for (double& value : noise) value = std::bit_cast<double>(random.next());
  EXPECT_LE(encoded_doubles(noise).size(), 500 * 8 + 50U);
}

TEST(Texts, RepeatsBecomeADictionary) {
  for (const std::size_t distinct : {4U, 1000U}) {
    Texts texts;
    for (std::size_t i = 0; i < block_values; ++i) texts.add(as_view("state-" + std::to_string(i % distinct)));
    EXPECT_EQ(texts.repeats(), distinct == 4);
    EXPECT_EQ(texts.size(), block_values);
  }
}

TEST(Statistics, AreExactOrAbsent) {
  const auto low = std::numeric_limits<std::int64_t>::min();
  const auto few = statistics_of(edgesync::i64, words({3, -5, 4}));
  ASSERT_TRUE(few);
  EXPECT_EQ(*few, (Statistics{words({-5})[0], 4, 2}));
  EXPECT_FALSE(statistics_of(edgesync::i64, words({low, low}))->sum) << "it would pass the range";
  EXPECT_FALSE(statistics_of(edgesync::i64, {}));
  EXPECT_FALSE(statistics_of(edgesync::f64, Words{0x7ff8000000000000U}));
  const auto real = [](double value) { return std::bit_cast<std::uint64_t>(value); };
  const Words reals{real(1.5), 0x7ff8000000000000U, real(-2), real(0.25), real(8), real(1)};
  EXPECT_EQ(statistics_of(edgesync::f64, reals), (Statistics{real(-2), real(8), real(8.75), true}));
  const Words lanes{real(1e16), real(1), real(1), real(1), real(-1e16)};
  EXPECT_EQ(statistics_of(edgesync::f64, lanes)->sum, real(3)) << "one after another they would make 0";
  const Words infinite{real(std::numeric_limits<double>::infinity()), real(-std::numeric_limits<double>::infinity())};
  EXPECT_FALSE(statistics_of(edgesync::f64, infinite)->sum);
}

}  // namespace
}  // namespace edgesync::stream
