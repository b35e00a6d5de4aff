// SPDX-License-Identifier: Apache-2.0
// Values as bytes: one tag byte, then the payload. One value has one encoding, so equal values are equal bytes: set
// members, fingerprints and content hashes rely on it. The tags are part of the wire and file formats:
// 0 null | 1 false | 2 true | 3 integer (zigzag varint) | 4 double (8 bytes) | 5 text | 6 bytes | 7 JSON text.
#pragma once

#include "base/bytes.hpp"

namespace edgesync {

/// Where a text, bytes or JSON text ends: with the input that holds nothing else, or after a length that leads it.
enum class ValueEnd : std::uint8_t { input, length };

void write_value(Writer& out, const Value& value, ValueEnd end);

/// Fails the reader on an unknown tag and on a malformed payload.
Value read_value(Reader& in, ValueEnd end);

}  // namespace edgesync
