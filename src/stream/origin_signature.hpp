// SPDX-License-Identifier: Apache-2.0
// Origin signatures: who makes records signs each segment that it gives to a relay, and so nobody has to believe the
// relay. A signature says of which stream the segment is and whose, and that the numbers right before it are of no
// records any more: whoever wants to leave some out has to leave out all that follow. It stands in front of the
// segment, and goes with it unchanged. SEGMENT.md specifies the bytes.
#pragma once

#include "base/bytes.hpp"

#include <edgesync/records.hpp>

#include <optional>
#include <string_view>
#include <vector>

namespace edgesync::stream {

struct OriginSignature {
  static constexpr std::size_t gone_max = 64;

  Bytes key{}, signature{};  ///< Ed25519: 32 and 64 bytes.
  std::vector<Gap> gone{};   ///< Up to the segment's first number, ascending, without a hole between them.
  bool operator==(const OriginSignature&) const = default;
};

/// Of `gaps`, ascending, those right before `first`, the last gone_max of them.
std::vector<Gap> gone_before(std::uint64_t first, const std::vector<Gap>& gaps);

/// What is signed.
Bytes statement_of(std::string_view stream, const ReplicaId& origin, const std::vector<Gap>& gone, ByteView segment);

/// The segment behind its signature.
Bytes put_before(ByteView segment, const OriginSignature& signature);

/// Nothing if `body` has none, or not a sound one. Nobody has proved it.
std::optional<OriginSignature> signature_of(ByteView body);
/// The segment alone; nothing if what stands in front of it is damaged.
ByteView without_signature(ByteView body);

}  // namespace edgesync::stream
