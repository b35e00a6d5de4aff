// SPDX-License-Identifier: Apache-2.0
// Hostile bodies: whatever the bytes, decoding ends in messages or a typed error, at a bounded cost.
#include "unit/wire/allocation.hpp"
#include "unit/wire/generate.hpp"
#include "unit/wire/support.hpp"

#include <gtest/gtest.h>

namespace edgesync::wire {
namespace {

using namespace testing;

// What decode() says, having checked that it is one of the two codes it may say, or messages that are told on as they
// were read.
std::error_code checked_error(Codec& codec, ByteView frame) {
  const auto decoded = codec.decode(frame);
  if (decoded) {
    const auto again = codec.decode(codec.encode(*decoded));
    EXPECT_TRUE(again && *again == *decoded) << to_hex(frame);
    return {};
  }
  EXPECT_TRUE(decoded.error().is(Errc::protocol_violation) || decoded.error().is(Errc::limit_exceeded))
      << decoded.error().detail;
  EXPECT_FALSE(decoded.error().detail.empty());
  return decoded.error().code;
}

Bytes repeated(std::string_view prefix, std::string_view piece, std::size_t times) {
  Bytes frame = hex(prefix);
  const Bytes bytes = hex(piece);
  for (std::size_t i = 0; i < times; ++i) frame.insert(frame.end(), bytes.begin(), bytes.end());
  return frame;
}

TEST(Hostile, EveryTruncationOfAMessageIsAViolation) {
  Codec codec;
  for (std::size_t kind = 0; kind < std::variant_size_v<Message>; ++kind)
    for (std::uint64_t seed = 0; seed < 8; ++seed) {
      Xoshiro random(seed);
      const Message message = random_message(random, kind);
      const Bytes frame = codec.encode({&message, 1});
      for (std::size_t size = 2; size < frame.size(); ++size)
        ASSERT_EQ(checked_error(codec, ByteView(frame).first(size)), Errc::protocol_violation)
            << "kind " << kind << " seed " << seed << " size " << size;
    }
}

TEST(Hostile, EveryBitFlipGivesMessagesOrATypedError) {
  Codec codec;
  for (std::size_t kind = 0; kind < std::variant_size_v<Message>; ++kind)
    for (std::uint64_t seed = 100; seed < 108; ++seed) {
      Xoshiro random(seed);
      const Message message = random_message(random, kind);
      Bytes frame = codec.encode({&message, 1});
      for (std::size_t bit = 0; bit < frame.size() * 8; ++bit) {
        const std::byte mask = std::byte{1} << (bit % 8);
        frame[bit / 8] ^= mask;
        checked_error(codec, frame);
        frame[bit / 8] ^= mask;
      }
    }
}

TEST(Hostile, GarbageGivesMessagesOrATypedErrorQuickly) {
  Codec codec;
  Xoshiro random(7);
  for (int i = 0; i < 200'000; ++i) {
    Bytes frame = random_bytes(random, 48);
    // Most random bytes die at the first value: steer half of them into a known message.
    if (!frame.empty()) frame[0] &= std::byte{1};
    if (frame.size() > 2 && random.one_in(2)) {
      frame[0] = std::byte{0};
      frame[1] = std::byte{0x90} | (frame[1] & std::byte{15});
      frame[2] = static_cast<std::byte>(1 + random.below(15));
    }
    checked_error(codec, frame);
  }
}

TEST(Hostile, MutatedPartsGiveMessagesOrATypedError) {
  Codec codec;
  Xoshiro random(8);
  for (int i = 0; i < 20'000; ++i) {
    const Message part = random_message(random, 4);
    Bytes frame = codec.encode({&part, 1});
    for (std::uint64_t left = 1 + random.below(4); left > 0; --left)
      frame[random.below(frame.size())] = static_cast<std::byte>(random.one_in(2) ? random.next() : 0xff);
    checked_error(codec, frame);
  }
}

TEST(Hostile, DeepNestsAreRefused) {
  Codec codec;
  // In a trailing field: the 16th level is fine, the 17th is not.
  Bytes fine = repeated("00 93 0c 07", "91", 15);
  fine.push_back(std::byte{0xc0});
  EXPECT_EQ(codec.decode(fine).value().size(), 1U);
  Bytes deep = repeated("00 93 0c 07", "91", 16);
  deep.push_back(std::byte{0xc0});
  EXPECT_EQ(checked_error(codec, deep), Errc::limit_exceeded);
  EXPECT_EQ(checked_error(codec, repeated("00 93 0c 07", "91", 500'000)), Errc::limit_exceeded);
  EXPECT_EQ(checked_error(codec, repeated("00 93 0c 07", "81 c0", 500'000)), Errc::limit_exceeded);
  EXPECT_EQ(checked_error(codec, repeated("00", "91", 500'000)), Errc::protocol_violation);
}

TEST(Hostile, HugeHeadersAllocateNothing) {
  Codec codec;
  for (const char* text : {"00 ddffffffff", "00 dfffffffff", "00 dbffffffff", "00 c6ffffffff", "00 c9ffffffff01",
                           "00 dcffff", "00 93 0c 07 ddffffffff", "00 93 0c 07 dfffffffff", "00 93 0c 07 dbffffffff",
                           "00 93 0c 07 c6ffffffff", "00 93 0c 07 c9ffffffff01", "00 9a 01 01 01 ddffffffff",
                           "00 9a 01 01 01 dc8000", "00 930901 c6ffffffff", "00 97 0a 02 c6ffffffff"}) {
    const Bytes frame = hex(text);
    const AllocationCount count;
    const auto error = checked_error(codec, frame);
    EXPECT_LT(count.bytes(), 10'000U) << text;
    EXPECT_TRUE(error == Errc::limit_exceeded || error == Errc::protocol_violation) << text;
  }
}

TEST(Hostile, ManyValuesAndManyMessagesAreRefused) {
  Limits limits;
  limits.values = 1000;
  Codec codec(limits);
  EXPECT_EQ(checked_error(codec, repeated("00", "920c07", 333)), std::error_code{});
  EXPECT_EQ(checked_error(codec, repeated("00", "920c07", 334)), Errc::limit_exceeded);
  EXPECT_EQ(checked_error(codec, repeated("00 dd00000400 63", "c0", 0x3ff)), Errc::limit_exceeded);
  Codec usual;
  EXPECT_EQ(checked_error(usual, repeated("00", "920c07", 87'000)), Errc::limit_exceeded);  // memory of the messages
}

TEST(Hostile, WrongTypesAreNamed) {
  Codec codec;
  struct Case {
    const char* frame;
    const char* detail;
  };
  for (const Case& c : {Case{"00 c0", "not an array"},
                        {"00 90", "empty message"},
                        {"00 91a0", "not a natural number"},
                        {"00 910c", "ping field 0: fields are missing"},
                        {"00 920cff", "ping field 1: not a natural number"},
                        {"00 93060100 9306c207", "message 2: cut field 1: not a natural number"},
                        {"00 930601cf0000000100000000", "cut field 2: number out of range"},
                        {"00 95050101 01 c400", "delta part field 3: not a boolean"},
                        {"00 95050101 c3 a0", "delta part field 4: not binary"},
                        {"00 950b01 c40f000000000000000000000000000000 01 c400", "stream ack field 2: not a replica"},
                        {"00 930901 c40101", "stable field 2: not a context"},
                        {"00 930901 c40200 00", "stable field 2: not a context"},
                        {"00 96020100a0c40100c400", "plane 0"},
                        {"00 940e00a000", "error code 0"},
                        {"00 940e01c40000", "bye field 2: not a text"},
                        {"00 940e01a0ff", "bye field 3: not a natural number"},
                        {"00 950f0105 c40100 c407 01 0027 00000000", "findings field 4: not a list of ranges"},
                        {"00 931705 c406 01 0027 000000", "not a list of ranges"},
                        {"00 c1", "not msgpack"}}) {
    const auto decoded = codec.decode(hex(c.frame));
    ASSERT_FALSE(decoded) << c.frame;
    EXPECT_TRUE(decoded.error().is(Errc::protocol_violation)) << c.frame;
    EXPECT_NE(decoded.error().detail.find(c.detail), std::string::npos) << c.frame << ": " << decoded.error().detail;
  }
}

TEST(Hostile, LongTextsAndWideContextsAreRefused) {
  Limits limits;
  limits.text_bytes = 10;
  limits.origins = 2;
  Codec codec(limits);
  const auto error = [&](const Message& message) { return checked_error(codec, codec.encode({&message, 1})); };
  EXPECT_EQ(error(Bye{Errc::closed, std::string(10, 'x'), {}}), std::error_code{});
  EXPECT_EQ(error(Bye{Errc::closed, std::string(11, 'x'), {}}), Errc::limit_exceeded);
  crdt::Context wide = context({{replica(1), 1}, {replica(2), 1}});
  EXPECT_EQ(error(Stable{1, wide}), std::error_code{});
  wide.advance({replica(3), 1});
  EXPECT_EQ(error(Stable{1, wide}), Errc::limit_exceeded);
  EXPECT_EQ(error(DeltaPart{1, 1, true, {{}, wide, false, {}, {}, {}}}), Errc::limit_exceeded);
}

TEST(Hostile, ADecodeCostsNoMoreThanItsAllocationLimit) {
  Limits limits;
  limits.allocation = 100'000;
  Codec codec(limits);
  // Each key shares all of a long one before it and adds a byte: eight bytes on the wire, four thousand in memory.
  crdt::Delta delta;
  Bytes key(4000, std::byte{'k'});
  for (int i = 0; i < 90; ++i) {
    key.push_back(std::byte{1});
    delta.keys.push_back({key, {}});
  }
  const Message message = DeltaPart{1, 1, false, delta};
  const Bytes frame = codec.encode({&message, 1});
  ASSERT_LT(frame.size(), 5'000U);
  const AllocationCount count;
  EXPECT_EQ(checked_error(codec, frame), Errc::limit_exceeded);
  EXPECT_LT(count.bytes(), limits.allocation + 20'000);
}

}  // namespace
}  // namespace edgesync::wire
