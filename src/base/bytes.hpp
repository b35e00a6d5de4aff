// SPDX-License-Identifier: Apache-2.0
// Bytes: views, hexadecimal, and the two cursors every edgesync encoding is built from. Integers are big-endian where
// order matters (keys) and LEB128 varints elsewhere. A Reader never reads past its input: after the first failure it
// stays failed and returns zeros, so that a decoder checks once at the end instead of after each field.
#pragma once

#include <edgesync/value.hpp>

#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace edgesync {

using ByteView = std::span<const std::byte>;

inline ByteView as_view(std::string_view text) noexcept { return std::as_bytes(std::span(text.data(), text.size())); }
inline std::string_view as_text(ByteView bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
inline Bytes to_bytes(ByteView view) { return {view.begin(), view.end()}; }
inline Bytes to_bytes(std::string_view text) { return to_bytes(as_view(text)); }

/// Lexicographic order of unsigned bytes: the order of keys everywhere, and SQLite's order of blobs.
std::strong_ordering compare(ByteView a, ByteView b) noexcept;
inline bool equal(ByteView a, ByteView b) noexcept { return compare(a, b) == std::strong_ordering::equal; }

std::string to_hex(ByteView bytes);
/// Nothing unless `text` is an even number of hexadecimal digits.
std::optional<Bytes> from_hex(std::string_view text);

/// A transparent order, so that maps keyed by Bytes can be searched with views.
struct BytesLess {
  using is_transparent = void;
  bool operator()(ByteView a, ByteView b) const noexcept { return compare(a, b) < 0; }
};

/// Maps signed integers to unsigned so that small magnitudes stay small: 0, -1, 1, -2 -> 0, 1, 2, 3.
constexpr std::uint64_t zigzag(std::int64_t value) noexcept {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}
constexpr std::int64_t unzigzag(std::uint64_t value) noexcept {
  return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
}

/// Appends to a byte vector.
class Writer {
 public:
  explicit Writer(Bytes& out) noexcept : out_(out) {}

  void u8(std::uint8_t value) { out_.push_back(static_cast<std::byte>(value)); }
  void u64(std::uint64_t value);     ///< Eight bytes, big-endian.
  void varint(std::uint64_t value);  ///< One to ten bytes, LEB128.
  void svarint(std::int64_t value) { varint(zigzag(value)); }
  void f64(double value);  ///< The IEEE 754 bits, NaN payload included.
  void raw(ByteView bytes) { out_.insert(out_.end(), bytes.begin(), bytes.end()); }
  void blob(ByteView bytes) { varint(bytes.size()), raw(bytes); }  ///< Length, then bytes.
  void id(const ReplicaId& id) { raw(id.bytes); }

 private:
  Bytes& out_;
};

/// Takes from a byte view; see the file comment for failure.
class Reader {
 public:
  explicit Reader(ByteView in) noexcept : in_(in) {}

  std::uint8_t u8() noexcept;
  std::uint64_t u64() noexcept;
  std::uint64_t varint() noexcept;  ///< Fails on more than 64 bits and on padded encodings.
  std::int64_t svarint() noexcept { return unzigzag(varint()); }
  double f64() noexcept;
  ByteView raw(std::uint64_t size) noexcept;
  ByteView blob() noexcept { return raw(varint()); }
  ReplicaId id() noexcept;
  /// A count of items that need at least `bytes_each` bytes: fails if the rest of the input cannot hold them.
  std::size_t count(std::size_t bytes_each = 1) noexcept;

  std::size_t left() const noexcept { return in_.size(); }
  bool failed() const noexcept { return failed_; }
  void fail() noexcept { failed_ = true, in_ = {}; }
  /// True if nothing failed and nothing is left over.
  bool done() const noexcept { return !failed_ && in_.empty(); }

 private:
  ByteView in_;
  bool failed_ = false;
};

}  // namespace edgesync
