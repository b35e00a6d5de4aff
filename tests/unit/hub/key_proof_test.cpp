// SPDX-License-Identifier: Apache-2.0
// What a node proves with its key: nothing that is altered, repeated elsewhere or said by another is believed, and each
// is refused in the same words.
#include "sync/introduction.hpp"
#include "transport/ed25519.hpp"
#include "transport/transport.hpp"

#include <gtest/gtest.h>

namespace edgesync::sync {
namespace {

class KeyProof : public testing::Test {
 protected:
  KeyProof() { sign(hello_, binding_); }

  void sign(wire::Hello& hello, ByteView binding) const {
    hello.key = to_bytes(ByteView(key_.public_key()));
    hello.proof = to_bytes(ByteView(key_.sign(claim_of(binding, hello.replica, hello.name)).value()));
  }
  static Result<std::string> proved(const wire::Hello& hello, ByteView binding) {
    return proved_key(hello, binding, &transport::ed25519());
  }
  void expect_refused(const wire::Hello& hello, ByteView binding) {
    const auto id = proved(hello, binding);
    ASSERT_FALSE(id);
    EXPECT_TRUE(id.error().is(Errc::unauthorized));
    EXPECT_EQ(id.error().detail, "the key was refused");
    ++cases_;
  }
  template <class Bytes>
  void expect_every_flip_refused(wire::Hello& hello, Bytes& bytes, const edgesync::Bytes& binding) {
    for (auto& byte : bytes)
      for (const std::byte bit : {std::byte{1}, std::byte{0x80}}) {
        byte ^= bit;
        expect_refused(hello, binding);
        byte ^= bit;
      }
  }

  const transport::SecretKey key_ = transport::SecretKey::generate().value();
  Bytes binding_ = Bytes(32, std::byte{7});
  wire::Hello hello_{.replica = {{std::byte{1}}}, .name = "site-4/gw-17", .token = "t"};
  std::size_t cases_ = 0;
};

TEST_F(KeyProof, IsOfTheKeyItNames) {
  EXPECT_EQ(proved(hello_, binding_).value(), config::key_id(key_.public_key()));
  EXPECT_EQ(proved(wire::Hello{.name = "gw"}, binding_).value(), "");
}

TEST_F(KeyProof, IsOfNoUseAltered) {
  expect_every_flip_refused(hello_, hello_.proof, binding_);
  expect_every_flip_refused(hello_, hello_.key, binding_);
  expect_every_flip_refused(hello_, hello_.replica.bytes, binding_);
  for (std::byte& byte : binding_) {
    byte ^= std::byte{1};
    expect_refused(hello_, binding_);
    byte ^= std::byte{1};
  }
  EXPECT_GE(cases_, 200U);
}

TEST_F(KeyProof, IsOfNoUseToAnybodyElse) {
  for (const char* name :
       {"", "gw-17", "site-4", "site-4/gw-1", "site-4/gw-170", "site-4/gw-17/", "Site-4/gw-17", "*"}) {
    wire::Hello other = hello_;
    other.name = name;
    expect_refused(other, binding_);
  }
  for (const Bytes& binding : {Bytes{}, Bytes(31, std::byte{7}), Bytes(33, std::byte{7}), Bytes(64, std::byte{7})})
    expect_refused(hello_, binding);
  // A name that continues what a shorter binding would have left out.
  wire::Hello shifted = hello_;
  shifted.name = std::string(1, '\7') + hello_.name;
  expect_refused(shifted, ByteView(binding_).first(31));
  wire::Hello other = hello_;
  other.key = to_bytes(ByteView(transport::SecretKey::generate().value().public_key()));
  expect_refused(other, binding_);
}

TEST_F(KeyProof, OfAKeyUnderWhichAnybodyCanSignIsNone) {
  // The neutral element: S = 0 and R = A verify for every message in some libraries.
  wire::Hello weak = hello_;
  weak.key = Bytes(32);
  weak.key[0] = std::byte{1};
  weak.proof = Bytes(64);
  weak.proof[0] = std::byte{1};
  expect_refused(weak, binding_);
}

TEST_F(KeyProof, HasOneSize) {
  for (const std::size_t size : {0U, 1U, 31U, 33U, 64U}) {
    wire::Hello hello = hello_;
    hello.key.resize(size);
    EXPECT_TRUE(proved(hello, binding_).error().is(Errc::protocol_violation));
  }
  for (const std::size_t size : {0U, 1U, 63U, 65U, 200U}) {
    wire::Hello hello = hello_;
    hello.proof.resize(size);
    EXPECT_TRUE(proved(hello, binding_).error().is(Errc::protocol_violation));
  }
}

TEST_F(KeyProof, IsNotBelievedWhereNothingTellsOneConnectionFromAnother) {
  wire::Hello unbound = hello_;
  sign(unbound, {});
  expect_refused(unbound, {});
}

TEST_F(KeyProof, IsNotBelievedWithoutSomebodyToVerifyIt) {
  EXPECT_TRUE(proved_key(hello_, binding_, nullptr).error().is(Errc::unauthorized));
}

}  // namespace
}  // namespace edgesync::sync
