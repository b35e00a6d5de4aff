// SPDX-License-Identifier: Apache-2.0
// The body of a DeltaPart: what the decoder refuses, field by field. Bodies are written by hand.
#include "crdt/hlc.hpp"
#include "unit/wire/support.hpp"

#include <gtest/gtest.h>

namespace edgesync::wire {
namespace {

using namespace testing;

// A table with the two replicas 11... and 22...
const char* const two = "02 11111111111111111111111111111111 22222222222222222222222222222222 ";
const char* const one = "01 11111111111111111111111111111111 ";
const char* const none = "00 ";

std::string zero_summary() { return std::string(34, '0'); }

std::string detail_of(const std::string& packed, bool first) {
  Codec codec;
  const auto decoded = codec.decode(part_frame(hex(packed), first));
  if (decoded) return "";
  EXPECT_TRUE(decoded.error().is(Errc::protocol_violation)) << decoded.error().detail;
  return decoded.error().detail;
}

// What the decoder says to a later part with this table, these keys and removals, and their stamps.
std::string later(const std::string& lists, const std::string& stamps = "", const std::string& table = two) {
  return detail_of("00" + table + "0" + std::to_string(stamps.size() / 2) + stamps + lists, false);
}
std::string head(const std::string& rest) { return detail_of("01" + std::string(two) + rest + zero_summary(), true); }

TEST(PackedDelta, AcceptsTheSmallestParts) {
  EXPECT_EQ(detail_of("00 00 00 00 00", false), "");
  EXPECT_EQ(detail_of("01 00 00 00" + zero_summary() + "00 00 00", true), "");
  EXPECT_EQ(later("01 000001 61 00 00", "", none), "") << "a key without entries";
}

TEST(PackedDelta, RefusesUnknownFlagsAndHeadsInTheWrongPlace) {
  for (const char* flags : {"02", "04", "07", "ff"})
    EXPECT_NE(detail_of(flags + std::string("00 00 00 00"), false).find("flags"), std::string::npos) << flags;
  EXPECT_NE(detail_of("00 00 00 00 00", true).find("head"), std::string::npos);
  EXPECT_NE(detail_of("01 00 00 00" + zero_summary() + "00 00 00", false).find("head"), std::string::npos);
}

TEST(PackedDelta, RefusesBytesLeftOverOrLeftOut) {
  EXPECT_NE(later("00 00 00").find("early or late"), std::string::npos);
  EXPECT_NE(later("00").find("early or late"), std::string::npos);
  EXPECT_NE(later("00 00", "02").find("early or late"), std::string::npos) << "a stamp too many";
  EXPECT_NE(detail_of("", false).find("early or late"), std::string::npos);
}

TEST(PackedDelta, RefusesReplicasOutOfOrderOrTwiceOrMissing) {
  const std::string first = "11111111111111111111111111111111", other = "22222222222222222222222222222222";
  EXPECT_NE(detail_of("00 02" + other + first + "00 00 00", false).find("replicas do not ascend"), std::string::npos);
  EXPECT_NE(detail_of("00 02" + first + first + "00 00 00", false).find("replicas do not ascend"), std::string::npos);
  EXPECT_NE(detail_of("00 03" + first + other + "00 00 00", false), "");
  EXPECT_NE(later("01 000001 61 01 08 00 00", "02").find("no such replica"), std::string::npos);
  EXPECT_NE(later("00 01 01 02 000001 61", "02").find("no such replica"), std::string::npos);
}

TEST(PackedDelta, RefusesReplicasThatNothingNames) {
  EXPECT_EQ(later("01 000001 61 01 00 00 00", "02", one), "");
  EXPECT_NE(later("01 000001 61 01 00 00 00", "02", two).find("a replica that nothing names"), std::string::npos);
  EXPECT_NE(detail_of("01" + std::string(one) + "00 00" + zero_summary() + "00 00 00", true).find("nothing names"),
            std::string::npos);
}

TEST(PackedDelta, RefusesContextsOutOfOrderOrWithStampZero) {
  EXPECT_EQ(detail_of("01" + std::string(two) + "02 0002 0104 00" + zero_summary() + "00 00 00", true), "");
  EXPECT_NE(head("02 0102 0002 00").find("context does not ascend"), std::string::npos);
  EXPECT_NE(head("02 0002 0002 00").find("context does not ascend"), std::string::npos);
  EXPECT_NE(head("01 0000 00").find("stamp 0"), std::string::npos);
  EXPECT_NE(head("01 0002 01 0001").find("stamp 0"), std::string::npos) << "a base of upto less its own stamp";
  EXPECT_NE(head("01 0202 00").find("no such replica"), std::string::npos);
}

TEST(PackedDelta, RefusesKeysThatAreEmptyOrDoNotAscend) {
  EXPECT_EQ(later("02 000001 61 00 010001 62 00 00", "", none), "") << "a, ab";
  EXPECT_NE(later("01 000000 00 00 00").find("empty key"), std::string::npos);
  EXPECT_NE(later("02 000001 62 00 000001 61 00 00").find("keys do not ascend"), std::string::npos) << "b, a";
  EXPECT_NE(later("02 000001 61 00 010000 00 00").find("keys do not ascend"), std::string::npos) << "a, a";
  EXPECT_NE(later("02 000002 6162 00 010000 00 00").find("keys do not ascend"), std::string::npos) << "ab, a";
  EXPECT_NE(later("02 000001 61 00 020001 62 00 00").find("shares more"), std::string::npos);
  EXPECT_EQ(later("02 000001 61 00 000101 62 00 00", "", none), "") << "a, ba";
  EXPECT_NE(later("02 000001 61 00 000002 6162 00 00").find("shares less"), std::string::npos) << "at the front";
  EXPECT_NE(later("02 000002 6178 00 000002 6278 00 00").find("shares less"), std::string::npos) << "at the back";
  EXPECT_EQ(later("02 000002 6178 00 000101 62 00 00", "", none), "") << "ax, bx";
  EXPECT_NE(later("02 000001 61 00 010101 62 00 00").find("shares more"), std::string::npos) << "one byte twice";
}

TEST(PackedDelta, RefusesEntriesOutOfOrderOrTwice) {
  EXPECT_EQ(later("01 000001 61 02 01 05 00", "0202"), "") << "11:1, 22:2";
  EXPECT_NE(later("01 000001 61 02 05 01 00", "0202").find("entries do not ascend"), std::string::npos) << "22:1, 11:2";
  EXPECT_NE(later("01 000001 61 02 01 01 00", "0200").find("entries do not ascend"), std::string::npos) << "11:1 twice";
  EXPECT_NE(later("01 000001 61 02 01 01 00", "0401").find("entries do not ascend"), std::string::npos) << "11:2, 11:1";
}

TEST(PackedDelta, RefusesReferencesWithArbitrationAndArbitrationZero) {
  EXPECT_NE(later("01 000001 61 01 03 00", "0202").find("reference with arbitration"), std::string::npos);
  EXPECT_NE(later("01 000001 61 01 02 00 00", "0201").find("stamp 0"), std::string::npos);
}

TEST(PackedDelta, RefusesStampsLaterThanTheYear2200) {
  const auto part = [](crdt::Stamp stamp) {
    return DeltaPart{1, 1, false, {{}, {}, false, {{to_bytes("k"), {{{{replica(1), stamp}, 0, {}}, true}}}}, {}, {}}};
  };
  const auto accepted = [](const Message& message) {
    Codec codec;
    return codec.decode(codec.encode({&message, 1})).has_value();
  };
  const crdt::Stamp last = crdt::Hlc::at(Timestamp::max());  // what a clock at the end of all times mints
  EXPECT_TRUE(accepted(part(last + 1'000'000)));
  const crdt::Stamp year = std::uint64_t{366} * 86'400'000 << 20;
  EXPECT_FALSE(accepted(part(last + year)));
  EXPECT_FALSE(accepted(part(~std::uint64_t{0})));
  EXPECT_FALSE(accepted(DeltaPart{1, 1, true, {{}, context({{replica(1), last + year}}), false, {}, {}, {}}}));
}

TEST(PackedDelta, RefusesRemovalsOutOfOrderOrOfUnknownType) {
  EXPECT_EQ(later("00 02 01 00 000001 61 01 00 000001 62", "0200", one), "") << "one dot, two removals";
  EXPECT_EQ(later("00 02 01 00 000001 61 01 01 000001 62", "0401"), "") << "another replica may be behind";
  EXPECT_NE(later("00 02 01 00 000001 61 01 00 000001 62", "0401").find("removals do not ascend"), std::string::npos);
  EXPECT_NE(later("00 01 00 00 000001 61", "02").find("unknown type"), std::string::npos);
  EXPECT_NE(later("00 01 03 00 000001 61", "02").find("unknown type"), std::string::npos);
  EXPECT_NE(later("00 01 01 00 000000", "02").find("empty key"), std::string::npos);
}

TEST(PackedDelta, RefusesRangesThatEndBeforeTheyBegin) {
  EXPECT_EQ(later("00 01 02 00 0161 0162 00", "02", one), "");
  EXPECT_EQ(later("00 01 02 00 00 00 00", "02", one), "") << "the whole scope";
  EXPECT_NE(later("00 01 02 00 0162 0161 00", "02").find("range"), std::string::npos);
  EXPECT_NE(later("00 01 02 00 0161 0161 00", "02").find("range"), std::string::npos);
}

TEST(PackedDelta, RefusesCountsThatTheBytesLeftCannotHold) {
  for (const char* rest :
       {"ffffffff0f 00 00", "00 ffffffff0f 00", "01 000001 61 ffffffff0f 00", "01 0000ffffffff0f 61 00"})
    EXPECT_NE(later(rest), "") << rest;
  EXPECT_NE(detail_of("00 ffffffff0f", false), "");
  EXPECT_NE(head("ffffffff0f 00"), "");
}

TEST(PackedDelta, RefusesPaddedVarints) { EXPECT_NE(later("8000 00"), ""); }

TEST(PackedDelta, RefusesKeysBeyondTheirLimit) {
  Codec codec;
  for (const std::size_t size : {4096U, 4097U}) {
    const Message key = DeltaPart{1, 1, false, {{}, {}, false, {{Bytes(size, std::byte{1}), {}}}, {}, {}}};
    EXPECT_EQ(codec.decode(codec.encode({&key, 1})).has_value(), size == 4096);
    const crdt::LogItem removal{{replica(1), 1}, crdt::LogItem::Type::remove_range, {}, {Bytes(size), {}}, {}};
    const Message range = DeltaPart{1, 1, false, {{}, {}, false, {}, {removal}, {}}};
    EXPECT_EQ(codec.decode(codec.encode({&range, 1})).has_value(), size == 4096);
  }
}

TEST(PackedDelta, KeepsCellKindsItDoesNotKnow) {
  Codec codec;
  const crdt::Entry entry{{replica(1), noon}, 0, hex("f00dface")};
  const Message message = DeltaPart{1, 1, false, {{}, {}, false, {{hex("61 00 7f ff"), {{entry, false}}}}, {}, {}}};
  EXPECT_EQ(codec.decode(codec.encode({&message, 1})).value().front(), message);
}

}  // namespace
}  // namespace edgesync::wire
