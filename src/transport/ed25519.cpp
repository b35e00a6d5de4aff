// SPDX-License-Identifier: Apache-2.0
#include "transport/ed25519.hpp"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

namespace edgesync::transport {
namespace {

using KeyPtr = std::shared_ptr<EVP_PKEY>;
using ContextPtr = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;
using BioPtr = std::unique_ptr<BIO, decltype(&BIO_free)>;

const unsigned char* octets(ByteView bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }
unsigned char* room(std::span<std::byte> bytes) { return reinterpret_cast<unsigned char*>(bytes.data()); }

Error cannot(const char* what) { return {Errc::unsupported, std::string("Ed25519: OpenSSL cannot ") + what}; }

/// No file is asked for a password: a key that needs one is refused.
int no_password(char*, int, int, void*) { return -1; }

class Openssl final : public config::Verifier {
 public:
  bool verify(const config::PublicKey& key, ByteView message, const config::SignatureBytes& signature) const override {
    const KeyPtr parsed(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, octets(key), key.size()), EVP_PKEY_free);
    const ContextPtr context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    return parsed && context && EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, parsed.get()) == 1 &&
           EVP_DigestVerify(context.get(), octets(signature), signature.size(), octets(message), message.size()) == 1;
  }
};

}  // namespace

const config::Verifier& ed25519() noexcept {
  static const Openssl one;
  return one;
}

Result<SecretKey> SecretKey::adopt(KeyPtr key) {
  SecretKey adopted(std::move(key));
  std::size_t size = adopted.public_.size();
  const bool done = EVP_PKEY_get_raw_public_key(adopted.key_.get(), room(adopted.public_), &size) == 1;
  if (!done || size != adopted.public_.size()) return cannot("tell a public key");
  return adopted;
}

Result<SecretKey> SecretKey::generate() {
  KeyPtr key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"), EVP_PKEY_free);
  if (!key) return cannot("make a key");
  return adopt(std::move(key));
}

Result<SecretKey> SecretKey::from_pem(std::string_view pem) {
  const BioPtr in(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free);
  if (!in) return cannot("read a key");
  KeyPtr key(PEM_read_bio_PrivateKey(in.get(), nullptr, no_password, nullptr), EVP_PKEY_free);
  if (!key || EVP_PKEY_is_a(key.get(), "ED25519") != 1)
    return Error(Errc::invalid_argument, "key: not an Ed25519 secret key in PEM, without a password");
  return adopt(std::move(key));
}

Result<std::string> SecretKey::pem() const {
  const BioPtr out(BIO_new(BIO_s_secmem()), BIO_free);
  char* text = nullptr;
  if (!out || PEM_write_bio_PKCS8PrivateKey(out.get(), key_.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1)
    return cannot("write a key");
  const long size = BIO_get_mem_data(out.get(), &text);
  return std::string(text, static_cast<std::size_t>(size));
}

Result<config::SignatureBytes> SecretKey::sign(ByteView message) const {
  const ContextPtr context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  config::SignatureBytes signature{};
  std::size_t size = signature.size();
  const bool done = context && EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key_.get()) == 1 &&
                    EVP_DigestSign(context.get(), room(signature), &size, octets(message), message.size()) == 1;
  if (!done || size != signature.size()) return cannot("sign");
  return signature;
}

}  // namespace edgesync::transport
