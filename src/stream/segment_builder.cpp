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
  std::vector<std::int64_t> times{};
  std::size_t bytes = 0;
};

SegmentBuilder::SegmentBuilder(const Schema& schema) : state_(std::make_unique<State>()) {
  state_->schema = schema;
  for (const Column& column : schema.columns) state_->columns.emplace_back(column.type);
}

SegmentBuilder::~SegmentBuilder() = default;
SegmentBuilder::SegmentBuilder(SegmentBuilder&&) noexcept = default;
SegmentBuilder& SegmentBuilder::operator=(SegmentBuilder&&) noexcept = default;

bool SegmentBuilder::accepts(std::span<const Value> row) const noexcept {
  static_assert(segment_cut_bytes / 16 <= max_segment_records);  // no record counts less than 16 bytes
  return size() == 0 || state_->bytes + record_bytes(row) <= segment_cut_bytes;
}

void SegmentBuilder::add(Timestamp at, std::span<const Value> row) {
  static const Value null;
  const auto number = static_cast<std::uint32_t>(size());
  for (std::size_t i = 0; i < state_->columns.size(); ++i) {
    state_->columns[i].add(number, i < row.size() ? row[i] : null);
  }
  state_->times.push_back(at.time_since_epoch().count());
  state_->bytes += record_bytes(row);
}

std::size_t SegmentBuilder::size() const noexcept { return state_->times.size(); }

std::size_t SegmentBuilder::bytes_estimate() const noexcept { return state_->bytes; }

Bytes SegmentBuilder::finish(std::uint64_t first_sequence) {
  auto& times = state_->times;
  const auto [earliest, latest] = std::minmax_element(times.begin(), times.end());
  const std::int64_t from = *earliest;
  const std::uint64_t span = static_cast<std::uint64_t>(*latest) - static_cast<std::uint64_t>(from);
  Bytes out;
  Writer writer(out);
  writer.u8(segment_magic);
  writer.u8(segment_version);
  writer.varint(first_sequence);
  writer.varint(times.size());
  writer.svarint(from);
  writer.varint(span);
  writer.varint(state_->schema.columns.size());
  for (const Column& column : state_->schema.columns) {
    writer.u8(static_cast<std::uint8_t>(column.type));
    writer.blob(as_view(column.name));
  }
  for (std::int64_t& time : times) {
    time = static_cast<std::int64_t>(static_cast<std::uint64_t>(time) - static_cast<std::uint64_t>(from));
  }
  Bytes body;
  encode_integers(times, body);
  writer.blob(body);
  for (ColumnBuilder& column : state_->columns) {
    body.clear();
    column.finish(times.size(), body);
    writer.blob(body);
  }
  writer.u64(segment_checksum(out));
  times.clear();
  state_->bytes = 0;
  return out;
}

}  // namespace edgesync::stream
