// SPDX-License-Identifier: Apache-2.0
// Signers whose signatures are hashes: enough to see what is decided about signatures, without their arithmetic.
#pragma once

#include "base/hash.hpp"
#include "config/root.hpp"

namespace edgesync::config {

/// Signer `n`, from 2.
inline PublicKey public_key(unsigned n) {
  PublicKey key{};
  key.fill(static_cast<std::byte>(n));
  return key;
}

inline SignatureBytes signature_of(const PublicKey& key, ByteView message) {
  Sha256 hash;
  hash.add(key);
  hash.add(message);
  const Sha256Digest digest = hash.finish();
  SignatureBytes bytes{};
  std::copy(digest.begin(), digest.end(), bytes.begin());
  std::copy(digest.begin(), digest.end(), bytes.begin() + digest.size());
  return bytes;
}

class HashVerifier final : public Verifier {
 public:
  bool verify(const PublicKey& key, ByteView message, const SignatureBytes& signature) const override {
    return signature == signature_of(key, message);
  }
};

inline KeyGroup group(std::uint32_t threshold, std::initializer_list<unsigned> signers) {
  KeyGroup made{threshold, {}};
  for (const unsigned n : signers) made.keys.push_back(public_key(n));
  return made;
}

/// A manifest's release, or a root.
template <class Document>
Document signed_by(Document document, std::initializer_list<unsigned> signers) {
  for (const unsigned n : signers)
    document.signatures.push_back({key_id(public_key(n)), signature_of(public_key(n), document.signed_bytes())});
  return document;
}

/// Signers 2 and 3 may publish in plant-7, two of 2, 3, 4 in critical/..., and 9 replaces the root.
inline Root sample_root(std::uint64_t version = 1) {
  Root root;
  root.version = version;
  root.keys = group(1, {9});
  root.scopes = {{"plant-7", group(1, {2, 3})}, {"critical/*", group(2, {2, 3, 4})}, {"free", {}}};
  return signed_by(root, {9});
}

}  // namespace edgesync::config
