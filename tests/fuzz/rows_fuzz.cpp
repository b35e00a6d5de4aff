// SPDX-License-Identifier: Apache-2.0
// Any rows of any columns as a stream segment: they come out bit for bit as they went in.
#include "fuzz/input.hpp"
#include "stream/segment.hpp"

#include <bit>

using namespace edgesync;
using fuzz::holds;

namespace {

Value field(fuzz::Input& in, ColumnType type) {
  if (in.below(4) == 0) return {};
  const std::uint64_t bits = in.below(2) == 0 ? in.u16() : in.u16() << 48 | in.u16() << 32 | in.u16();
  switch (type) {
    case ColumnType::f64:
      return in.below(2) == 0 ? static_cast<double>(bits) / 10 : std::bit_cast<double>(bits);
    case ColumnType::i64:
      return static_cast<std::int64_t>(bits);
    case ColumnType::boolean:
      return (bits & 1) != 0;
    case ColumnType::text:
      return std::string(as_text(in.take(in.below(9))));
    default:
      return to_bytes(in.take(in.below(9)));
  }
}

bool same(const Value& a, const Value& b) {
  const auto* x = std::get_if<double>(&a);
  const auto* y = std::get_if<double>(&b);
  if (x != nullptr && y != nullptr) return std::bit_cast<std::uint64_t>(*x) == std::bit_cast<std::uint64_t>(*y);
  return a == b;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input in(data, size);
  stream::Schema schema;
  for (std::size_t left = 1 + in.below(5); left > 0; --left)
    schema.columns.push_back({"c" + std::to_string(left), static_cast<ColumnType>(1 + in.below(5))});
  stream::SegmentBuilder builder(schema);
  std::vector<Record> given;
  std::int64_t micros = 0;
  while (in.more() && given.size() < 2000) {
    Record record;
    micros += static_cast<std::int64_t>(in.u16()) - 100;
    record.at = Timestamp(Timestamp::duration(micros));
    for (const Column& column : schema.columns) record.fields.push_back(field(in, column.type));
    holds(stream::fits(schema, record.fields).has_value() && builder.accepts(record.fields), "a row that fits");
    builder.add(record.at, record.fields);
    given.push_back(std::move(record));
  }
  if (given.empty()) return 0;
  const auto got = stream::decode(builder.finish(1));
  holds(got && got->size() == given.size(), "as many come out as went in");
  for (std::size_t i = 0; i < given.size(); ++i) {
    holds((*got)[i].sequence == i + 1 && (*got)[i].at == given[i].at, "in order and time");
    for (std::size_t c = 0; c < schema.columns.size(); ++c)
      holds(same((*got)[i].fields[c], given[i].fields[c]), "bit for bit");
  }
  return 0;
}
