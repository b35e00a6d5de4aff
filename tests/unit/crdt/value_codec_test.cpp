// SPDX-License-Identifier: Apache-2.0
#include "crdt/value_codec.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

namespace edgesync::crdt {
namespace {

Bytes hex(std::string_view text) { return from_hex(text).value_or(Bytes{}); }

TEST(ValueCodec, WritesTheBytesOfTheFormat) {
  const std::vector<std::pair<Value, std::string>> table{
      {Value(), "00"},
      {Value(false), "01"},
      {Value(true), "02"},
      {Value(std::int64_t{0}), "0300"},
      {Value(std::int64_t{-1}), "0301"},
      {Value(std::int64_t{150}), "03ac02"},
      {Value(INT64_MIN), "03ffffffffffffffffff01"},
      {Value(1.0), "043ff0000000000000"},
      {Value(-0.0), "048000000000000000"},
      {Value(std::string()), "05"},
      {Value("hi"), "056869"},
      {Value(Bytes{std::byte{0}, std::byte{0xff}}), "0600ff"},
      {Value(Json{"[]"}), "075b5d"},
  };
  for (const auto& [value, bytes] : table) {
    EXPECT_EQ(to_hex(encode_value(value)), bytes);
    const auto back = decode_value(hex(bytes));
    ASSERT_TRUE(back) << bytes;
    EXPECT_EQ(back->index(), value.index());
    EXPECT_EQ(to_hex(encode_value(*back)), bytes);
  }
}

TEST(ValueCodec, KeepsNotANumberAsItIs) {
  const double odd = std::bit_cast<double>(std::uint64_t{0x7ff8dead0000beef});
  const auto back = decode_value(encode_value(odd));
  ASSERT_TRUE(back && std::holds_alternative<double>(*back));
  EXPECT_EQ(std::bit_cast<std::uint64_t>(std::get<double>(*back)), 0x7ff8dead0000beefU);
}

TEST(ValueCodec, RefusesWhatIsMalformed) {
  for (std::string_view bytes : {"", "0000", "0100", "02ff", "03", "0380", "038000", "030000", "04", "0400000000000000",
                                 "04000000000000000000", "08", "ff", "03ffffffffffffffffff02"}) {
    const auto value = decode_value(hex(bytes));
    ASSERT_FALSE(value) << bytes;
    EXPECT_TRUE(value.error().is(Errc::protocol_violation));
    EXPECT_THAT(value.error().detail, testing::HasSubstr("value: malformed"));
  }
}

}  // namespace
}  // namespace edgesync::crdt
