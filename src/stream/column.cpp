// SPDX-License-Identifier: Apache-2.0
#include "stream/column.hpp"

#include "stream/doubles.hpp"
#include "stream/integers.hpp"

#include <bit>

namespace edgesync::stream {
namespace {

enum Nulls : std::uint8_t { none = 0, some = 1, all = 2 };

// The rows that hold a value, in order.
bool decode_nulls(Reader& in, std::size_t rows, std::vector<std::uint32_t>& present) {
  const std::uint8_t form = in.u8();
  if (in.failed() || form > Nulls::all) return false;
  std::vector<std::uint64_t> null(rows, form == Nulls::all ? 1 : 0);
  if (form == Nulls::some && !decode_bits(in, null)) return false;
  for (std::size_t i = 0; i < rows; ++i) {
    if (null[i] == 0) present.push_back(static_cast<std::uint32_t>(i));
  }
  return true;
}

bool decode_words(Reader& in, ColumnType type, std::span<std::uint64_t> words) {
  if (type == ColumnType::f64) return decode_doubles(in, words);
  if (type == ColumnType::boolean) return decode_booleans(in, words);
  std::vector<std::int64_t> integers(words.size());
  if (!decode_integers(in, integers)) return false;
  for (std::size_t i = 0; i < words.size(); ++i) words[i] = static_cast<std::uint64_t>(integers[i]);
  return true;
}

Value from_word(ColumnType type, std::uint64_t word) {
  if (type == ColumnType::f64) return std::bit_cast<double>(word);
  if (type == ColumnType::boolean) return word != 0;
  return static_cast<std::int64_t>(word);
}

Value from_view(ColumnType type, ByteView view) {
  if (type == ColumnType::text) return std::string(as_text(view));
  return to_bytes(view);
}

constexpr bool is_text(ColumnType type) { return type == ColumnType::text || type == ColumnType::bytes; }

}  // namespace

void ColumnBuilder::add(std::uint32_t row, const Value& value) {
  const auto text = [&](ByteView view) {
    arena_.insert(arena_.end(), view.begin(), view.end());
    words_.push_back(arena_.size());
  };
  if (const auto* number = std::get_if<double>(&value); number != nullptr && type_ == ColumnType::f64) {
    words_.push_back(std::bit_cast<std::uint64_t>(*number));
  } else if (const auto* whole = std::get_if<std::int64_t>(&value); whole != nullptr && type_ == ColumnType::i64) {
    words_.push_back(static_cast<std::uint64_t>(*whole));
  } else if (whole != nullptr && type_ == ColumnType::f64) {
    words_.push_back(std::bit_cast<std::uint64_t>(static_cast<double>(*whole)));
  } else if (const auto* flag = std::get_if<bool>(&value); flag != nullptr && type_ == ColumnType::boolean) {
    words_.push_back(*flag ? 1 : 0);
  } else if (const auto* string = std::get_if<std::string>(&value); string != nullptr && type_ == ColumnType::text) {
    text(as_view(*string));
  } else if (const auto* blob = std::get_if<Bytes>(&value); blob != nullptr && type_ == ColumnType::bytes) {
    text(*blob);
  } else {
    nulls_.push_back(row);
  }
}

void ColumnBuilder::finish(std::size_t rows, Bytes& out) {
  encode_nulls(rows, out);
  encode_values(out);
  nulls_.clear();
  words_.clear();
  arena_.clear();
}

void ColumnBuilder::encode_nulls(std::size_t rows, Bytes& out) const {
  Writer writer(out);
  if (nulls_.empty()) return writer.u8(Nulls::none);
  if (nulls_.size() == rows) return writer.u8(Nulls::all);
  writer.u8(Nulls::some);
  std::vector<std::uint64_t> bits(rows, 0);
  for (std::uint32_t row : nulls_) bits[row] = 1;
  encode_bits(bits, out);
}

void ColumnBuilder::encode_values(Bytes& out) const {
  if (type_ == ColumnType::f64) return encode_doubles(words_, out);
  if (type_ == ColumnType::boolean) return encode_booleans(words_, out);
  if (is_text(type_)) return encode_texts(words_, arena_, out);
  std::vector<std::int64_t> integers(words_.size());
  for (std::size_t i = 0; i < words_.size(); ++i) integers[i] = static_cast<std::int64_t>(words_[i]);
  encode_integers(integers, out);
}

bool decode_column(Reader& in, ColumnType type, std::span<Record> records, std::size_t index, std::size_t& budget) {
  std::vector<std::uint32_t> present;
  if (!decode_nulls(in, records.size(), present)) return false;
  if (is_text(type)) {
    std::vector<ByteView> views(present.size());
    if (!decode_texts(in, views, budget)) return false;
    for (std::size_t i = 0; i < present.size(); ++i) records[present[i]].fields[index] = from_view(type, views[i]);
    return true;
  }
  std::vector<std::uint64_t> words(present.size());
  if (!decode_words(in, type, words)) return false;
  for (std::size_t i = 0; i < present.size(); ++i) records[present[i]].fields[index] = from_word(type, words[i]);
  return true;
}

}  // namespace edgesync::stream
