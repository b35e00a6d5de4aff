// SPDX-License-Identifier: Apache-2.0
#include "base/json.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <cstdint>

namespace edgesync {
namespace {

constexpr std::string_view digits = "0123456789abcdef";

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

/// Takes the grammar's parts off the front of a text; each returns false if the text does not begin so.
class JsonReader {
 public:
  explicit JsonReader(std::string_view text) noexcept : rest_(text) {}

  bool document() noexcept { return value(0) && (space(), rest_.empty()); }

  std::optional<std::vector<std::string_view>> list() {
    std::vector<std::string_view> elements;
    const auto element = [&] {
      space();
      const std::string_view before = rest_;
      if (!value(1)) return false;
      elements.push_back(before.substr(0, before.size() - rest_.size()));
      space();
      return true;
    };
    space();
    if (!take('[')) return std::nullopt;
    space();
    for (bool more = !take(']'); more;) {
      if (!element()) return std::nullopt;
      more = take(',');
      if (!more && !take(']')) return std::nullopt;
    }
    space();
    return rest_.empty() ? std::optional(std::move(elements)) : std::nullopt;
  }

 private:
  bool take(char c) noexcept {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  bool take(std::string_view word) noexcept {
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }

  void space() noexcept { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\n\r"), rest_.size())); }

  bool value(std::size_t depth) noexcept {
    space();
    if (take('{')) return depth < json_depth_max && items('}', depth + 1);
    if (take('[')) return depth < json_depth_max && items(']', depth + 1);
    if (rest_.starts_with('"')) return string();
    return take("true") || take("false") || take("null") || number();
  }

  bool items(char close, std::size_t depth) noexcept {
    space();
    if (take(close)) return true;
    do {
      if (close == '}' && !name()) return false;
      if (!value(depth)) return false;
      space();
    } while (take(','));
    return take(close);
  }

  bool name() noexcept {
    space();
    if (!string()) return false;
    space();
    return take(':');
  }

  bool string() noexcept {
    if (!take('"')) return false;
    while (!take('"')) {
      if (rest_.empty() || static_cast<unsigned char>(rest_[0]) < 0x20) return false;
      const bool good = take('\\') ? escape() : skip();
      if (!good) return false;
    }
    return true;
  }

  bool escape() noexcept {
    if (!take('u')) return !rest_.empty() && std::string_view("\"\\/bfnrt").find(rest_[0]) != rest_.npos && skip();
    std::uint32_t high = 0, low = 0;
    if (!hex(high) || high >> 10 == 0x37) return false;  // the second half of a pair, alone
    if (high >> 10 != 0x36) return true;
    return take("\\u") && hex(low) && low >> 10 == 0x37;
  }

  bool hex(std::uint32_t& unit) noexcept {
    for (int i = 0; i < 4; ++i) {
      if (rest_.empty()) return false;
      const char c = rest_[0];
      const auto digit = digits.find(c >= 'A' && c <= 'F' ? static_cast<char>(c + 32) : c);
      if (digit == digits.npos) return false;
      unit = unit << 4 | static_cast<std::uint32_t>(digit);
      rest_.remove_prefix(1);
    }
    return true;
  }

  bool number() noexcept {
    take('-');
    if (!take('0') && !run()) return false;
    if (take('.') && !run()) return false;
    if (!take('e') && !take('E')) return true;
    if (!take('+')) take('-');
    return run();
  }

  bool run() noexcept {
    if (rest_.empty() || !is_digit(rest_[0])) return false;
    while (!rest_.empty() && is_digit(rest_[0])) rest_.remove_prefix(1);
    return true;
  }

  bool skip() noexcept { return rest_.remove_prefix(1), true; }

  std::string_view rest_;
};

/// Nothing if `c` needs no escape.
std::string escaped(char c) {
  const std::size_t at = std::string_view("\"\\\n\r\t").find(c);
  if (at != std::string_view::npos) return {'\\', "\"\\nrt"[at]};
  const auto byte = static_cast<unsigned char>(c);
  if (byte >= 0x20) return {};
  return {'\\', 'u', '0', '0', digits[byte >> 4], digits[byte & 15]};
}

}  // namespace

bool is_json(std::string_view text) noexcept { return is_utf8(text) && JsonReader(text).document(); }

std::optional<std::vector<std::string_view>> json_list(std::string_view text) {
  return is_utf8(text) ? JsonReader(text).list() : std::nullopt;
}

std::string json_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : as_utf8(text)) {
    const std::string escape = escaped(c);
    escape.empty() ? void(out += c) : void(out += escape);
  }
  return out + '"';
}

}  // namespace edgesync
