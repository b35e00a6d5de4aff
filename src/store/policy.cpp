// SPDX-License-Identifier: Apache-2.0
#include "store/policy.hpp"

#include <algorithm>

namespace edgesync::store {
namespace {

constexpr unsigned local_only_bit = 1, given_up_bit = 2, refused_bit = 4, budgeted_bit = 8, masked_bit = 16,
                   refused_data_bit = 32;

void write_budget(Writer& out, const stream::Budget& budget) {
  out.varint(static_cast<std::uint64_t>(budget.retention.count()));
  out.varint(budget.quota);
  out.u8(static_cast<std::uint8_t>(budget.overflow.kind()));
  out.varint(budget.overflow.of());
  out.u8(static_cast<std::uint8_t>(budget.priority));
}

stream::Budget read_budget(Reader& in) {
  stream::Budget budget;
  budget.retention = std::chrono::microseconds(static_cast<std::int64_t>(in.varint()));
  budget.quota = in.varint();
  const auto kind = static_cast<Overflow::Kind>(in.u8());
  const std::uint64_t of = in.varint();
  budget.priority = static_cast<Priority>(in.u8());
  if (kind == Overflow::Kind::drop_newest) budget.overflow = Overflow::drop_newest;
  if (kind == Overflow::Kind::reject) budget.overflow = Overflow::reject;
  if (kind == Overflow::Kind::thin && of <= stream::thin_of_max)
    budget.overflow = Overflow::thin(static_cast<std::uint32_t>(of));
  if (budget.overflow.kind() != kind || !stream::validate(budget)) in.fail();
  return budget;
}

}  // namespace

Bytes Policy::encode() const {
  Bytes bytes;
  Writer out(bytes);
  out.varint(history);
  out.u8(static_cast<std::uint8_t>((local_only ? local_only_bit : 0) | (given_up ? given_up_bit : 0) |
                                   (refusal ? refused_bit : 0) | (budgeted ? budgeted_bit : 0) |
                                   (masks.empty() ? 0 : masked_bit) |
                                   (refusal && refusal->data ? refused_data_bit : 0)));
  out.varint(own.stamp);
  if (own.stamp != 0) out.raw(own.replica.bytes);
  if (refusal) {
    out.varint(static_cast<std::uint64_t>(refusal->why.code.value()));
    out.blob(as_view(refusal->why.detail));
  }
  out.varint(schema ? schema->columns.size() : 0);
  if (!schema) return bytes;
  if (budgeted) write_budget(out, budget);
  if (!masks.empty()) stream::write_masks(out, masks);
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
  const unsigned flags = in.u8();
  policy.local_only = (flags & local_only_bit) != 0;
  policy.given_up = (flags & given_up_bit) != 0;
  policy.budgeted = (flags & budgeted_bit) != 0;
  policy.own.stamp = in.varint();
  if (policy.own.stamp != 0) {
    const ByteView id = in.raw(policy.own.replica.bytes.size());
    std::copy(id.begin(), id.end(), policy.own.replica.bytes.begin());
  }
  if ((flags & refused_bit) != 0) {
    const auto code = static_cast<Errc>(in.varint());
    policy.refusal = Refused{Error(code, std::string(as_text(in.blob()))), (flags & refused_data_bit) != 0};
  }
  stream::Schema schema;
  schema.columns.resize(in.count(2));
  if (!schema.columns.empty() && policy.budgeted) policy.budget = read_budget(in);
  if (!schema.columns.empty() && (flags & masked_bit) != 0) policy.masks = stream::read_masks(in);
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
