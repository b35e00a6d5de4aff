// SPDX-License-Identifier: Apache-2.0
#include "base/bytes.hpp"

#include "base/random.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

namespace edgesync {
namespace {

Bytes encoded(std::uint64_t value) {
  Bytes bytes;
  Writer(bytes).varint(value);
  return bytes;
}

Bytes from(std::initializer_list<unsigned> list) {
  Bytes bytes;
  for (unsigned each : list) bytes.push_back(static_cast<std::byte>(each));
  return bytes;
}

TEST(Varint, ComesBackAtEveryLength) {
  for (unsigned bit = 0; bit < 64; ++bit) {
    for (std::uint64_t value : {(std::uint64_t{1} << bit) - 1, std::uint64_t{1} << bit, ~std::uint64_t{0} >> bit}) {
      const Bytes bytes = encoded(value);
      EXPECT_EQ(bytes.size(), std::max<std::size_t>(1, (std::bit_width(value) + 6U) / 7U));
      Reader in(bytes);
      EXPECT_EQ(in.varint(), value);
      EXPECT_TRUE(in.done());
    }
  }
}

TEST(Varint, RefusesTruncationAtEveryLength) {
  const Bytes bytes = encoded(UINT64_MAX);
  ASSERT_EQ(bytes.size(), 10U);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    Reader in(ByteView(bytes).first(size));
    EXPECT_EQ(in.varint(), 0U);
    EXPECT_TRUE(in.failed()) << size;
  }
}

TEST(Varint, RefusesPaddingAndMoreThan64Bits) {
  for (const Bytes& bytes : {from({0x80, 0x00}), from({0xff, 0x80, 0x00}),
                             from({0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02}),
                             from({0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x81, 0x00})}) {
    Reader in(bytes);
    EXPECT_EQ(in.varint(), 0U);
    EXPECT_TRUE(in.failed()) << to_hex(bytes);
  }
}

TEST(Zigzag, KeepsSmallMagnitudesSmallAndComesBack) {
  EXPECT_EQ(zigzag(0), 0U);
  EXPECT_EQ(zigzag(-1), 1U);
  EXPECT_EQ(zigzag(1), 2U);
  EXPECT_EQ(zigzag(INT64_MIN), UINT64_MAX);
  for (std::int64_t value : {std::int64_t{0}, std::int64_t{-1}, std::int64_t{77}, INT64_MIN, INT64_MAX})
    EXPECT_EQ(unzigzag(zigzag(value)), value);
}

Bytes one_of_each() {
  Bytes bytes;
  Writer out(bytes);
  out.u8(7);
  out.u64(0x0102030405060708U);
  out.varint(300);
  out.svarint(-5);
  out.f64(-0.0);
  out.blob(as_view("text"));
  out.id({{std::byte{9}}});
  return bytes;
}

bool read_one_of_each(Reader& in) {
  bool good = in.u8() == 7;
  good &= in.u64() == 0x0102030405060708U;
  good &= in.varint() == 300;
  good &= in.svarint() == -5;
  good &= std::signbit(in.f64());
  good &= as_text(in.blob()) == "text";
  return (in.id() == ReplicaId{{std::byte{9}}}) && good && in.done();
}

TEST(Reader, TakesWhatTheWriterPut) {
  const Bytes bytes = one_of_each();
  Reader in(bytes);
  EXPECT_TRUE(read_one_of_each(in));
}

TEST(Reader, StaysFailedAfterEveryTruncation) {
  const Bytes bytes = one_of_each();
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    Reader in(ByteView(bytes).first(size));
    EXPECT_FALSE(read_one_of_each(in)) << size;
    EXPECT_TRUE(in.failed());
    EXPECT_EQ(in.left(), 0U);
    EXPECT_EQ(in.u8(), 0U);
    EXPECT_EQ(in.id(), ReplicaId{});
    EXPECT_TRUE(in.blob().empty());
    EXPECT_FALSE(in.done());
  }
}

TEST(Reader, IsNotDoneWithBytesLeft) {
  const Bytes bytes = from({1, 2});
  Reader in(bytes);
  in.u8();
  EXPECT_FALSE(in.done());
  EXPECT_FALSE(in.failed());
}

TEST(Reader, RefusesABlobLongerThanAnyInput) {
  Bytes bytes = encoded(UINT64_MAX);
  bytes.push_back(std::byte{1});
  Reader in(bytes);
  EXPECT_TRUE(in.blob().empty());
  EXPECT_TRUE(in.failed());
}

TEST(Reader, CountsOnlyWhatTheInputCanHold) {
  for (std::size_t items = 0; items <= 4; ++items) {
    Bytes bytes = encoded(items);
    bytes.resize(bytes.size() + 3 * 17 + 16);
    Reader in(bytes);
    EXPECT_EQ(in.count(17), items <= 3 ? items : 0);
    EXPECT_EQ(in.failed(), items > 3);
  }
  const Bytes huge = encoded(UINT64_MAX);
  Reader in(huge);
  EXPECT_EQ(in.count(0), 0U);
  EXPECT_TRUE(in.failed());
}

TEST(Reader, KeepsEveryDoubleBit) {
  for (std::uint64_t bits : {0x7ff8000000000001U, 0xfff0000000000000U, 0x8000000000000000U, std::uint64_t{1}}) {
    Bytes bytes;
    Writer(bytes).f64(std::bit_cast<double>(bits));
    Reader in(bytes);
    EXPECT_EQ(std::bit_cast<std::uint64_t>(in.f64()), bits);
  }
}

TEST(Hex, ComesBackAndTakesBothCases) {
  const Bytes bytes = from({0x00, 0x0f, 0xa5, 0xff});
  EXPECT_EQ(to_hex(bytes), "000fa5ff");
  EXPECT_EQ(from_hex("000fa5ff"), bytes);
  EXPECT_EQ(from_hex("000FA5FF"), bytes);
  EXPECT_EQ(from_hex(""), Bytes{});
  for (std::string_view bad : {"0", "0g", "g0", " 0", "0x"}) EXPECT_FALSE(from_hex(bad)) << bad;
}

TEST(Bytes, CompareAsUnsignedLexicographically) {
  const std::vector<Bytes> ascending{from({}),     from({0}),    from({0, 0}), from({0, 1}),
                                     from({0x7f}), from({0x80}), from({0xff})};
  for (std::size_t i = 0; i < ascending.size(); ++i)
    for (std::size_t k = 0; k < ascending.size(); ++k) {
      EXPECT_EQ(compare(ascending[i], ascending[k]), i <=> k);
      EXPECT_EQ(equal(ascending[i], ascending[k]), i == k);
      EXPECT_EQ(BytesLess{}(ascending[i], ascending[k]), i < k);
    }
}

}  // namespace
}  // namespace edgesync
