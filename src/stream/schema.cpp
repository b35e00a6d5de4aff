// SPDX-License-Identifier: Apache-2.0
#include "stream/schema.hpp"

#include <algorithm>
#include <optional>

namespace edgesync {

const char* name(ColumnType type) noexcept {
  switch (type) {
    case ColumnType::f64:
      return "f64";
    case ColumnType::i64:
      return "i64";
    case ColumnType::boolean:
      return "boolean";
    case ColumnType::text:
      return "text";
    case ColumnType::bytes:
      return "bytes";
  }
  return "unknown";
}

}  // namespace edgesync

namespace edgesync::stream {
namespace {

const char* held_type(const Value& value) {
  constexpr const char* names[] = {"null", "boolean", "i64", "f64", "text", "bytes", "json"};
  return value.valueless_by_exception() ? "nothing" : names[value.index()];
}

// Whether the integer survives as a double; 2^63 itself is the first double that no int64 reaches.
bool exact(std::int64_t value) {
  const auto converted = static_cast<double>(value);
  return converted < 9223372036854775808.0 && static_cast<std::int64_t>(converted) == value;
}

bool matches(ColumnType type, const Value& value) {
  if (type == ColumnType::f64 && std::holds_alternative<double>(value)) return true;
  if (std::holds_alternative<std::monostate>(value)) return true;
  switch (type) {
    case ColumnType::f64: {
      const auto* whole = std::get_if<std::int64_t>(&value);
      return whole != nullptr && exact(*whole);
    }
    case ColumnType::i64:
      return std::holds_alternative<std::int64_t>(value);
    case ColumnType::boolean:
      return std::holds_alternative<bool>(value);
    case ColumnType::text:
      return std::holds_alternative<std::string>(value);
    case ColumnType::bytes:
      return std::holds_alternative<Bytes>(value);
  }
  return false;
}

Error mismatch(const Column& column, const Value& value) {
  std::string detail = "column '" + column.name + "': holds " + name(column.type) + ", not " + held_type(value);
  if (std::holds_alternative<std::int64_t>(value)) detail += " " + std::to_string(std::get<std::int64_t>(value));
  return {Errc::type_mismatch, std::move(detail)};
}

}  // namespace

Result<void> validate(const Schema& schema) {
  const auto& columns = schema.columns;
  if (columns.empty()) return Error(Errc::invalid_argument, "schema: no columns");
  if (columns.size() > max_columns) {
    return Error(Errc::limit_exceeded, "schema: " + std::to_string(columns.size()) + " columns, at most 64");
  }
  std::vector<std::string_view> names;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const std::string where = "schema: column " + std::to_string(i + 1);
    const Column& column = columns[i];
    if (column.name.empty()) return Error(Errc::invalid_argument, where + ": no name");
    if (column.name.size() > max_column_name) return Error(Errc::limit_exceeded, where + ": name above 64 bytes");
    if (column.type < ColumnType::f64 || column.type > ColumnType::bytes) {
      return Error(Errc::invalid_argument, where + ": unknown type");
    }
    names.push_back(column.name);
  }
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice == names.end()) return {};
  return Error(Errc::invalid_argument, "schema: column '" + std::string(*twice) + "' twice");
}

std::size_t record_bytes(std::span<const Value> row) noexcept {
  std::size_t size = 8 * (1 + row.size());
  for (const Value& value : row) {
    if (const auto* held = std::get_if<std::string>(&value)) size += held->size();
    if (const auto* held = std::get_if<Bytes>(&value)) size += held->size();
  }
  return size;
}

Result<void> fits(const Schema& schema, std::span<const Value> row) {
  if (row.size() != schema.columns.size()) {
    return Error(Errc::invalid_argument, "record: " + std::to_string(row.size()) + " fields for " +
                                             std::to_string(schema.columns.size()) + " columns");
  }
  static_assert(8 * (1 + max_columns) <= max_record_bytes);
  bool texts = false;  // only their fields have sizes of their own
  for (std::size_t i = 0; i < row.size(); ++i) {
    const ColumnType type = schema.columns[i].type;
    if (!matches(type, row[i])) return mismatch(schema.columns[i], row[i]);
    texts = texts || type == ColumnType::text || type == ColumnType::bytes;
  }
  if (texts && record_bytes(row) > max_record_bytes) return Error(Errc::limit_exceeded, "record: above 512 KiB");
  return {};
}

}  // namespace edgesync::stream
