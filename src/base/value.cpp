// SPDX-License-Identifier: Apache-2.0
#include "base/bytes.hpp"
#include "base/json.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace edgesync {
namespace {

std::string base64(ByteView bytes) {
  constexpr char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    const std::size_t have = std::min<std::size_t>(3, bytes.size() - i);
    for (std::size_t k = 0; k < 3; ++k)
      group = group << 8 | (k < have ? std::to_integer<std::uint32_t>(bytes[i + k]) : 0);
    for (std::size_t k = 0; k < 4; ++k) out += k <= have ? alphabet[group >> (18 - 6 * k) & 63] : '=';
  }
  return out;
}

std::string number(auto value) {
  std::array<char, 32> text;
  return {text.data(), std::to_chars(text.data(), text.data() + text.size(), value).ptr};
}

struct JsonText {
  std::string operator()(std::monostate) const { return "null"; }
  std::string operator()(bool value) const { return value ? "true" : "false"; }
  std::string operator()(std::int64_t value) const { return number(value); }
  std::string operator()(double value) const {
    if (!std::isfinite(value)) return "null";
    const std::string text = number(value);
    // An integral double keeps its type through JSON: 2.0 must not come back as the integer 2.
    return text.find_first_of(".e") == std::string::npos ? text + ".0" : text;
  }
  std::string operator()(const std::string& value) const { return json_string(value); }
  std::string operator()(const Bytes& value) const { return "{\"base64\":\"" + base64(value) + "\"}"; }
  std::string operator()(const Json& value) const {
    if (!is_json(value.text)) return json_string(value.text);
    std::string line = value.text;
    std::replace_if(
        line.begin(), line.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
    return line;
  }
};

}  // namespace

std::string to_string(const ReplicaId& id) { return to_hex(id.bytes); }

const char* name(Plane plane) noexcept {
  switch (plane) {
    case Plane::state:
      return "state";
    case Plane::config:
      return "config";
    case Plane::stream:
      return "stream";
  }
  return "unknown";
}

std::string to_json(const Value& value) { return std::visit(JsonText(), value); }

}  // namespace edgesync
