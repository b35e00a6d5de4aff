// SPDX-License-Identifier: Apache-2.0
#include "json.hpp"

#include "base64.hpp"

#include <cmath>
#include <cstdlib>
#include <limits>
#include <utility>

namespace program {
namespace {

/// The text of {"base64": TEXT}, else null.
const json::string* base64_text(const json::value& from) {
  const json::object* object = from.if_object();
  if (object == nullptr || object->size() != 1) return nullptr;
  const json::value* text = object->if_contains("base64");
  return text == nullptr ? nullptr : text->if_string();
}

es::Result<es::Value> to_number(const json::value& from, std::string_view where) {
  if (const auto* number = from.if_int64()) return es::Value(*number);
  if (const auto* number = from.if_double()) return es::Value(*number);
  return invalid(where, "an integer beyond 64 bits");
}

es::Result<void> flatten_into(std::map<std::string, es::Value>& out, const std::string& path, const json::value& from) {
  const json::object* object = from.if_object();
  if (object != nullptr && !object->empty() && base64_text(from) == nullptr) {
    for (const auto& [key, below] : *object) {
      std::string longer = path.empty() ? "" : path + '/';
      longer.append(key.data(), key.size());
      if (auto done = flatten_into(out, longer, below); !done) return done;
    }
    return {};
  }
  if (path.empty()) return invalid("tree", "not an object with keys");
  auto value = to_value(from, path);
  if (!value) return value.error();
  out[path] = std::move(*value);
  return {};
}

}  // namespace

es::Error invalid(std::string_view where, std::string_view why) {
  return {es::Errc::invalid_argument, std::string(where) + ": " + std::string(why)};
}

std::string code_name(const std::error_code& code) {
  if (code.category() == es::error_category()) return es::name(static_cast<es::Errc>(code.value()));
  return code.message();
}

es::Result<es::Value> to_value(const json::value& from, std::string_view where) {
  if (from.is_null()) return es::Value();
  if (const auto* truth = from.if_bool()) return es::Value(*truth);
  if (const auto* text = from.if_string()) return es::Value(std::string(text->data(), text->size()));
  if (from.is_number()) return to_number(from, where);
  if (const auto* text = base64_text(from)) {
    auto bytes = from_base64(std::string_view(text->data(), text->size()));
    if (!bytes) return invalid(where, "not base64");
    return es::Value(std::move(*bytes));
  }
  return es::Value(es::Json{json::serialize(from)});
}

json::value from_value(const es::Value& value) {
  if (const auto* whole = std::get_if<es::Json>(&value)) {
    auto parsed = parse(whole->text);
    return parsed ? std::move(*parsed) : json::value(json::string_view(whole->text));
  }
  if (const auto* truth = std::get_if<bool>(&value)) return json::value(*truth);
  if (const auto* number = std::get_if<std::int64_t>(&value)) return json::value(*number);
  if (const auto* number = std::get_if<double>(&value)) {
    return std::isfinite(*number) ? json::value(*number) : json::value(nullptr);
  }
  if (const auto* text = std::get_if<std::string>(&value)) return json::value(json::string_view(*text));
  if (const auto* bytes = std::get_if<es::Bytes>(&value)) {
    json::object wrapped;
    wrapped["base64"] = to_base64(*bytes);
    return wrapped;
  }
  return json::value(nullptr);
}

es::Result<std::map<std::string, es::Value>> flatten(const json::value& tree) {
  std::map<std::string, es::Value> out;
  if (const json::object* object = tree.if_object(); object != nullptr && object->empty()) return out;
  if (auto done = flatten_into(out, {}, tree); !done) return done.error();
  return out;
}

es::Result<es::ReplicaId> to_replica(std::string_view text, std::string_view where) {
  es::ReplicaId id;
  if (text.size() != 2 * id.bytes.size()) return invalid(where, "not 32 hexadecimal digits");
  for (std::size_t i = 0; i < id.bytes.size(); ++i) {
    const std::string digits(text.substr(2 * i, 2));
    if (digits.find_first_not_of("0123456789abcdef") != std::string::npos) {
      return invalid(where, "not 32 hexadecimal digits");
    }
    id.bytes[i] = static_cast<std::byte>(std::strtoul(digits.c_str(), nullptr, 16));
  }
  return id;
}

}  // namespace program
