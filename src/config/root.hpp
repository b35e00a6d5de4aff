// SPDX-License-Identifier: Apache-2.0
// Root: the document that says whose signatures a config version needs, scope by scope. A node is given one and follows
// the chain of later ones: each is signed by enough root keys of the one before and of its own, so that neither a
// stolen old key nor an unproved new one moves a fleet (The Update Framework specification 1.0, section 5.3).
// CONTENT.md specifies the encoding. Invariant: a node's root never goes back to a lower version.
#pragma once

#include "config/signature.hpp"

#include <map>
#include <optional>

namespace edgesync::config {

inline constexpr std::size_t max_root_rules = 64;
inline constexpr std::size_t max_root_bytes = 48 * 1024;

struct Root {
  std::uint64_t version = 0;  ///< From 1; the next one has the next number.
  Timestamp at{};
  KeyGroup keys{};  ///< Who may replace this document.
  /// Who may publish: by a scope's name, by "prefix/*" for all scopes below, or by "*". The longest that covers a scope
  /// counts; a scope that none covers has no publishers.
  std::map<std::string, KeyGroup> scopes{};
  std::vector<Signature> signatures{};

  /// Null: nobody may publish in this scope.
  const KeyGroup* publishers(std::string_view scope) const;

  /// Everything but the signatures, under the domain "edgesync/config-root/v1".
  Bytes signed_bytes() const;
  Bytes encode() const;
  /// Fails with: protocol_violation, limit_exceeded.
  static Result<Root> decode(ByteView bytes);
  bool operator==(const Root&) const = default;
};

/// Fails with: invalid_argument, limit_exceeded.
Result<void> check(const Root& root);

/// Whether enough of its own root keys signed it: what makes the first one whole. Fails with: not_signed, untrusted.
Result<void> check_signed(const Root& root, const Verifier& verifier);

/// Whether `next` may replace `root`. Fails with: outdated (not the next version), not_signed, untrusted.
Result<void> follows(const Root& root, const Root& next, const Verifier& verifier);

}  // namespace edgesync::config
