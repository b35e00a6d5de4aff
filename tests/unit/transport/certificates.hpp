// SPDX-License-Identifier: Apache-2.0
// Throw-away certificates for tests: a small authority that writes PEM files into a directory of its own, which goes
// with it. Nothing here is fit for anything but tests.
#pragma once

#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

namespace edgesync::rig {

struct Certificate {
  std::string certificate_file, key_file;
};

/// Seconds from now.
struct Validity {
  long from = -3600, until = 3600;
};

class TestAuthority {
 public:
  explicit TestAuthority(const std::string& name = "edgesync test authority") : directory_(make_directory()) {
    key_ = new_key();
    certificate_ = sign({.subject = name, .is_authority = true}, key_.get());
    write(ca_file(), certificate_.get());
  }
  ~TestAuthority() {
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }
  TestAuthority(const TestAuthority&) = delete;
  TestAuthority& operator=(const TestAuthority&) = delete;

  const std::string& directory() const { return directory_; }
  std::string ca_file() const { return directory_ + "/ca.pem"; }

  /// A certificate for `name`, a DNS name or an IP address.
  Certificate issue(const std::string& name, Validity validity = {}) { return save(name, validity, false); }
  /// The same, signed by nobody but itself.
  Certificate self_signed(const std::string& name, Validity validity = {}) { return save(name, validity, true); }

 private:
  using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
  using X509Ptr = std::unique_ptr<X509, decltype(&X509_free)>;
  struct Request {
    std::string subject{};
    Validity validity{};
    bool is_authority = false;
    std::string alternative{};
  };

  static void check(bool ok) {
    if (!ok) throw std::runtime_error("cannot make a test certificate");
  }
  static std::string make_directory() {
    std::string path = (std::filesystem::temp_directory_path() / "edgesync-test-XXXXXX").string();
    check(mkdtemp(path.data()) != nullptr);
    return path;
  }
  static Key new_key() {
    Key key(EVP_EC_gen("P-256"), EVP_PKEY_free);
    check(key != nullptr);
    return key;
  }
  static void add_extension(X509* certificate, int kind, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
    check(extension != nullptr);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
  }

  /// Signed by the authority; by itself while there is none, or if `key` is to sign.
  X509Ptr sign(const Request& request, EVP_PKEY* key, bool by_itself = false) {
    X509Ptr certificate(X509_new(), X509_free);
    X509* x = certificate.get();
    X509_set_version(x, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x), ++serial_);
    X509_gmtime_adj(X509_getm_notBefore(x), request.validity.from);
    X509_gmtime_adj(X509_getm_notAfter(x), request.validity.until);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(request.subject.c_str()), -1, -1, 0);
    const bool own = by_itself || certificate_ == nullptr;
    X509_set_issuer_name(x, X509_get_subject_name(own ? x : certificate_.get()));
    X509_set_pubkey(x, key);
    add_extension(x, NID_basic_constraints, request.is_authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
    if (request.is_authority) add_extension(x, NID_key_usage, "critical,keyCertSign,cRLSign");
    if (!request.alternative.empty()) add_extension(x, NID_subject_alt_name, request.alternative);
    check(X509_sign(x, own ? key : key_.get(), EVP_sha256()) > 0);
    return certificate;
  }

  Certificate save(const std::string& name, Validity validity, bool by_itself) {
    const bool address = name.find(':') != name.npos || name.find_first_not_of("0123456789.") == name.npos;
    const Key key = new_key();
    const auto certificate =
        sign({.subject = name, .validity = validity, .alternative = (address ? "IP:" : "DNS:") + name}, key.get(),
             by_itself);
    const std::string stem = directory_ + "/" + std::to_string(serial_);
    write(stem + ".pem", certificate.get());
    write(stem + ".key", key.get());
    return {stem + ".pem", stem + ".key"};
  }

  static void write(const std::string& path, X509* certificate) {
    const File file(std::fopen(path.c_str(), "wb"), std::fclose);
    check(file != nullptr && PEM_write_X509(file.get(), certificate) == 1);
  }
  static void write(const std::string& path, EVP_PKEY* key) {
    const File file(std::fopen(path.c_str(), "wb"), std::fclose);
    check(file != nullptr && PEM_write_PrivateKey(file.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1);
  }
  using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

  const std::string directory_;
  long serial_ = 0;
  Key key_{nullptr, EVP_PKEY_free};
  X509Ptr certificate_{nullptr, X509_free};
};

}  // namespace edgesync::rig
