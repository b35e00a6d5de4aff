// SPDX-License-Identifier: Apache-2.0
// Column: the values of one column while a segment is built, and its encoding: which fields are null, then the others.
// Numbers, booleans and doubles are kept as 64-bit words and texts in one arena, so adding a value allocates nothing
// but growth.
#pragma once

#include "base/bytes.hpp"

#include <edgesync/records.hpp>

#include <cstdint>
#include <span>
#include <vector>

namespace edgesync::stream {

/// Collects and encodes one column.
class ColumnBuilder {
 public:
  explicit ColumnBuilder(ColumnType type) noexcept : type_(type) {}

  /// Adds the field of row number `row`; one of another type is null.
  void add(std::uint32_t row, const Value& value);
  /// Appends the encoding of `rows` rows, and empties the column.
  void finish(std::size_t rows, Bytes& out);

 private:
  void encode_nulls(std::size_t rows, Bytes& out) const;
  void encode_values(Bytes& out) const;

  ColumnType type_;
  std::vector<std::uint32_t> nulls_{};  // rows that are null, ascending
  std::vector<std::uint64_t> words_{};  // numbers as bits; for texts, the end of each in arena_
  Bytes arena_{};
};

/// Puts the column into field `index` of every record. Lengths of texts are taken from `budget`, which bounds what a
/// small input can grow to. False if the input is malformed or the budget is spent.
bool decode_column(Reader& in, ColumnType type, std::span<Record> records, std::size_t index, std::size_t& budget);

/// Texts: `ends[i]` is where value i ends in `arena`. Appends nothing for none.
void encode_texts(std::span<const std::uint64_t> ends, ByteView arena, Bytes& out);
bool decode_texts(Reader& in, std::span<ByteView> values, std::size_t& budget);

/// Booleans, each 0 or 1. Appends nothing for none.
void encode_booleans(std::span<const std::uint64_t> values, Bytes& out);
bool decode_booleans(Reader& in, std::span<std::uint64_t> values);

/// Bits, least significant first, with zero padding, which the reader insists on.
void encode_bits(std::span<const std::uint64_t> bits, Bytes& out);
bool decode_bits(Reader& in, std::span<std::uint64_t> bits);

}  // namespace edgesync::stream
