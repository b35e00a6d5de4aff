// SPDX-License-Identifier: Apache-2.0
// Gate: which versions a node may take at all, whoever hands them over. A hub carries versions; that it may not author
// them is decided here, by the root's keys, by what was seen before, and by what a manifest says about itself. Pure: a
// refusal is an answer, kept by nobody, and asked for again when the root, the time or the library has changed.
#pragma once

#include "config/manifest.hpp"
#include "config/root.hpp"

namespace edgesync::config {

/// How far a node has seen a scope go, in versions that were let through. Only grows.
struct Seen {
  std::uint64_t number = 0;  ///< The highest.
  Sha256Digest id{};         ///< Its content.
  std::uint64_t floor = 0;   ///< The highest Manifest::floor.

  void add(const Manifest& manifest);
  Bytes encode() const;
  /// Nothing if the bytes are malformed.
  static std::optional<Seen> decode(ByteView bytes);
  bool operator==(const Seen&) const = default;
};

class Gate {
 public:
  /// No root: nothing needs a signature. `library`: this library's version. The verifier outlives the gate.
  Gate(std::optional<Root> root, const Verifier* verifier, std::string library);

  const std::optional<Root>& root() const noexcept { return root_; }
  /// True if versions of the scope need signatures: then their numbers are watched, too.
  bool guards(std::string_view scope) const;

  /// Takes the next root. Fails with: outdated, not_signed, untrusted.
  Result<void> follow(Root next);
  /// Takes a later root that was followed before. True if it is later.
  bool resume(Root later);

  /// `now` of 0: not known; what has a time waits.
  /// Whether a version may be in use in `scope`: signatures, place, revocation, library, time. Fails with: forbidden
  /// (another scope), not_signed, untrusted (altered), outdated (revoked), unsupported (library), not_in_force.
  Result<void> standing(const Manifest& manifest, std::string_view scope, const Seen& seen, Timestamp now) const;
  /// Whether it may be taken now. Fails, in a scope that is guarded, also with: outdated (an older one), equivocation.
  Result<void> admit(const Manifest& manifest, std::string_view scope, const Seen& seen, Timestamp now) const;

 private:
  Result<void> authored(const Manifest& manifest, std::string_view scope, const std::string& what) const;
  Result<void> in_force(const Manifest& manifest, Timestamp now, const std::string& what) const;

  std::optional<Root> root_;
  const Verifier* verifier_;
  std::string library_;
};

}  // namespace edgesync::config
