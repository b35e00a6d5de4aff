// SPDX-License-Identifier: Apache-2.0
// Requests of the stream plane that write. A row is [unix_us, field...] with the fields in the order of the columns.
#include "ops.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace program {
namespace {

constexpr std::string_view column_types = "f64, i64, bool, text or bytes";

std::optional<es::ColumnType> to_type(std::string_view text) {
  if (text == "bool") return es::boolean;
  for (const es::ColumnType type : {es::f64, es::i64, es::text, es::bytes}) {
    if (text == es::name(type)) return type;
  }
  return std::nullopt;
}

es::Result<es::Column> to_column(const json::value& from, const std::string& where) {
  const json::array* pair = from.if_array();
  if (pair == nullptr || pair->size() != 2 || !(*pair)[0].is_string() || !(*pair)[1].is_string()) {
    return invalid(where, "not [name, type]");
  }
  const json::string& name = (*pair)[0].get_string();
  const json::string& type = (*pair)[1].get_string();
  const auto known = to_type(std::string_view(type.data(), type.size()));
  if (!known) return invalid(where, "type is not " + std::string(column_types));
  return es::Column{std::string(name.data(), name.size()), *known};
}

es::Result<std::vector<es::Column>> to_columns(const json::array& list) {
  std::vector<es::Column> columns;
  for (std::size_t i = 0; i < list.size(); ++i) {
    auto column = to_column(list[i], "columns[" + std::to_string(i) + "]");
    if (!column) return column.error();
    columns.push_back(std::move(*column));
  }
  return columns;
}

/// "drop", {"hash": key} or {"round": step}.
es::Result<es::Mask> to_mask(const json::value& from, const std::string& where) {
  if (from.is_string() && from.get_string() == "drop") return es::Mask::drop();
  const json::object* rule = from.if_object();
  const bool one = rule != nullptr && rule->size() == 1;
  const json::value* key = one ? rule->if_contains("hash") : nullptr;
  if (key != nullptr && key->is_string()) return es::Mask::hash(std::string(key->get_string()));
  const json::value* step = one ? rule->if_contains("round") : nullptr;
  if (step != nullptr && step->is_number()) return es::Mask::round(step->to_number<double>());
  return invalid(where, R"(not "drop", {"hash": key} or {"round": step})");
}

es::Result<es::Masks> to_masks(const json::value* from) {
  es::Masks masks;
  if (from == nullptr) return masks;
  if (!from->is_object()) return invalid("masks", "not an object");
  for (const auto& [name, rule] : from->get_object()) {
    auto mask = to_mask(rule, "masks." + std::string(name));
    if (!mask) return mask.error();
    masks.emplace(std::string(name), std::move(*mask));
  }
  return masks;
}

es::Result<es::Record> to_record(const json::value& from, const std::vector<es::Column>& columns,
                                 const std::string& where) {
  const json::array* row = from.if_array();
  if (row == nullptr || row->empty()) return invalid(where, "not [unix_us, field...]");
  const std::int64_t* at = (*row)[0].if_int64();
  if (at == nullptr) return invalid(where, "unix_us is not a whole number");
  es::Record record;
  record.at = es::Timestamp(std::chrono::microseconds(*at));
  for (std::size_t i = 1; i < row->size(); ++i) {
    auto field = to_value((*row)[i], where);
    if (!field) return field.error();
    if (std::holds_alternative<es::Json>(*field)) return invalid(where, "a field is a list or an object");
    // JSON writers drop ".0": a whole number in a column of doubles is a double.
    const auto* whole = std::get_if<std::int64_t>(&*field);
    if (whole != nullptr && i <= columns.size() && columns[i - 1].type == es::f64) {
      *field = static_cast<double>(*whole);
    }
    record.fields.push_back(std::move(*field));
  }
  return record;
}

es::Result<es::Overflow> to_overflow(const std::string& name, std::uint64_t thin) {
  if (name == "drop_oldest") return es::Overflow::drop_oldest;
  if (name == "drop_newest") return es::Overflow::drop_newest;
  if (name == "reject") return es::Overflow::reject;
  if (name == "thin" && thin <= UINT32_MAX) return es::Overflow::thin(static_cast<std::uint32_t>(thin));
  return es::Error(es::Errc::invalid_argument,
                   "overflow: not drop_oldest, drop_newest, reject, or thin with a number \"thin\"");
}

es::Result<es::Priority> to_priority(const std::string& name) {
  if (name == "urgent") return es::Priority::urgent;
  if (name == "normal") return es::Priority::normal;
  if (name == "bulk") return es::Priority::bulk;
  return es::Error(es::Errc::invalid_argument, "priority: not urgent, normal or bulk");
}

}  // namespace

Answer stream_open(Session& session, Fields& fields) {
  const std::string scope = fields.text("scope");
  const json::array* list = fields.array("columns");
  es::StreamOptions options;
  options.local_only = fields.flag_or("local_only", false);
  const auto retention = std::chrono::milliseconds(options.retention);
  const std::uint64_t retention_ms = fields.number_or("retention_ms", static_cast<std::uint64_t>(retention.count()));
  options.quota = fields.number_or("quota_bytes", options.quota);
  const std::string overflow = fields.text_or("overflow", "drop_oldest");
  const std::uint64_t thin = fields.number_or("thin", 0);
  const std::string priority = fields.text_or("priority", "normal");
  const json::value* masked = fields.find("masks");
  if (auto checked = fields.check(); !checked) return checked.error();
  constexpr std::uint64_t second = 1'000, most = 1'000'000'000'000'000;
  options.retention = std::chrono::seconds((std::min(retention_ms, most) + second - 1) / second);
  auto rule = to_overflow(overflow, thin);
  if (!rule) return rule.error();
  options.overflow = *rule;
  auto first = to_priority(priority);
  if (!first) return first.error();
  options.priority = *first;
  auto masks = to_masks(masked);
  if (!masks) return masks.error();
  options.masks = std::move(*masks);
  auto columns = to_columns(*list);
  if (!columns) return columns.error();
  options.columns = std::move(*columns);
  auto opened = session.node().stream(scope, std::move(options)).columns();
  if (!opened) return opened.error();
  return json::object();
}

Answer stream_append(Session& session, Fields& fields) {
  const std::string scope = fields.text("scope");
  const json::array* rows = fields.array("rows");
  const es::Durability durability = fields.durability();
  if (auto checked = fields.check(); !checked) return checked.error();
  es::Stream stream = session.node().stream(scope);
  auto columns = stream.columns();
  if (!columns) return columns.error();
  std::vector<es::Record> records;
  for (std::size_t i = 0; i < rows->size(); ++i) {
    auto record = to_record((*rows)[i], *columns, "rows[" + std::to_string(i) + "]");
    if (!record) return record.error();
    records.push_back(std::move(*record));
  }
  auto sequences = stream.append(records, durability);
  if (!sequences) return sequences.error();
  json::object out;
  out["first"] = sequences->first;
  out["last"] = sequences->last;
  return out;
}

}  // namespace program
