// SPDX-License-Identifier: Apache-2.0
#include "crdt/key.hpp"

#include <algorithm>

namespace edgesync::crdt {
namespace {

constexpr std::byte separator{0x01}, terminator{0x00};

Bytes encode_path(std::string_view path) {
  Bytes key = to_bytes(path);
  std::replace(key.begin(), key.end(), std::byte{'/'}, separator);
  return key;
}

Bytes with(Bytes key, std::uint8_t last) {
  key.push_back(static_cast<std::byte>(last));
  return key;
}

}  // namespace

Bytes cell_key(std::string_view path, Kind kind, ByteView suffix) {
  Bytes key;
  key.reserve(path.size() + 2 + suffix.size());
  for (char c : path) key.push_back(c == '/' ? separator : static_cast<std::byte>(c));
  key.push_back(terminator);
  key.push_back(static_cast<std::byte>(kind));
  key.insert(key.end(), suffix.begin(), suffix.end());
  return key;
}

std::optional<KeyParts> split(ByteView key) {
  const auto end = std::find(key.begin(), key.end(), terminator);
  if (key.end() - end < 2) return std::nullopt;
  const auto path_size = static_cast<std::size_t>(end - key.begin());
  KeyParts parts{std::string(as_text(key.first(path_size))), std::to_integer<std::uint8_t>(key[path_size + 1]),
                 key.subspan(path_size + 2)};
  std::replace(parts.path.begin(), parts.path.end(), '\x01', '/');
  return parts;
}

KeyRange cells_at(std::string_view path) { return {with(encode_path(path), 0), with(encode_path(path), 1)}; }

KeyRange cells_at(std::string_view path, Kind kind) {
  const auto byte = static_cast<std::uint8_t>(kind);
  const Bytes at = with(encode_path(path), 0);
  return {with(at, byte), with(at, static_cast<std::uint8_t>(byte + 1))};
}

KeyRange cells_under(std::string_view path) {
  if (path.empty()) return {};
  return {with(encode_path(path), 0), with(encode_path(path), 2)};
}

}  // namespace edgesync::crdt
