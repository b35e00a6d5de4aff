// SPDX-License-Identifier: Apache-2.0
#include "config/signature.hpp"

#include "base/text.hpp"

#include <algorithm>

namespace edgesync::config {
namespace {

constexpr std::size_t signature_bytes = 64;

// The y coordinates of all points of small order, as curve25519 has them: a signature under such a key says nothing,
// for it can be made without a secret ("Taming the Many EdDSAs", Chalkias, Garillot, Nikolaenko, 2020).
constexpr std::array<std::string_view, 5> small_order{
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"};

/// The sign of x is no part of y.
PublicKey without_sign(PublicKey key) {
  key.back() &= std::byte{0x7f};
  return key;
}

/// y at or above 2^255 - 19: another encoding of a smaller one.
bool is_canonical(const PublicKey& y) {
  const bool high = y.back() == std::byte{0x7f} &&
                    std::all_of(y.begin() + 1, y.end() - 1, [](std::byte byte) { return byte == std::byte{0xff}; });
  return !high || y.front() < std::byte{0xed};
}

bool is_usable(const PublicKey& key) {
  const PublicKey y = without_sign(key);
  return is_canonical(y) && std::find(small_order.begin(), small_order.end(), key_id(y)) == small_order.end();
}

}  // namespace

std::string key_id(const PublicKey& key) { return to_hex(key); }

Result<PublicKey> parse_key_id(std::string_view id) {
  PublicKey key{};
  const auto bytes = from_hex(id);
  const std::string what = "key \"" + printable(id.substr(0, 80)) + "\": ";
  if (!bytes || bytes->size() != key.size()) return Error(Errc::invalid_argument, what + "not 64 hexadecimal digits");
  std::copy(bytes->begin(), bytes->end(), key.begin());
  if (!is_usable(key)) return Error(Errc::invalid_argument, what + "anybody could sign under it");
  return key;
}

Result<void> check(const KeyGroup& group) {
  if (group.keys.size() > max_signers) return Error(Errc::limit_exceeded, "more than 16 keys in one group");
  if (!std::is_sorted(group.keys.begin(), group.keys.end()) ||
      std::adjacent_find(group.keys.begin(), group.keys.end()) != group.keys.end())
    return Error(Errc::invalid_argument, "keys that are not ascending and distinct");
  if (!std::all_of(group.keys.begin(), group.keys.end(), is_usable))
    return Error(Errc::invalid_argument, "a key under which anybody could sign");
  if (group.threshold > group.keys.size() || (group.threshold == 0 && !group.keys.empty()))
    return Error(Errc::invalid_argument, "a threshold that is not 1 to the number of keys");
  return {};
}

Result<void> check_signed(const KeyGroup& group, ByteView message, const std::vector<Signature>& signatures,
                          const Verifier& verifier, const std::string& what) {
  std::uint32_t good = 0;
  for (const PublicKey& key : group.keys) {
    const std::string id = key_id(key);
    const auto signature =
        std::find_if(signatures.begin(), signatures.end(), [&](const Signature& one) { return one.key_id == id; });
    if (signature == signatures.end()) continue;
    if (!verifier.verify(key, message, signature->bytes))
      return Error(Errc::untrusted, what + ": is not what key " + id.substr(0, 16) + " signed");
    ++good;
  }
  if (good >= group.threshold) return {};
  return Error(Errc::not_signed, what + ": signed by " + std::to_string(good) + " of the " +
                                     std::to_string(group.threshold) + " keys that it needs");
}

Bytes encode_signed(ByteView fields, const std::vector<Signature>& signatures) {
  Bytes document;
  Writer out(document);
  out.blob(fields);
  out.varint(signatures.size());
  for (const Signature& signature : signatures) {
    out.blob(as_view(signature.key_id));
    out.raw(signature.bytes);
  }
  return document;
}

Result<SignedFields> decode_signed(ByteView document, const std::string& what) {
  Reader in(document);
  SignedFields decoded{in.blob(), {}};
  const std::size_t count = in.count(1 + signature_bytes);
  if (in.failed()) return Error(Errc::protocol_violation, what + ": ends early");
  if (count > max_signers) return Error(Errc::limit_exceeded, what + ": more than 16 signatures");
  decoded.signatures.resize(count);
  for (Signature& signature : decoded.signatures) {
    signature.key_id = std::string(as_text(in.blob()));
    const ByteView bytes = in.raw(signature_bytes);
    std::copy(bytes.begin(), bytes.end(), signature.bytes.begin());
    if (signature.key_id.size() > max_key_id_bytes)
      return Error(Errc::limit_exceeded, what + ": key id above 64 bytes");
  }
  if (!in.done()) return Error(Errc::protocol_violation, what + ": signatures");
  return decoded;
}

Error as_malformed(Error broken) {
  if (!broken.is(Errc::limit_exceeded)) broken.code = make_error_code(Errc::protocol_violation);
  return broken;
}

}  // namespace edgesync::config
