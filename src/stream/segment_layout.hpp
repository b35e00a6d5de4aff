// SPDX-License-Identifier: Apache-2.0
// Segment layout: the constants that the builder and the decoder share. SEGMENT.md says what they mean.
#pragma once

#include "base/hash.hpp"

namespace edgesync::stream {

inline constexpr std::uint8_t segment_magic = 'S';
inline constexpr std::uint8_t segment_version = 1;
inline constexpr std::size_t segment_checksum_bytes = 8;

/// The first lane of SipHash under a fixed key: it finds damage, it authenticates nobody.
inline std::uint64_t segment_checksum(ByteView bytes) noexcept {
  return siphash(Hash128{0x6564676573796e63U, 0x7365676d656e7431U}, bytes).a;
}

}  // namespace edgesync::stream
