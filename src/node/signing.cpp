// SPDX-License-Identifier: Apache-2.0
#include <edgesync/signing.hpp>

#include "config/manifest.hpp"
#include "config/root.hpp"
#include "node/raw_signer.hpp"
#include "transport/ed25519.hpp"

#include <algorithm>

namespace edgesync {

struct SigningKey::Secret {
  transport::SecretKey key;
};

Result<config::SignatureBytes> node::RawSigner::sign(const SigningKey& key, ByteView message) {
  return key.secret_->key.sign(message);
}

namespace {

Error refused(const Error& why) {
  return why.is(Errc::limit_exceeded) ? why : Error(Errc::invalid_argument, why.detail);
}

Result<Sha256Digest> parent_of(const std::string& id) {
  Sha256Digest parent{};
  if (id.empty()) return parent;
  const auto bytes = from_hex(id);
  if (!bytes || bytes->size() != parent.size())
    return Error(Errc::invalid_argument, "release: parent: not 64 hexadecimal digits");
  std::copy(bytes->begin(), bytes->end(), parent.begin());
  return parent;
}

Result<config::KeyGroup> group_of(const Signers& signers) {
  config::KeyGroup group;
  group.threshold = signers.threshold;
  for (const std::string& id : signers.keys) {
    const auto key = config::parse_key_id(id);
    if (!key) return key.error();
    group.keys.push_back(*key);
  }
  std::sort(group.keys.begin(), group.keys.end());
  return group;
}

Signers signers_of(const config::KeyGroup& group) {
  Signers signers{group.threshold, {}};
  for (const config::PublicKey& key : group.keys) signers.keys.push_back(config::key_id(key));
  return signers;
}

std::vector<std::string> signed_by(const Bytes& message, const std::vector<config::Signature>& signatures) {
  std::vector<std::string> ids;
  for (const config::Signature& one : signatures) {
    const auto key = config::parse_key_id(one.key_id);
    if (key && transport::ed25519().verify(*key, message, one.bytes)) ids.push_back(one.key_id);
  }
  return ids;
}

/// Replaces an earlier one of the same key.
Result<void> add_signature(std::vector<config::Signature>& signatures, const Bytes& message,
                           const transport::SecretKey& key) {
  const auto bytes = key.sign(message);
  if (!bytes) return bytes.error();
  const std::string id = config::key_id(key.public_key());
  std::erase_if(signatures, [&](const config::Signature& one) { return one.key_id == id; });
  if (signatures.size() == config::max_signers) return Error(Errc::limit_exceeded, "sign: 16 signatures are there");
  signatures.push_back({id, *bytes});
  return {};
}

}  // namespace

SigningKey::SigningKey(std::shared_ptr<const Secret> secret) noexcept : secret_(std::move(secret)) {}

Result<SigningKey> SigningKey::generate() {
  auto key = transport::SecretKey::generate();
  if (!key) return std::move(key).error();
  return SigningKey(std::make_shared<const Secret>(Secret{*std::move(key)}));
}

Result<SigningKey> SigningKey::from_pem(std::string_view pem) {
  auto key = transport::SecretKey::from_pem(pem);
  if (!key) return std::move(key).error();
  return SigningKey(std::make_shared<const Secret>(Secret{*std::move(key)}));
}

Result<std::string> SigningKey::pem() const { return secret_->key.pem(); }
std::string SigningKey::id() const { return config::key_id(secret_->key.public_key()); }

Result<Bytes> make_release(const ReleaseDraft& draft) {
  if (auto good = config::check(draft.content); !good) return std::move(good).error();
  const auto parent = parent_of(draft.parent);
  if (!parent) return parent.error();
  for (const std::string& id : draft.signers)
    if (auto key = config::parse_key_id(id); !key) return std::move(key).error();
  config::Release release;
  release.content = config::canonical(draft.content);
  config::Manifest& manifest = release.manifest;
  manifest.scope = draft.scope;
  manifest.number = draft.number;
  manifest.id = sha256(release.content);
  manifest.parent = *parent;
  manifest.at = draft.at;
  manifest.note = draft.note;
  manifest.floor = draft.floor;
  manifest.not_before = draft.not_before;
  manifest.expires = draft.expires;
  manifest.min_library = draft.min_library;
  manifest.key_ids = draft.signers;
  if (auto good = config::check(manifest); !good) return std::move(good).error();
  return release.encode();
}

Result<ReleaseView> read_release(const Bytes& document) {
  auto release = config::Release::decode(document);
  if (!release) return refused(release.error());
  auto content = config::verify(*release);
  if (!content) return content.error().is(Errc::untrusted) ? content.error() : refused(content.error());
  const config::Manifest& manifest = release->manifest;
  ReleaseView view;
  view.version = manifest.info();
  view.draft = {manifest.scope,   manifest.number,      *std::move(content), view.version.parent,
                manifest.at,      manifest.note,        manifest.floor,      manifest.not_before,
                manifest.expires, manifest.min_library, manifest.key_ids};
  view.signed_by = signed_by(manifest.signed_bytes(), manifest.signatures);
  return view;
}

Result<Bytes> make_root(const RootDraft& draft) {
  config::Root root;
  root.version = draft.version;
  root.at = draft.at;
  auto keys = group_of(draft.root);
  if (!keys) return std::move(keys).error();
  root.keys = *std::move(keys);
  for (const auto& [pattern, signers] : draft.scopes) {
    auto group = group_of(signers);
    if (!group) return std::move(group).error();
    root.scopes.emplace(pattern, *std::move(group));
  }
  if (auto good = config::check(root); !good) return std::move(good).error();
  return root.encode();
}

Result<RootView> read_root(const Bytes& document) {
  const auto root = config::Root::decode(document);
  if (!root) return refused(root.error());
  RootView view{{root->version, root->at, signers_of(root->keys), {}}, {}};
  for (const auto& [pattern, group] : root->scopes) view.draft.scopes.emplace(pattern, signers_of(group));
  view.signed_by = signed_by(root->signed_bytes(), root->signatures);
  return view;
}

Result<Bytes> sign(const Bytes& document, const SigningKey& key) {
  const transport::SecretKey& secret = key.secret_->key;
  if (auto release = config::Release::decode(document)) {
    if (auto proved = config::verify(*release); !proved) return refused(proved.error());
    config::Manifest& manifest = release->manifest;
    if (auto added = add_signature(manifest.signatures, manifest.signed_bytes(), secret); !added)
      return std::move(added).error();
    return release->encode();
  }
  auto root = config::Root::decode(document);
  if (!root) return Error(Errc::invalid_argument, "sign: neither a config version nor a root");
  if (auto added = add_signature(root->signatures, root->signed_bytes(), secret); !added)
    return std::move(added).error();
  return root->encode();
}

}  // namespace edgesync
