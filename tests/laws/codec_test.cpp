// SPDX-License-Identifier: Apache-2.0
// One value has one encoding: decoding is the inverse of encoding, and bytes that decode at all are the bytes that
// their value encodes to.
#include "base/random.hpp"
#include "crdt/dot.hpp"
#include "crdt/transaction.hpp"
#include "crdt/value_codec.hpp"

#include <gtest/gtest.h>

#include <bit>

namespace edgesync::laws {
namespace {

Bytes random_bytes(Xoshiro& random, std::size_t size_max) {
  Bytes bytes(random.below(size_max + 1));
  for (std::byte& each : bytes) each = static_cast<std::byte>(random.below(random.one_in(2) ? 8 : 256));
  return bytes;
}

TEST(Codec, BytesThatDecodeToAValueAreItsEncoding) {
  Xoshiro random(1);
  int decoded = 0;
  for (int i = 0; i < 200'000; ++i) {
    const Bytes bytes = random_bytes(random, 12);
    const auto value = crdt::decode_value(bytes);
    if (!value) continue;
    ++decoded;
    ASSERT_EQ(to_hex(crdt::encode_value(*value)), to_hex(bytes));
  }
  EXPECT_GT(decoded, 20'000);
}

TEST(Codec, ContextsThatDecodeAreTheirEncoding) {
  Xoshiro random(2);
  int decoded = 0;
  for (int i = 0; i < 50'000; ++i) {
    Bytes bytes{static_cast<std::byte>(random.below(3))};
    for (std::size_t left = std::to_integer<std::size_t>(bytes[0]) * 17; left > 0; --left)
      bytes.push_back(static_cast<std::byte>(random.below(3)));
    Reader in(bytes);
    const crdt::Context context = crdt::Context::decode(in);
    if (!in.done()) continue;
    ++decoded;
    Bytes again;
    Writer out(again);
    context.encode(out);
    ASSERT_EQ(to_hex(again), to_hex(bytes));
  }
  EXPECT_GT(decoded, 10'000);
}

TEST(Codec, CounterPartsComeBack) {
  Xoshiro random(3);
  for (int i = 0; i < 10'000; ++i) {
    const crdt::CounterPart part{random.next() >> random.below(64), random.next() >> random.below(64),
                                 std::bit_cast<std::int64_t>(random.next())};
    ASSERT_EQ(crdt::counter_part({crdt::Entry{{}, 0, crdt::encode(part)}}), part);
  }
}

}  // namespace
}  // namespace edgesync::laws
