// SPDX-License-Identifier: Apache-2.0
#include "stream/segment_reader.hpp"

#include "stream/segment_layout.hpp"

#include <algorithm>

namespace edgesync::stream {
namespace {

// The blocks that some rows touch, and those blocks' rows.
struct Touched {
  std::size_t first, last;  // blocks, the last not included
  Rows rows;
};

Touched touched(Rows rows, std::size_t count) {
  const std::size_t first = rows.begin / block_values, last = (rows.end + block_values - 1) / block_values;
  return {first, last, {first * block_values, std::min(last * block_values, count)}};
}

// Drops what the blocks hold beyond the rows asked for.
template <class T>
void trim(std::vector<T>& values, Rows held, Rows wanted) {
  if (values.empty()) return;
  values.resize(wanted.end - held.begin);
  values.erase(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(wanted.begin - held.begin));
}

}  // namespace

Value value_at(ColumnType type, const ColumnValues& values, std::size_t row) {
  if (values.null(row)) return {};
  switch (type) {
    case ColumnType::f64:
      return values.real(row);
    case ColumnType::i64:
      return values.integer(row);
    case ColumnType::boolean:
      return values.words[row] != 0;
    case ColumnType::text:
      return std::string(as_text(values.texts[row]));
    case ColumnType::bytes:
      return to_bytes(values.texts[row]);
  }
  return {};
}

Result<SegmentReader> SegmentReader::open(ByteView segment) {
  const auto body = checked_body(segment);
  if (!body) return body.error();
  Reader in(*body);
  const auto info = read_info(in);
  if (!info) return info.error();
  auto schema = read_schema(in);
  if (!schema) return std::move(schema).error();
  SegmentReader reader;
  reader.info_ = *info;
  reader.schema_ = *std::move(schema);
  if (!reader.read_directory(in)) return malformed_segment("directory");
  return reader;
}

bool SegmentReader::read_directory(Reader& in) {
  std::vector<std::uint64_t> lengths;
  const auto read_lengths = [&](std::size_t count) {
    for (std::size_t i = 0; i < count && !in.failed(); ++i) lengths.push_back(in.varint());
  };
  read_lengths(block_count());
  columns_.resize(schema_.columns.size());
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const ColumnType type = schema_.columns[i].type;
    if (is_text(type)) {
      read_lengths(1);
    } else {
      columns_[i].nulls = static_cast<std::size_t>(in.varint());
      if (!decode_statistics(in, type, columns_[i].statistics)) return false;
    }
    read_lengths(block_count());
  }
  if (in.failed()) return false;
  std::size_t next = 0;
  const auto take_blocks = [&](Part& part) {
    for (std::size_t i = 0; i < block_count(); ++i) part.blocks.push_back(in.raw(lengths[next++]));
  };
  take_blocks(times_);
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    if (is_text(schema_.columns[i].type)) columns_[i].dictionary = in.raw(lengths[next++]);
    take_blocks(columns_[i]);
  }
  return in.done();
}

Rows SegmentReader::rows(std::uint64_t first, std::uint64_t last) const noexcept {
  const std::uint64_t from = std::max(first, info_.first), to = std::min(last, info_.last);
  if (from > to) return {};
  return {static_cast<std::size_t>(from - info_.first), static_cast<std::size_t>(to - info_.first + 1)};
}

Result<void> SegmentReader::times(Rows rows, std::vector<Timestamp>& out) const {
  const Touched blocks = touched(rows, info_.count);
  const auto from = static_cast<std::uint64_t>(info_.from.time_since_epoch().count());
  std::array<std::uint64_t, block_values> offsets;
  out.clear();
  for (std::size_t i = blocks.first; i < blocks.last; ++i) {
    const auto some = std::span(offsets).first(std::min(block_values, info_.count - i * block_values));
    Reader in(times_.blocks[i]);
    if (!decode_integers(in, some) || !in.done()) return malformed_segment("times");
    for (const std::uint64_t offset : some)
      out.push_back(Timestamp(Timestamp::duration(static_cast<std::int64_t>(from + offset))));
  }
  trim(out, blocks.rows, rows);
  return {};
}

Result<void> SegmentReader::column(std::size_t column, Rows rows, ColumnValues& out) const {
  const Part& part = columns_[column];
  const ColumnType type = schema_.columns[column].type;
  const Touched blocks = touched(rows, info_.count);
  const std::size_t held = blocks.rows.end - blocks.rows.begin;
  const auto malformed = [&] { return malformed_segment("column '" + schema_.columns[column].name + "'"); };
  Dictionary dictionary;
  Reader head(part.dictionary);
  if (is_text(type) && (!decode_dictionary(head, info_.count, dictionary) || !head.done())) return malformed();
  out.nulls.resize(held);
  out.words.resize(is_text(type) ? 0 : held);
  out.texts.resize(is_text(type) ? held : 0);
  for (std::size_t i = blocks.first; i < blocks.last; ++i) {
    const std::size_t at = i * block_values - blocks.rows.begin, size = std::min(block_values, held - at);
    const BlockValues block{std::span(out.nulls).subspan(at, size),
                            is_text(type) ? std::span<std::uint64_t>() : std::span(out.words).subspan(at, size),
                            is_text(type) ? std::span(out.texts).subspan(at, size) : std::span<ByteView>()};
    Reader in(part.blocks[i]);
    if (!decode_block(in, type, dictionary, block) || !in.done()) return malformed();
  }
  trim(out.nulls, blocks.rows, rows);
  trim(out.words, blocks.rows, rows);
  trim(out.texts, blocks.rows, rows);
  return {};
}

}  // namespace edgesync::stream
