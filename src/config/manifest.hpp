// SPDX-License-Identifier: Apache-2.0
// Manifest: what is said about a config version and may be signed; Release: a manifest with the content it names. A
// manifest travels verbatim, its signatures outside the signed bytes. CONTENT.md specifies the encodings; a release
// carries a checksum, so that any damaged byte is refused even where nothing is signed. What a node makes of the fields
// and the signatures is decided in gate.hpp.
#pragma once

#include "base/hash.hpp"
#include "config/content.hpp"
#include "config/signature.hpp"

namespace edgesync::config {

inline constexpr std::uint64_t max_number = UINT64_MAX >> 1;  // as far as a database orders integers
inline constexpr std::size_t max_note_bytes = 4096;
inline constexpr std::size_t max_library_bytes = 64;

struct Manifest {
  std::string scope{};
  std::uint64_t number = 0;  ///< From 1 to max_number.
  Sha256Digest id{};         ///< SHA-256 of the canonical content.
  Sha256Digest parent{};     ///< All zero: none.
  ReplicaId author{};
  Timestamp at{};
  std::string note{};
  std::uint64_t floor = 0;              ///< The lowest number still in force, at most its own: those below are revoked.
  Timestamp not_before{};               ///< 0: at once.
  Timestamp expires{};                  ///< 0: never.
  std::string min_library{};            ///< "major.minor.patch"; empty: any.
  std::vector<std::string> key_ids{};   ///< Who is to sign, beyond what the root asks for; their public keys.
  std::vector<Signature> signatures{};  ///< Over signed_bytes().

  /// Everything but the signatures, under the domain "edgesync/config/v1".
  Bytes signed_bytes() const;
  Bytes encode() const;
  /// Fails with: protocol_violation, limit_exceeded.
  static Result<Manifest> decode(ByteView bytes);

  VersionInfo info() const;
  bool operator==(const Manifest&) const = default;
};

struct Release {
  Manifest manifest{};
  Bytes content{};  ///< Canonical bytes.

  Bytes encode() const;
  /// Checks the checksum and the form; verify() proves the content. Fails with: storage_corrupt (checksum),
  /// protocol_violation, limit_exceeded.
  static Result<Release> decode(ByteView bytes);
  bool operator==(const Release&) const = default;
};

/// What a publisher must keep: a scope, a number, a floor, and the limits above. Fails with: invalid_argument,
/// limit_exceeded.
Result<void> check(const Manifest& manifest);

/// The content, proved: its hash is the manifest's id and its form is canonical.
/// Fails with: untrusted (the hash differs: these are not the bytes the id names), protocol_violation, limit_exceeded
/// (they are, and no node can ever use them).
Result<Content> verify(const Release& release);

}  // namespace edgesync::config
