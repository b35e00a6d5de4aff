// SPDX-License-Identifier: Apache-2.0
// Keys of cells. A cell key is the path with '/' as 0x01, then 0x00, a kind byte and a suffix. Paths hold no byte below
// 0x20, so byte order keeps each path's cells together and each subtree contiguous: everything at p lies in [p 00, p
// 01), everything at or below p in [p 00, p 02). The identity of a container is its path: two replicas that create the
// same map offline create the same map. A kind this version does not know is stored and forwarded, never shown.
#pragma once

#include "base/bytes.hpp"

#include <optional>
#include <string>

namespace edgesync::crdt {

enum class Kind : std::uint8_t {
  value = 'r',     ///< register; no suffix
  count = 'c',     ///< counter, one owner's sum; suffix: the owner's replica id
  baseline = 'b',  ///< counter, what a reset took from that owner; suffix: the owner's replica id
  member = 's',    ///< set element; suffix: the member's encoding; beyond 64 bytes 0xff and 128 bits of SHA-256
};

/// Half-open; an empty `high` means no upper end.
struct KeyRange {
  Bytes low{}, high{};
  bool contains(ByteView key) const noexcept {
    return compare(low, key) <= 0 && (high.empty() || compare(key, high) < 0);
  }
  bool operator==(const KeyRange&) const = default;
};

struct KeyParts {
  std::string path{};
  std::uint8_t kind = 0;
  ByteView suffix{};  ///< Into the key that was split.
};

/// Requires: `path` is valid (base/path.hpp).
Bytes cell_key(std::string_view path, Kind kind, ByteView suffix = {});
/// Nothing if `key` has no kind.
std::optional<KeyParts> split(ByteView key);

KeyRange cells_at(std::string_view path);
KeyRange cells_at(std::string_view path, Kind kind);
/// An empty path means the whole scope.
KeyRange cells_under(std::string_view path);

}  // namespace edgesync::crdt
