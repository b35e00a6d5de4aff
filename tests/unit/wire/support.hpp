// SPDX-License-Identifier: Apache-2.0
// Shorthands of the wire tests: frames from hexadecimal, messages with known content, msgpack by hand.
#pragma once

#include "wire/frame.hpp"

#include <initializer_list>
#include <string_view>

namespace edgesync::wire::testing {

/// Spaces are ignored.
Bytes hex(std::string_view text);
/// A raw frame around a body.
Bytes raw_frame(ByteView body);
/// The error code of a failed decode, or nothing.
std::error_code error_of(const Result<std::vector<Message>>& decoded);

/// An id whose bytes are all `fill`.
ReplicaId replica(unsigned fill);
crdt::Context context(std::initializer_list<crdt::Dot> dots);
inline constexpr crdt::Stamp noon = 0x02b8'0000'0000'1234;  ///< A stamp of 2025.

/// The body of a raw frame with one later DeltaPart around `packed`.
Bytes part_frame(ByteView packed, bool first = false);

}  // namespace edgesync::wire::testing
