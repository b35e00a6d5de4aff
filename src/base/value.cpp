// SPDX-License-Identifier: Apache-2.0
#include "base/bytes.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <type_traits>

namespace edgesync {
namespace {

void quote(std::string& out, std::string_view text) {
  constexpr char digits[] = "0123456789abcdef";
  out += '"';
  for (char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          out += "\\u00";
          out += digits[static_cast<unsigned char>(c) >> 4];
          out += digits[c & 15];
        } else {
          out += c;
        }
    }
  }
  out += '"';
}

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

void number(std::string& out, auto value) {
  std::array<char, 32> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  out.append(text.data(), end);
}

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

std::string to_json(const Value& value) {
  std::string out;
  std::visit(
      [&](const auto& held) {
        using T = std::decay_t<decltype(held)>;
        if constexpr (std::is_same_v<T, std::monostate>) {
          out = "null";
        } else if constexpr (std::is_same_v<T, bool>) {
          out = held ? "true" : "false";
        } else if constexpr (std::is_same_v<T, std::int64_t>) {
          number(out, held);
        } else if constexpr (std::is_same_v<T, double>) {
          if (!std::isfinite(held)) {
            out = "null";
            return;
          }
          number(out, held);
          // An integral double keeps its type through JSON: 2.0 must not come back as the integer 2.
          if (out.find_first_of(".e") == std::string::npos) out += ".0";
        } else if constexpr (std::is_same_v<T, std::string>) {
          quote(out, held);
        } else if constexpr (std::is_same_v<T, Bytes>) {
          out = "{\"base64\":\"" + base64(held) + "\"}";
        } else {
          out = held.text;
        }
      },
      value);
  return out;
}

}  // namespace edgesync
