// SPDX-License-Identifier: Apache-2.0
#include "store/row_check.hpp"

#include "base/hash.hpp"

#include <array>

namespace edgesync::store {
namespace {

constexpr Hash128 check_key{0x6564676573796e63U, 0x726f772d63686563U};
constexpr std::size_t key_check_bytes = 2;

std::uint32_t key_check(std::uint32_t sid, ByteView key) noexcept { return row_check({sid}, key) & 0xffffU; }

std::uint32_t little_endian(ByteView bytes) noexcept {
  std::uint32_t number = 0;
  for (std::size_t i = bytes.size(); i > 0; --i) number = number << 8 | std::to_integer<std::uint32_t>(bytes[i - 1]);
  return number;
}

std::uint32_t check_over(std::initializer_list<std::uint64_t> words, std::initializer_list<ByteView> parts) noexcept {
  SipHash hash(check_key);
  for (const std::uint64_t word : words) {
    std::array<std::byte, 8> number{};
    for (std::size_t i = 0; i < number.size(); ++i) number[i] = static_cast<std::byte>(word >> (8 * i));
    hash.add(number);
  }
  for (const ByteView part : parts) hash.add(part);
  return static_cast<std::uint32_t>(hash.finish().a);
}

void append(Bytes& row, std::uint32_t number, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) row.push_back(static_cast<std::byte>(number >> (8 * i)));
}

}  // namespace

std::uint32_t row_check(std::initializer_list<std::uint64_t> words, ByteView bytes, ByteView more) noexcept {
  return check_over(words, {bytes, more});
}

void append_check(Bytes& row, std::uint32_t check) { append(row, check, check_bytes); }

std::uint32_t check_at_end(ByteView row) noexcept {
  return row.size() < check_bytes ? 0 : little_endian(row.last(check_bytes));
}

void seal_cell(Bytes& row, std::uint32_t sid, ByteView key) {
  append(row, key_check(sid, key), key_check_bytes);
  append(row, row_check({sid, key.size()}, key, row), check_bytes);
}

std::optional<ByteView> open_cell(ByteView row, std::uint32_t sid, ByteView key) noexcept {
  if (row.size() <= cell_check_bytes) return std::nullopt;
  // The key's check is made anew: if that alone has changed, nothing is lost.
  const ByteView entries = row.first(row.size() - cell_check_bytes);
  const std::uint32_t of_key = key_check(sid, key);
  const std::array stored{static_cast<std::byte>(of_key), static_cast<std::byte>(of_key >> 8)};
  const bool stands = check_over({sid, key.size()}, {key, entries, stored}) == little_endian(row.last(check_bytes));
  return stands ? std::optional(entries) : std::nullopt;
}

bool key_stands(ByteView row, std::uint32_t sid, ByteView key) noexcept {
  if (row.size() < cell_check_bytes) return false;
  const ByteView stored = row.last(cell_check_bytes).first(key_check_bytes);
  return little_endian(stored) == key_check(sid, key);
}

}  // namespace edgesync::store
