// SPDX-License-Identifier: Apache-2.0
// Signatures: Ed25519 (RFC 8032) over the signed bytes of a manifest or a root. The arithmetic is somebody else's,
// passed in as a Verifier, so that what is decided here stays pure. A signature counts by the key that made it, never
// by its bytes: m-of-n means m different keys.
#pragma once

#include "base/bytes.hpp"

#include <edgesync/error.hpp>

#include <array>
#include <string>
#include <vector>

namespace edgesync::config {

inline constexpr std::size_t max_signers = 16;  // key ids, signatures, keys of a group
inline constexpr std::size_t max_key_id_bytes = 64;

/// As RFC 8032 encodes it.
using PublicKey = std::array<std::byte, 32>;
using SignatureBytes = std::array<std::byte, 64>;

/// How a key is named in manifests and by people: 64 lower-case hexadecimal digits, the key itself.
std::string key_id(const PublicKey& key);
/// Fails with: invalid_argument, also for a key under which anybody can sign, or that has a second encoding.
Result<PublicKey> parse_key_id(std::string_view id);

/// One signature, carried verbatim.
struct Signature {
  std::string key_id{};
  SignatureBytes bytes{};
  bool operator==(const Signature&) const = default;
};

/// Ed25519 as some library has it.
class Verifier {
 public:
  virtual ~Verifier() = default;
  virtual bool verify(const PublicKey& key, ByteView message, const SignatureBytes& signature) const = 0;
};

/// Any `threshold` of these keys. None of none: anybody, without a signature.
struct KeyGroup {
  std::uint32_t threshold = 0;
  std::vector<PublicKey> keys{};  ///< Ascending, distinct.
  bool operator==(const KeyGroup&) const = default;
};

/// Fails with: invalid_argument (order, a key that must not be used, a threshold that cannot be met), limit_exceeded.
Result<void> check(const KeyGroup& group);

/// Whether enough keys of the group signed. `what` begins the error's detail. Fails with: not_signed; untrusted (a
/// signature under a key of the group is not one: the bytes were altered).
Result<void> check_signed(const KeyGroup& group, ByteView message, const std::vector<Signature>& signatures,
                          const Verifier& verifier, const std::string& what);

/// A document: the bytes that are signed, then who signed them.
Bytes encode_signed(ByteView fields, const std::vector<Signature>& signatures);
struct SignedFields {
  ByteView fields{};  ///< Of the bytes that were given.
  std::vector<Signature> signatures{};
};
/// `what` begins the error's detail. Fails with: protocol_violation, limit_exceeded.
Result<SignedFields> decode_signed(ByteView document, const std::string& what);

/// What is wrong with a document from outside, whoever's rule it breaks: protocol_violation, or limit_exceeded.
Error as_malformed(Error broken);

}  // namespace edgesync::config
