// SPDX-License-Identifier: Apache-2.0
// Values as bytes: one tag byte, then the payload. One value has one encoding, so equal values are equal bytes: set
// members, fingerprints and content hashes rely on it. The tags are part of the wire and file formats.
#pragma once

#include "base/bytes.hpp"

#include <edgesync/error.hpp>

namespace edgesync::crdt {

/// 0 null | 1 false | 2 true | 3 integer (zigzag varint) | 4 double (8 bytes) | 5 text | 6 bytes | 7 JSON text.
void encode_value(Writer& out, const Value& value);
Bytes encode_value(const Value& value);

/// Fails with: protocol_violation on an unknown tag, a malformed payload or bytes left over.
Result<Value> decode_value(ByteView bytes);

}  // namespace edgesync::crdt
