// SPDX-License-Identifier: Apache-2.0
// Segment layout: what the builder and the readers share. SEGMENT.md says what they mean.
#pragma once

#include "base/hash.hpp"
#include "stream/segment.hpp"

namespace edgesync::stream {

inline constexpr std::uint8_t segment_magic = 'S';
inline constexpr std::uint8_t segment_version = 1;
inline constexpr std::size_t segment_checksum_bytes = 8;

/// The first lane of SipHash under a fixed key: it finds damage, it authenticates nobody.
inline std::uint64_t segment_checksum(ByteView bytes) noexcept {
  return siphash(Hash128{0x6564676573796e63U, 0x7365676d656e7431U}, bytes).a;
}

/// What precedes the checksum, once the checksum holds.
Result<ByteView> checked_body(ByteView segment);

/// The header, in two steps.
Result<SegmentInfo> read_info(Reader& in);
Result<Schema> read_schema(Reader& in);

inline Error malformed_segment(std::string where) { return {Errc::protocol_violation, "segment: " + std::move(where)}; }

}  // namespace edgesync::stream
