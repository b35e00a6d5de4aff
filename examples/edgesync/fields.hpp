// SPDX-License-Identifier: Apache-2.0
// Fields: the members of one JSON object, read by name and type. The first thing wrong is kept and told by check(), and
// so is a member that nobody asked for: nothing is ever ignored. Read all fields, check, then act.
#pragma once

#include "json.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace program {

/// Lifetime: keeps a reference to the object. Thread safety: none.
class Fields {
 public:
  /// `where` stands before each name in an error: "edits[3].".
  explicit Fields(const json::object& object, std::string where = {}) : object_(object), where_(std::move(where)) {}

  std::string text(std::string_view name);
  std::string text_or(std::string_view name, std::string_view otherwise);
  std::uint64_t number(std::string_view name);
  std::uint64_t number_or(std::string_view name, std::uint64_t otherwise);
  std::int64_t integer(std::string_view name);
  bool flag_or(std::string_view name, bool otherwise);
  es::Value value(std::string_view name);
  /// Never null after a good check().
  const json::array* array(std::string_view name);

  es::Plane plane();
  es::Durability durability();

  /// Null if there is no such member. Counts as asked for.
  const json::value* find(std::string_view name);
  void fail(std::string_view name, std::string_view why, es::Errc code = es::Errc::invalid_argument);

  /// Fails with: the first problem met; else the first member that nobody asked for.
  es::Result<void> check() const;

 private:
  const json::value* need(std::string_view name);
  std::uint64_t to_number(std::string_view name, const json::value& from);

  const json::object& object_;
  std::string where_;
  std::vector<std::string_view> asked_{};
  std::optional<es::Error> problem_{};
};

}  // namespace program
