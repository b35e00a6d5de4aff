// SPDX-License-Identifier: Apache-2.0
// Ed25519 (RFC 8032) as OpenSSL has it: one library for all nodes, so that they agree about every odd signature. It
// refuses an S that is not below the group's order; keys of small order are refused where keys are read
// (config/signature.hpp). Secrets live in OpenSSL's own objects and are wiped with them.
#pragma once

#include "config/signature.hpp"

#include <openssl/types.h>

#include <memory>
#include <string>

namespace edgesync::transport {

/// Thread safety: any.
const config::Verifier& ed25519() noexcept;

class SecretKey {
 public:
  /// Fails with: unsupported (OpenSSL cannot).
  static Result<SecretKey> generate();
  /// PKCS#8 in PEM, not encrypted. Fails with: invalid_argument.
  static Result<SecretKey> from_pem(std::string_view pem);
  Result<std::string> pem() const;

  const config::PublicKey& public_key() const noexcept { return public_; }
  /// Fails with: unsupported (OpenSSL cannot).
  Result<config::SignatureBytes> sign(ByteView message) const;

 private:
  explicit SecretKey(std::shared_ptr<EVP_PKEY> key) : key_(std::move(key)) {}
  static Result<SecretKey> adopt(std::shared_ptr<EVP_PKEY> key);

  std::shared_ptr<EVP_PKEY> key_;
  config::PublicKey public_{};
};

}  // namespace edgesync::transport
