// SPDX-License-Identifier: Apache-2.0
#include "stream/column.hpp"
#include "stream/doubles.hpp"
#include "stream/integers.hpp"

#include "samples.hpp"

#include <gtest/gtest.h>

namespace edgesync::stream {
namespace {

std::size_t encoded_size(const std::vector<std::int64_t>& values) {
  Bytes out;
  encode_integers(values, out);
  std::vector<std::int64_t> back(values.size());
  Reader in(out);
  EXPECT_TRUE(decode_integers(in, back));
  EXPECT_TRUE(in.done());
  EXPECT_EQ(back, values);
  return out.size();
}

std::uint8_t form_of(const std::vector<double>& values) {
  std::vector<std::uint64_t> bits, back(values.size());
  for (double value : values) bits.push_back(std::bit_cast<std::uint64_t>(value));
  Bytes out;
  encode_doubles(bits, out);
  Reader in(out);
  EXPECT_TRUE(decode_doubles(in, back));
  EXPECT_TRUE(in.done());
  EXPECT_EQ(back, bits);
  return std::to_integer<std::uint8_t>(out.at(0));
}

constexpr std::uint8_t raw = 0, xored = 1, decimal = 2;

TEST(Integers, ARegularClockCostsAByteIn128) {
  std::vector<std::int64_t> times;
  for (std::int64_t i = 0; i < 1280; ++i) times.push_back(1'700'000'000'000'000 + i * 60'000'000);
  EXPECT_LE(encoded_size(times), 1U + 10 + 24);
}

TEST(Integers, OneOutlierDoesNotWidenItsBlock) {
  std::vector<std::int64_t> values(128, 5);
  values[77] = std::numeric_limits<std::int64_t>::max();
  EXPECT_LE(encoded_size(values), 40U);
}

TEST(Integers, ExtremesAndSmallRunsSurvive) {
  const std::int64_t low = std::numeric_limits<std::int64_t>::min(), high = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(encoded_size({}), 0U);
  EXPECT_LE(encoded_size({0}), 2U);
  encoded_size({low, high, low, high, 0, -1});
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Xoshiro random(seed);
    std::vector<std::int64_t> values(1 + random.below(400));
    const std::uint64_t shift = random.below(64);
    for (auto& value : values) value = static_cast<std::int64_t>(random.next() >> shift);
    encoded_size(values);
  }
}

TEST(Integers, PackedSizeIsWhatPackWrites) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Xoshiro random(seed);
    std::vector<std::uint64_t> values(1 + random.below(300)), back(values.size());
    for (auto& value : values) value = random.next() >> random.below(65 - seed % 40) % 64;
    Bytes out;
    pack(values, out);
    ASSERT_EQ(out.size(), packed_size(values)) << seed;
    Reader in(out);
    ASSERT_TRUE(unpack(in, back) && in.done()) << seed;
    ASSERT_EQ(back, values) << seed;
  }
}

TEST(Doubles, ShortDecimalsAreScaledIntegers) {
  EXPECT_EQ(form_of({21.5, 21.6, -8.9, 888.8, 0.0}), decimal);
  EXPECT_EQ(form_of({0.000001, 3.141592, 1480}), decimal);
}

TEST(Doubles, WhatIsNoDecimalToTheBitIsNotScaled) {
  EXPECT_NE(form_of({21.5, -0.0}), decimal);
  EXPECT_NE(form_of({21.5, std::numeric_limits<double>::quiet_NaN()}), decimal);
  EXPECT_NE(form_of({21.5, std::numeric_limits<double>::infinity()}), decimal);
  EXPECT_NE(form_of({21.5, 1.0 / 3.0}), decimal);
  EXPECT_NE(form_of({1e-7}), decimal);
  EXPECT_NE(form_of({9007199254740992.0, 0.5}), decimal);
}

TEST(Doubles, RepeatsAreXoredAndNoiseIsRaw) {
  EXPECT_EQ(form_of({1.0 / 3.0, 1.0 / 3.0, 1.0 / 3.0}), xored);
  Xoshiro random(3);
  std::vector<double> noise(50);
  for (double& value : noise) value = std::bit_cast<double>(random.next());
  EXPECT_EQ(form_of(noise), raw);
}

TEST(Texts, RepeatsBecomeADictionaryAndOthersDoNot) {
  const auto size = [](std::size_t distinct) {
    Bytes arena, out;
    std::vector<std::uint64_t> ends;
    for (std::size_t i = 0; i < 256; ++i) {
      const std::string value = "state-" + std::to_string(100 + i % distinct);
      arena.insert(arena.end(), as_view(value).begin(), as_view(value).end());
      ends.push_back(arena.size());
    }
    encode_texts(ends, arena, out);
    return out.size();
  };
  EXPECT_LT(size(4), 256U);
  EXPECT_LT(size(256), 256U * 9 + 16);
}

TEST(Bits, PaddingThatIsNotZeroIsRefused) {
  std::vector<std::uint64_t> bits(3);
  const Bytes good{std::byte{0x05}}, bad{std::byte{0x0d}};
  Reader in_good(good), in_bad(bad);
  EXPECT_TRUE(decode_bits(in_good, bits));
  EXPECT_EQ(bits, (std::vector<std::uint64_t>{1, 0, 1}));
  EXPECT_FALSE(decode_bits(in_bad, bits));
}

}  // namespace
}  // namespace edgesync::stream
