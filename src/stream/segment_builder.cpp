// SPDX-License-Identifier: Apache-2.0
#include "stream/column.hpp"
#include "stream/integers.hpp"
#include "stream/segment.hpp"
#include "stream/segment_layout.hpp"

#include <algorithm>

namespace edgesync::stream {

struct SegmentBuilder::State {
  Schema schema{};
  std::vector<ColumnBuilder> columns{};
  std::vector<std::size_t> texts{};  // which columns are: only their fields have sizes of their own
  std::vector<std::uint64_t> times{};
  SegmentParts parts{};
  std::size_t bytes = 0;

  std::size_t record_size(std::span<const Value> row) const noexcept;
  void encode_header(std::uint64_t first_sequence, std::int64_t from, std::uint64_t span, Writer& writer) const;
  void encode_times(std::uint64_t from);
};

SegmentBuilder::SegmentBuilder(const Schema& schema) : state_(std::make_unique<State>()) {
  state_->schema = schema;
  for (const Column& column : schema.columns) {
    if (is_text(column.type)) state_->texts.push_back(state_->columns.size());
    state_->columns.emplace_back(column.type);
  }
}

SegmentBuilder::~SegmentBuilder() = default;
SegmentBuilder::SegmentBuilder(SegmentBuilder&&) noexcept = default;
SegmentBuilder& SegmentBuilder::operator=(SegmentBuilder&&) noexcept = default;

// As record_bytes(), of a row that fits.
std::size_t SegmentBuilder::State::record_size(std::span<const Value> row) const noexcept {
  std::size_t size = 8 * (1 + row.size());
  for (const std::size_t column : texts) {
    if (column >= row.size()) continue;
    if (const auto* text = std::get_if<std::string>(&row[column])) size += text->size();
    if (const auto* blob = std::get_if<Bytes>(&row[column])) size += blob->size();
  }
  return size;
}

bool SegmentBuilder::accepts(std::span<const Value> row) const noexcept {
  static_assert(segment_cut_bytes / 16 <= max_segment_records);  // no record counts less than 16 bytes
  return size() == 0 || state_->bytes + state_->record_size(row) <= segment_cut_bytes;
}

void SegmentBuilder::add(Timestamp at, std::span<const Value> row) {
  const auto number = static_cast<std::uint32_t>(size());
  const std::span<ColumnBuilder> columns(state_->columns);
  const std::size_t given = std::min(row.size(), columns.size());
  for (std::size_t i = 0; i < given; ++i) columns[i].add(number, row[i]);
  for (ColumnBuilder& absent : columns.subspan(given)) absent.add(number, Value{});
  state_->times.push_back(static_cast<std::uint64_t>(at.time_since_epoch().count()));
  state_->bytes += state_->record_size(row);
}

std::size_t SegmentBuilder::size() const noexcept { return state_->times.size(); }

std::size_t SegmentBuilder::bytes_estimate() const noexcept { return state_->bytes; }

void SegmentBuilder::State::encode_header(std::uint64_t first_sequence, std::int64_t from, std::uint64_t span,
                                          Writer& writer) const {
  writer.u8(segment_magic);
  writer.u8(segment_version);
  writer.varint(first_sequence);
  writer.varint(times.size());
  writer.svarint(from);
  writer.varint(span);
  writer.varint(schema.columns.size());
  for (const Column& column : schema.columns) {
    writer.u8(static_cast<std::uint8_t>(column.type));
    writer.blob(as_view(column.name));
  }
}

void SegmentBuilder::State::encode_times(std::uint64_t from) {
  for (std::uint64_t& time : times) time -= from;
  for (std::size_t row = 0; row < times.size(); row += block_values) {
    const std::size_t start = parts.data.size();
    encode_integers(std::span(times).subspan(row, std::min(block_values, times.size() - row)), parts.data);
    Writer(parts.directory).varint(parts.data.size() - start);
  }
}

Bytes SegmentBuilder::finish(std::uint64_t first_sequence) {
  State& state = *state_;
  state.parts.directory.clear();
  state.parts.data.clear();
  const auto before = [](std::uint64_t a, std::uint64_t b) {
    return static_cast<std::int64_t>(a) < static_cast<std::int64_t>(b);
  };
  const auto [earliest, latest] = std::minmax_element(state.times.begin(), state.times.end(), before);
  const std::uint64_t from = *earliest, span = *latest - from;
  Bytes out;
  Writer writer(out);
  state.encode_header(first_sequence, static_cast<std::int64_t>(from), span, writer);
  state.encode_times(from);
  for (ColumnBuilder& column : state.columns) column.finish(state.times.size(), state.parts);
  writer.raw(state.parts.directory);
  writer.raw(state.parts.data);
  writer.u64(segment_checksum(out));
  state.times.clear();
  state.bytes = 0;
  return out;
}

}  // namespace edgesync::stream
