// SPDX-License-Identifier: Apache-2.0
#include "store/policy.hpp"

namespace edgesync::store {

Bytes Policy::encode() const {
  Bytes bytes;
  Writer out(bytes);
  out.varint(history);
  out.u8(local_only ? 1 : 0);
  out.varint(schema ? schema->columns.size() : 0);
  if (!schema) return bytes;
  for (const Column& column : schema->columns) {
    out.u8(static_cast<std::uint8_t>(column.type));
    out.blob(as_view(column.name));
  }
  return bytes;
}

std::optional<Policy> Policy::decode(ByteView bytes) {
  Policy policy;
  Reader in(bytes);
  policy.history = static_cast<std::uint32_t>(in.varint());
  policy.local_only = in.u8() != 0;
  stream::Schema schema;
  schema.columns.resize(in.count(2));
  for (Column& column : schema.columns) {
    column.type = static_cast<ColumnType>(in.u8());
    column.name = std::string(as_text(in.blob()));
  }
  if (!in.done()) return std::nullopt;
  if (schema.columns.empty()) return policy;
  if (!stream::validate(schema)) return std::nullopt;
  policy.schema = std::move(schema);
  return policy;
}

}  // namespace edgesync::store
