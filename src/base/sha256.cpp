// SPDX-License-Identifier: Apache-2.0
#include "base/hash.hpp"

#include <openssl/evp.h>

#include <new>

namespace edgesync {
namespace {

void must(bool done) {
  if (!done) throw std::bad_alloc();
}

/// Looked up once: that takes longer than hashing something small. Never given back: somebody may still hash while the
/// process ends.
const EVP_MD* algorithm() {
  static const EVP_MD* const one = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return one;
}

}  // namespace

Sha256::Sha256() : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
  must(context_ && EVP_DigestInit_ex2(context_.get(), algorithm(), nullptr) == 1);
}

void Sha256::add(ByteView bytes) { must(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1); }

Sha256Digest Sha256::finish() {
  Sha256Digest digest;
  must(EVP_DigestFinal_ex(context_.get(), reinterpret_cast<unsigned char*>(digest.data()), nullptr) == 1);
  return digest;
}

Sha256Digest sha256(ByteView bytes) {
  Sha256 hash;
  hash.add(bytes);
  return hash.finish();
}

}  // namespace edgesync
