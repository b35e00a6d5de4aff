// SPDX-License-Identifier: Apache-2.0
#include "base/bytes.hpp"

#include <algorithm>
#include <bit>

namespace edgesync {
namespace {

constexpr char digits[] = "0123456789abcdef";

int nibble(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::strong_ordering compare(ByteView a, ByteView b) noexcept {
  const std::size_t common = std::min(a.size(), b.size());
  const int order = common == 0 ? 0 : std::memcmp(a.data(), b.data(), common);
  return order != 0 ? order <=> 0 : a.size() <=> b.size();
}

std::string to_hex(ByteView bytes) {
  std::string text;
  text.reserve(bytes.size() * 2);
  for (std::byte b : bytes) {
    text += digits[std::to_integer<unsigned>(b) >> 4];
    text += digits[std::to_integer<unsigned>(b) & 15];
  }
  return text;
}

std::optional<Bytes> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  Bytes bytes;
  bytes.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = nibble(text[i]), low = nibble(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes.push_back(static_cast<std::byte>(high * 16 + low));
  }
  return bytes;
}

void Writer::u64(std::uint64_t value) {
  for (int shift = 56; shift >= 0; shift -= 8) u8(static_cast<std::uint8_t>(value >> shift));
}

void Writer::varint(std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) u8(static_cast<std::uint8_t>(value | 0x80));
  u8(static_cast<std::uint8_t>(value));
}

void Writer::f64(double value) { u64(std::bit_cast<std::uint64_t>(value)); }

std::uint8_t Reader::u8() noexcept {
  if (in_.empty()) return fail(), std::uint8_t{0};
  const auto value = std::to_integer<std::uint8_t>(in_.front());
  in_ = in_.subspan(1);
  return value;
}

std::uint64_t Reader::u64() noexcept {
  const ByteView bytes = raw(8);
  std::uint64_t value = 0;
  for (std::byte b : bytes) value = value << 8 | std::to_integer<std::uint64_t>(b);
  return value;
}

std::uint64_t Reader::varint() noexcept {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    const std::uint8_t byte = u8();
    if (failed_) return 0;
    if (shift == 63 && byte > 1) break;  // more than 64 bits
    if (shift > 0 && byte == 0) break;   // padded: one value, one encoding
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  fail();
  return 0;
}

double Reader::f64() noexcept { return std::bit_cast<double>(u64()); }

ByteView Reader::raw(std::uint64_t size) noexcept {
  if (size > in_.size()) return fail(), ByteView{};
  const ByteView bytes = in_.first(static_cast<std::size_t>(size));
  in_ = in_.subspan(static_cast<std::size_t>(size));
  return bytes;
}

ReplicaId Reader::id() noexcept {
  ReplicaId id;
  const ByteView bytes = raw(id.bytes.size());
  std::copy(bytes.begin(), bytes.end(), id.bytes.begin());
  return id;
}

std::size_t Reader::count(std::size_t bytes_each) noexcept {
  const std::uint64_t value = varint();
  if (value > in_.size() / std::max<std::size_t>(bytes_each, 1)) return fail(), std::size_t{0};
  return static_cast<std::size_t>(value);
}

}  // namespace edgesync
