// SPDX-License-Identifier: Apache-2.0
#include "crdt/value_codec.hpp"

#include "base/value_codec.hpp"

namespace edgesync::crdt {

Bytes encode_value(const Value& value) {
  Bytes bytes;
  Writer out(bytes);
  write_value(out, value, ValueEnd::input);
  return bytes;
}

Result<Value> decode_value(ByteView bytes) {
  Reader in(bytes);
  Value value = read_value(in, ValueEnd::input);
  if (!in.done())
    return Error(Errc::protocol_violation, "value: malformed encoding of " + std::to_string(bytes.size()) + " bytes");
  return value;
}

}  // namespace edgesync::crdt
