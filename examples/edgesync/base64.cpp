// SPDX-License-Identifier: Apache-2.0
#include "base64.hpp"

#include <algorithm>
#include <cstdint>

namespace program {
namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

}  // namespace

std::string to_base64(const edgesync::Bytes& bytes) {
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t have = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      group = group << 8 | (k < have ? std::to_integer<std::uint32_t>(bytes[i + k]) : 0);
    }
    for (std::size_t k = 0; k < 4; ++k) out += k <= have ? alphabet[group >> (18 - 6 * k) & 63] : '=';
  }
  return out;
}

std::optional<edgesync::Bytes> from_base64(std::string_view text) {
  edgesync::Bytes out;
  for (std::size_t i = 0; i + 4 <= text.size(); i += 4) {
    std::uint32_t group = 0;
    std::size_t digits = 0;
    for (const char c : text.substr(i, 4)) {
      const auto digit = c == '=' ? std::string_view::npos : alphabet.find(c);
      if (digit != std::string_view::npos) ++digits;
      group = group << 6 | (digit == std::string_view::npos ? 0U : static_cast<std::uint32_t>(digit));
    }
    for (std::size_t k = 1; k < digits; ++k) out.push_back(static_cast<std::byte>(group >> (24 - 8 * k) & 255));
  }
  // Only one text stands for given bytes: anything else (bad letters, stray bits, missing padding) is refused.
  if (to_base64(out) != text) return std::nullopt;
  return out;
}

}  // namespace program
