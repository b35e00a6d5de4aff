// SPDX-License-Identifier: Apache-2.0
#include "fields.hpp"

#include <algorithm>
#include <utility>

namespace program {

const json::value* Fields::find(std::string_view name) {
  asked_.push_back(name);
  return object_.if_contains(json::string_view(name.data(), name.size()));
}

const json::value* Fields::need(std::string_view name) {
  const json::value* found = find(name);
  if (found == nullptr) fail(name, "missing");
  return found;
}

void Fields::fail(std::string_view name, std::string_view why, es::Errc code) {
  if (!problem_) problem_ = es::Error(code, where_ + std::string(name) + ": " + std::string(why));
}

std::string Fields::text(std::string_view name) {
  const json::value* found = need(name);
  if (found == nullptr) return {};
  const json::string* text = found->if_string();
  if (text == nullptr) return fail(name, "not a string"), std::string();
  return std::string(text->data(), text->size());
}

std::string Fields::text_or(std::string_view name, std::string_view otherwise) {
  return find(name) == nullptr ? std::string(otherwise) : text(name);
}

std::uint64_t Fields::to_number(std::string_view name, const json::value& from) {
  const std::int64_t* number = from.if_int64();
  if (number == nullptr || *number < 0) return fail(name, "not a whole number from 0"), 0;
  return static_cast<std::uint64_t>(*number);
}

std::uint64_t Fields::number(std::string_view name) {
  const json::value* found = need(name);
  return found == nullptr ? 0 : to_number(name, *found);
}

std::uint64_t Fields::number_or(std::string_view name, std::uint64_t otherwise) {
  const json::value* found = find(name);
  return found == nullptr ? otherwise : to_number(name, *found);
}

std::int64_t Fields::integer(std::string_view name) {
  const json::value* found = need(name);
  if (found == nullptr) return 0;
  const std::int64_t* number = found->if_int64();
  if (number == nullptr) return fail(name, "not a whole number of 64 bits"), 0;
  return *number;
}

bool Fields::flag_or(std::string_view name, bool otherwise) {
  const json::value* found = find(name);
  if (found == nullptr) return otherwise;
  const bool* flag = found->if_bool();
  if (flag == nullptr) return fail(name, "not true or false"), otherwise;
  return *flag;
}

es::Value Fields::value(std::string_view name) {
  const json::value* found = need(name);
  if (found == nullptr) return {};
  auto value = to_value(*found, where_ + std::string(name));
  if (value) return std::move(*value);
  if (!problem_) problem_ = value.error();
  return {};
}

const json::array* Fields::array(std::string_view name) {
  const json::value* found = need(name);
  if (found == nullptr) return nullptr;
  if (found->if_array() == nullptr) fail(name, "not a list");
  return found->if_array();
}

es::Plane Fields::plane() {
  const std::string text = this->text("plane");
  for (const es::Plane plane : {es::Plane::state, es::Plane::config, es::Plane::stream}) {
    if (text == es::name(plane)) return plane;
  }
  fail("plane", "not state, config or stream");
  return {};
}

es::Durability Fields::durability() {
  const std::string text = text_or("durability", "durable");
  if (text != "durable" && text != "fast") fail("durability", "not durable or fast");
  return text == "fast" ? es::Durability::fast : es::Durability::durable;
}

es::Result<void> Fields::check() const {
  if (problem_) return *problem_;
  for (const auto& member : object_) {
    const std::string_view name(member.key().data(), member.key().size());
    if (std::find(asked_.begin(), asked_.end(), name) == asked_.end()) {
      return invalid(where_ + std::string(name), "unknown field");
    }
  }
  return {};
}

}  // namespace program
