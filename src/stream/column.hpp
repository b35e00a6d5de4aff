// SPDX-License-Identifier: Apache-2.0
// Column: the values of one column while a segment is built, and its blocks. A block is the column's part of up to 1024
// rows: which are null, then the others. Every block can be decoded without those before it, only texts share a
// dictionary. Numbers, booleans and doubles are kept as 64-bit words, so adding one allocates nothing but growth.
#pragma once

#include "stream/statistics.hpp"
#include "stream/texts.hpp"

#include <edgesync/records.hpp>

#include <bit>
#include <cstdint>
#include <span>
#include <vector>

namespace edgesync::stream {

constexpr bool is_text(ColumnType type) noexcept { return type == ColumnType::text || type == ColumnType::bytes; }

/// Appends to a segment: what describes a column goes to its directory, what it holds to the data.
struct SegmentParts {
  Bytes directory{}, data{};
};

/// Collects and encodes one column.
class ColumnBuilder {
 public:
  explicit ColumnBuilder(ColumnType type) noexcept : type_(type) {}

  /// Adds the field of row number `row`; one of another type is null.
  void add(std::uint32_t row, const Value& value) {
    if (type_ == ColumnType::f64) {
      if (const auto* real = std::get_if<double>(&value)) return words_.push_back(std::bit_cast<std::uint64_t>(*real));
    } else if (type_ == ColumnType::i64) {
      if (const auto* whole = std::get_if<std::int64_t>(&value))
        return words_.push_back(static_cast<std::uint64_t>(*whole));
    } else if (type_ == ColumnType::boolean) {
      if (const auto* flag = std::get_if<bool>(&value)) return words_.push_back(*flag ? 1 : 0);
    }
    add_other(row, value);
  }
  /// Appends `rows` rows, and empties the column.
  void finish(std::size_t rows, SegmentParts& out);

 private:
  void add_other(std::uint32_t row, const Value& value);
  void encode_block(std::span<const std::uint32_t> nulls, std::size_t row, std::size_t rows, std::size_t from,
                    Bytes& out) const;
  void encode_values(std::size_t from, std::size_t count, Bytes& out) const;

  ColumnType type_;
  std::vector<std::uint32_t> nulls_{};  // rows that are null, ascending
  std::vector<std::uint64_t> words_{};  // numbers as bits
  Texts texts_{};
};

/// What a block of rows decodes to: a row that is null has 1 in `nulls`, and 0 or nothing as its value.
struct BlockValues {
  std::span<std::uint8_t> nulls{};
  std::span<std::uint64_t> words{};
  std::span<ByteView> texts{};
};

enum class TextForm : std::uint8_t { plain = 0, dictionary = 1 };

/// How the texts of a column are written, and with what.
struct Dictionary {
  TextForm form = TextForm::plain;
  std::vector<ByteView> entries{};
};

/// Fills the spans for the column's type. False if the input is malformed.
bool decode_dictionary(Reader& in, std::size_t rows, Dictionary& dictionary);
bool decode_block(Reader& in, ColumnType type, const Dictionary& dictionary, const BlockValues& out);

}  // namespace edgesync::stream
