// SPDX-License-Identifier: Apache-2.0
#include "transport/ed25519.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace edgesync::transport {
namespace {

config::PublicKey key_of(std::string_view hex) { return config::parse_key_id(hex).value(); }

config::SignatureBytes signature_of(std::string_view hex) {
  config::SignatureBytes bytes{};
  const Bytes parsed = from_hex(hex).value();
  std::copy(parsed.begin(), parsed.end(), bytes.begin());
  return bytes;
}

// RFC 8032, section 7.1, tests 1 and 3.
TEST(Ed25519, AgreesWithTheStandard) {
  EXPECT_TRUE(ed25519().verify(
      key_of("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"), {},
      signature_of("e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
                   "d25bf5f0595bbe24655141438e7a100b")));
  EXPECT_TRUE(ed25519().verify(
      key_of("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025"), from_hex("af82").value(),
      signature_of("6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659"
                   "4a7c15e9716ed28dc027beceea1ec40a")));
}

// The same signature with S + L: right by the equation, refused by its form.
TEST(Ed25519, RefusesASecondFormOfASignature) {
  const auto key = SecretKey::generate().value();
  config::SignatureBytes signature = key.sign(as_view("message")).value();
  ASSERT_TRUE(ed25519().verify(key.public_key(), as_view("message"), signature));
  const Bytes order = from_hex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010").value();
  unsigned carry = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    carry += std::to_integer<unsigned>(signature[32 + i]) + std::to_integer<unsigned>(order[i]);
    signature[32 + i] = static_cast<std::byte>(carry & 0xff);
    carry >>= 8;
  }
  EXPECT_FALSE(ed25519().verify(key.public_key(), as_view("message"), signature));
}

TEST(Ed25519, RefusesEveryAlteredBit) {
  const auto key = SecretKey::generate().value();
  const config::SignatureBytes signature = key.sign(as_view("message")).value();
  for (std::size_t bit = 0; bit < signature.size() * 8; ++bit) {
    config::SignatureBytes altered = signature;
    altered[bit / 8] ^= static_cast<std::byte>(1u << bit % 8);
    EXPECT_FALSE(ed25519().verify(key.public_key(), as_view("message"), altered)) << bit;
  }
  EXPECT_FALSE(ed25519().verify(key.public_key(), as_view("massage"), signature));
  EXPECT_FALSE(ed25519().verify(SecretKey::generate().value().public_key(), as_view("message"), signature));
}

TEST(Ed25519, KeepsAKeyAsPem) {
  const auto key = SecretKey::generate().value();
  const std::string pem = key.pem().value();
  EXPECT_TRUE(pem.starts_with("-----BEGIN PRIVATE KEY-----")) << "as openssl genpkey writes it";
  EXPECT_EQ(SecretKey::from_pem(pem).value().public_key(), key.public_key());
  EXPECT_TRUE(SecretKey::from_pem("").error().is(Errc::invalid_argument));
  EXPECT_TRUE(SecretKey::from_pem(pem.substr(0, pem.size() / 2)).error().is(Errc::invalid_argument));
}

}  // namespace
}  // namespace edgesync::transport
