// SPDX-License-Identifier: Apache-2.0
#include "config/root.hpp"

#include "base/path.hpp"

#include <algorithm>

namespace edgesync::config {
namespace {

constexpr std::string_view domain = "edgesync/config-root/v1";

Error malformed(const char* where) { return {Errc::protocol_violation, std::string("root: ") + where}; }

std::string named(const Root& root) { return "root " + std::to_string(root.version); }

void write_group(Writer& out, const KeyGroup& group) {
  out.varint(group.threshold);
  out.varint(group.keys.size());
  for (const PublicKey& key : group.keys) out.raw(key);
}

Result<KeyGroup> read_group(Reader& in) {
  KeyGroup group;
  const std::uint64_t threshold = in.varint();
  const std::size_t count = in.count(sizeof(PublicKey));
  if (count > max_signers || threshold > max_signers) return Error(Errc::limit_exceeded, "root: more than 16 keys");
  group.threshold = static_cast<std::uint32_t>(threshold);
  group.keys.resize(count);
  for (PublicKey& key : group.keys) {
    const ByteView bytes = in.raw(key.size());
    std::copy(bytes.begin(), bytes.end(), key.begin());
  }
  return group;
}

Result<Root> read_signed(Reader& in) {
  if (as_text(in.blob()) != domain) return malformed("another domain");
  Root root;
  root.version = in.varint();
  root.at = Timestamp(Timestamp::duration(in.svarint()));
  auto keys = read_group(in);
  if (!keys) return std::move(keys).error();
  root.keys = *std::move(keys);
  const std::size_t rules = in.count(3);  // a pattern's length, a threshold, a count
  if (rules > max_root_rules) return Error(Errc::limit_exceeded, "root: more than 64 rules");
  for (std::size_t i = 0; i < rules; ++i) {
    std::string pattern(as_text(in.blob()));
    auto group = read_group(in);
    if (!group) return std::move(group).error();
    if (!root.scopes.empty() && root.scopes.rbegin()->first >= pattern) return malformed("rules that do not ascend");
    root.scopes.emplace(std::move(pattern), *std::move(group));
  }
  if (!in.done()) return malformed("signed fields");
  return root;
}

Result<void> check_pattern(const std::string& pattern) {
  if (pattern == "*") return {};
  const bool prefix = pattern.ends_with("/*");
  const std::string_view path = std::string_view(pattern).substr(0, pattern.size() - (prefix ? 2 : 0));
  if (path.find('*') != std::string_view::npos)
    return Error(Errc::invalid_argument, "root: \"" + pattern + "\": '*' stands alone, or after the last '/'");
  return check_path("root: scope", path);
}

}  // namespace

const KeyGroup* Root::publishers(std::string_view scope) const {
  const std::pair<const std::string, KeyGroup>* best = nullptr;
  for (const auto& rule : scopes)
    if (covers(rule.first, scope) && (best == nullptr || rule.first.size() > best->first.size())) best = &rule;
  if (const auto exact = scopes.find(std::string(scope)); exact != scopes.end()) return &exact->second;
  return best == nullptr ? nullptr : &best->second;
}

Bytes Root::signed_bytes() const {
  Bytes out;
  Writer writer(out);
  writer.blob(as_view(domain));
  writer.varint(version);
  writer.svarint(at.time_since_epoch().count());
  write_group(writer, keys);
  writer.varint(scopes.size());
  for (const auto& [pattern, group] : scopes) {
    writer.blob(as_view(pattern));
    write_group(writer, group);
  }
  return out;
}

Bytes Root::encode() const { return encode_signed(signed_bytes(), signatures); }

Result<Root> Root::decode(ByteView bytes) {
  if (bytes.size() > max_root_bytes) return Error(Errc::limit_exceeded, "root: above 48 KiB");
  auto document = decode_signed(bytes, "root");
  if (!document) return std::move(document).error();
  Reader fields(document->fields);
  auto root = read_signed(fields);
  if (!root) return root;
  root->signatures = std::move(document->signatures);
  if (auto sound = check(*root); !sound) return as_malformed(std::move(sound).error());
  return root;
}

Result<void> check(const Root& root) {
  if (root.version == 0) return Error(Errc::invalid_argument, "root: version 0");
  if (root.scopes.size() > max_root_rules) return Error(Errc::limit_exceeded, "root: more than 64 rules");
  if (root.keys.threshold == 0) return Error(Errc::invalid_argument, "root: nobody could replace it");
  if (auto good = check(root.keys); !good) return Error(good.error().code, "root: keys: " + good.error().detail);
  for (const auto& [pattern, group] : root.scopes) {
    if (auto good = check_pattern(pattern); !good) return good;
    if (auto good = check(group); !good)
      return Error(good.error().code, "root: scope \"" + pattern + "\": " + good.error().detail);
  }
  return {};
}

Result<void> check_signed(const Root& root, const Verifier& verifier) {
  return check_signed(root.keys, root.signed_bytes(), root.signatures, verifier, named(root));
}

Result<void> follows(const Root& root, const Root& next, const Verifier& verifier) {
  if (next.version != root.version + 1)
    return Error(Errc::outdated, named(next) + ": does not come right after " + std::to_string(root.version));
  if (auto own = check_signed(next, verifier); !own) return own;
  return check_signed(root.keys, next.signed_bytes(), next.signatures, verifier,
                      named(next) + ", by the keys of the one before");
}

}  // namespace edgesync::config
