// SPDX-License-Identifier: Apache-2.0
#include "base/hash.hpp"

#include <gtest/gtest.h>

namespace edgesync {
namespace {

Bytes counting(std::size_t size) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i);
  return bytes;
}

// The first rows of vectors_sip128 in the authors' reference implementation: key 00..0f, message 00..n-1. The reference
// prints little-endian bytes; the lanes here are the same words as integers.
TEST(SipHash, MatchesTheReferenceVectors) {
  const Hash128 key{0x0706050403020100U, 0x0f0e0d0c0b0a0908U};
  EXPECT_EQ(siphash(key, {}), (Hash128{0xe6a825ba047f81a3U, 0x930255c71472f66dU}));
  EXPECT_EQ(siphash(key, counting(1)), (Hash128{0x44af996bd8c187daU, 0x45fc229b11597634U}));
}

TEST(SipHash, PiecesHashAsOneRun) {
  const Hash128 key{1, 2};
  const Bytes bytes = counting(61);
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    SipHash hash(key);
    hash.add(ByteView(bytes).first(cut));
    hash.add(ByteView(bytes).subspan(cut));
    EXPECT_EQ(hash.finish(), siphash(key, bytes)) << cut;
  }
}

TEST(Hash128, IsSixteenBytesHighEndFirst) {
  const Hash128 hash{0x0102030405060708U, 0x090a0b0c0d0e0f10U};
  EXPECT_EQ(to_hex(to_bytes(hash)), "0102030405060708090a0b0c0d0e0f10");
  EXPECT_EQ(to_hex(hash), to_hex(to_bytes(hash)));
  const Bytes bytes = to_bytes(hash);
  Reader in(bytes);
  EXPECT_EQ(read_hash(in), hash);
  EXPECT_TRUE(in.done());
}

// FIPS 180-4 examples.
TEST(Sha256, MatchesTheStandardsExamples) {
  EXPECT_EQ(to_hex(sha256(as_view(""))), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(to_hex(sha256(as_view("abc"))), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(to_hex(sha256(as_view("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"))),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(to_hex(sha256(as_view(std::string(1'000'000, 'a')))),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

}  // namespace
}  // namespace edgesync
