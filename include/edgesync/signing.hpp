// SPDX-License-Identifier: Apache-2.0
// Signing: config versions and roots as documents, made and signed on any machine, offline, and published by another
// that need not be trusted (Config::publish_signed(), Config::publish_root()). A root says whose signatures a version
// of which scope needs; a node begins with one (NodeOptions::config_root). Documents are bytes; src/config/CONTENT.md
// specifies them. Nothing here opens a database or a connection. Thread safety: any.
#pragma once

#include <edgesync/error.hpp>
#include <edgesync/versions.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace edgesync {

class SigningKey;
namespace node {
struct RawSigner;
}

/// The document, a version or a root, with the signature of `key` added. Fails with: invalid_argument (neither),
/// limit_exceeded (more than 16 signatures), unsupported.
EDGESYNC_EXPORT Result<Bytes> sign(const Bytes& document, const SigningKey& key);

/// An Ed25519 key pair. Copies share it; the last one wipes it.
class EDGESYNC_EXPORT SigningKey {
 public:
  /// Fails with: unsupported.
  static Result<SigningKey> generate();
  /// PKCS#8 in PEM without a password, as `openssl genpkey -algorithm ed25519` writes it. Fails with: invalid_argument.
  static Result<SigningKey> from_pem(std::string_view pem);
  /// The secret in the same form: to be kept like one.
  Result<std::string> pem() const;
  /// The public key, as 64 hexadecimal digits: its name in roots and versions.
  std::string id() const;

 private:
  friend Result<Bytes> sign(const Bytes& document, const SigningKey& key);
  friend struct node::RawSigner;
  struct Secret;
  explicit SigningKey(std::shared_ptr<const Secret> secret) noexcept;
  std::shared_ptr<const Secret> secret_;
};

/// What a version says.
struct ReleaseDraft {
  std::string scope{};
  std::uint64_t number = 0;                ///< Above the newest published. A rollback is a new number, too.
  std::map<std::string, Value> content{};  ///< Path to value.
  std::string parent{};                    ///< The id this was made from; empty: none.
  Timestamp at{};                          ///< When it was made.
  std::string note{};
  std::uint64_t floor = 0;             ///< Revokes all versions with lower numbers.
  Timestamp not_before{};              ///< No node takes it before; 0: at once.
  Timestamp expires{};                 ///< No node takes it after, and one that has it says so; 0: never.
  std::string min_library{};           ///< "major.minor.patch" that a node must have; empty: any.
  std::vector<std::string> signers{};  ///< Keys that are to sign, beyond what the root asks for.
};

/// The document, not signed yet. Fails with: invalid_argument, limit_exceeded.
EDGESYNC_EXPORT Result<Bytes> make_release(const ReleaseDraft& draft);

/// What a document says, whoever signed it.
struct ReleaseView {
  ReleaseDraft draft{};
  VersionInfo version{};
  std::vector<std::string> signed_by{};  ///< Keys whose signatures are there and right.
};
/// Fails with: invalid_argument, untrusted (the content is not what the manifest names).
EDGESYNC_EXPORT Result<ReleaseView> read_release(const Bytes& document);

/// Any `threshold` of these keys.
struct Signers {
  std::uint32_t threshold = 1;
  std::vector<std::string> keys{};
};

/// Who may publish where, and who may change that.
struct RootDraft {
  std::uint64_t version = 1;  ///< From 1. The next one has the next number, and is signed by both sets of root keys.
  Timestamp at{};
  Signers root{};
  /// By a scope's name, "prefix/*" or "*"; the longest that covers a scope counts. A threshold of 0 without keys: no
  /// signatures needed. Scopes that none covers take nothing.
  std::map<std::string, Signers> scopes{};
};

/// The document, not signed yet. Fails with: invalid_argument, limit_exceeded.
EDGESYNC_EXPORT Result<Bytes> make_root(const RootDraft& draft);

struct RootView {
  RootDraft draft{};
  std::vector<std::string> signed_by{};
};
/// Fails with: invalid_argument.
EDGESYNC_EXPORT Result<RootView> read_root(const Bytes& document);

}  // namespace edgesync
