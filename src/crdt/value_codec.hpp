// SPDX-License-Identifier: Apache-2.0
// Values as the payload of entries: base/value_codec.hpp, each to the end of its payload. One value has one encoding.
#pragma once

#include "base/bytes.hpp"

#include <edgesync/error.hpp>

namespace edgesync::crdt {

Bytes encode_value(const Value& value);

/// Fails with: protocol_violation on an unknown tag, a malformed payload or bytes left over.
Result<Value> decode_value(ByteView bytes);

}  // namespace edgesync::crdt
