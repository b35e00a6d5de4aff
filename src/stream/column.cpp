// SPDX-License-Identifier: Apache-2.0
#include "stream/column.hpp"

#include "stream/doubles.hpp"
#include "stream/integers.hpp"

#include <algorithm>
#include <array>
#include <bit>

namespace edgesync::stream {
namespace {

enum Nulls : std::uint8_t { none = 0, some = 1, all = 2 };

// Statistics of fewer rows would cost more than decoding them.
constexpr std::size_t statistics_rows = 128;

void encode_nulls(std::span<const std::uint32_t> nulls, std::size_t row, std::size_t rows, Bytes& out) {
  Writer writer(out);
  if (nulls.empty()) return writer.u8(Nulls::none);
  if (nulls.size() == rows) return writer.u8(Nulls::all);
  writer.u8(Nulls::some);
  std::array<std::uint64_t, block_values> flags{};
  for (const std::uint32_t null : nulls) flags[null - row] = 1;
  encode_integers(std::span(flags).first(rows), out);
}

// Sets each row's flag; returns how many rows have a value, or nothing if the input is malformed.
std::optional<std::size_t> decode_nulls(Reader& in, std::span<std::uint8_t> nulls) {
  const std::uint8_t form = in.u8();
  if (in.failed() || form > Nulls::all) return std::nullopt;
  std::fill(nulls.begin(), nulls.end(), static_cast<std::uint8_t>(form == Nulls::all ? 1 : 0));
  if (form != Nulls::some) return form == Nulls::all ? 0 : nulls.size();
  std::array<std::uint64_t, block_values> flags;
  if (!decode_integers(in, std::span(flags).first(nulls.size()))) return std::nullopt;
  std::uint64_t null = 0, any = 0;
  for (std::size_t i = 0; i < nulls.size(); ++i) {
    nulls[i] = static_cast<std::uint8_t>(flags[i]);
    null += flags[i], any |= flags[i];
  }
  if (any > 1) return std::nullopt;
  return nulls.size() - static_cast<std::size_t>(null);
}

bool decode_words(Reader& in, ColumnType type, std::span<std::uint64_t> words) {
  if (type == ColumnType::f64) return decode_doubles(in, words);
  if (!decode_integers(in, words)) return false;
  std::uint64_t any = 0;
  for (const std::uint64_t word : words) any |= word;
  return type != ColumnType::boolean || any <= 1;
}

// Moves the values from the front to the rows that hold one; from the back, so that none is overwritten before it
// moved.
template <class T>
void spread(std::span<T> values, std::size_t count, std::span<const std::uint8_t> nulls) {
  for (std::size_t i = values.size(); i-- > 0 && count <= i;) values[i] = nulls[i] != 0 ? T{} : values[--count];
}

}  // namespace

// All but a number or a boolean in a column of its own type.
void ColumnBuilder::add_other(std::uint32_t row, const Value& value) {
  if (const auto* whole = std::get_if<std::int64_t>(&value); whole != nullptr && type_ == ColumnType::f64) {
    words_.push_back(std::bit_cast<std::uint64_t>(static_cast<double>(*whole)));
  } else if (const auto* text = std::get_if<std::string>(&value); text != nullptr && type_ == ColumnType::text) {
    texts_.add(as_view(*text));
  } else if (const auto* blob = std::get_if<Bytes>(&value); blob != nullptr && type_ == ColumnType::bytes) {
    texts_.add(*blob);
  } else {
    nulls_.push_back(row);
  }
}

void ColumnBuilder::finish(std::size_t rows, SegmentParts& out) {
  Writer directory(out.directory);
  if (is_text(type_)) {
    const std::size_t start = out.data.size();
    Writer(out.data).u8(static_cast<std::uint8_t>(texts_.repeats() ? TextForm::dictionary : TextForm::plain));
    if (texts_.repeats()) texts_.encode_entries(out.data);
    directory.varint(out.data.size() - start);
  } else {
    directory.varint(nulls_.size());
    encode_statistics(type_, rows < statistics_rows ? std::nullopt : statistics_of(type_, words_), out.directory);
  }
  std::size_t null = 0;
  for (std::size_t row = 0; row < rows; row += block_values) {
    const std::size_t count = std::min(block_values, rows - row), start = out.data.size(), from = row - null;
    const auto first = nulls_.begin() + static_cast<std::ptrdiff_t>(null);
    const auto last = std::lower_bound(first, nulls_.end(), row + count);
    encode_block({first, last}, row, count, from, out.data);
    directory.varint(out.data.size() - start);
    null = static_cast<std::size_t>(last - nulls_.begin());
  }
  nulls_.clear();
  words_.clear();
  texts_.clear();
}

void ColumnBuilder::encode_block(std::span<const std::uint32_t> nulls, std::size_t row, std::size_t rows,
                                 std::size_t from, Bytes& out) const {
  encode_nulls(nulls, row, rows, out);
  encode_values(from, rows - nulls.size(), out);
}

void ColumnBuilder::encode_values(std::size_t from, std::size_t count, Bytes& out) const {
  if (is_text(type_))
    return texts_.repeats() ? texts_.encode_indices(from, count, out) : texts_.encode_plain(from, count, out);
  const auto words = std::span(words_).subspan(from, count);
  type_ == ColumnType::f64 ? encode_doubles(words, out) : encode_integers(words, out);
}

bool decode_dictionary(Reader& in, std::size_t rows, Dictionary& dictionary) {
  const std::uint8_t form = in.u8();
  dictionary.form = static_cast<TextForm>(form);
  if (form == static_cast<std::uint8_t>(TextForm::plain)) return !in.failed();
  return form == static_cast<std::uint8_t>(TextForm::dictionary) && decode_entries(in, rows, dictionary.entries);
}

bool decode_block(Reader& in, ColumnType type, const Dictionary& dictionary, const BlockValues& out) {
  const auto count = decode_nulls(in, out.nulls);
  if (!count) return false;
  if (!is_text(type)) {
    if (!decode_words(in, type, out.words.first(*count))) return false;
    spread(out.words, *count, out.nulls);
    return true;
  }
  const auto texts = out.texts.first(*count);
  if (dictionary.form == TextForm::plain ? !decode_plain(in, texts) : !decode_indices(in, dictionary.entries, texts))
    return false;
  spread(out.texts, *count, out.nulls);
  return true;
}

}  // namespace edgesync::stream
