// SPDX-License-Identifier: Apache-2.0
#include "stream/segment.hpp"

#include "stream/origin_signature.hpp"
#include "stream/segment_layout.hpp"
#include "stream/segment_reader.hpp"

#include <algorithm>
#include <limits>

namespace edgesync::stream {
namespace {

Result<void> read_version(Reader& in) {
  if (in.u8() != segment_magic) return malformed_segment("not a segment");
  const unsigned version = in.u8();
  if (version == segment_version) return {};
  return Error(Errc::unsupported, "segment: version " + std::to_string(version));
}

// Whether the directory told the truth about a column.
bool proved(const SegmentReader& reader, std::size_t column, const ColumnValues& values) {
  const ColumnType type = reader.schema().columns[column].type;
  if (is_text(type)) return true;
  std::vector<std::uint64_t> present;
  present.reserve(values.words.size());
  for (std::size_t i = 0; i < values.words.size(); ++i)
    if (!values.null(i)) present.push_back(values.words[i]);
  if (values.words.size() - present.size() != reader.nulls(column)) return false;
  const auto& noted = reader.statistics(column);
  return !noted || noted == statistics_of(type, present);
}

Result<void> take_times(const SegmentReader& reader, std::span<Record> records) {
  std::vector<Timestamp> times;
  if (auto read = reader.times(reader.all(), times); !read) return read;
  Timestamp earliest = Timestamp::max(), latest = Timestamp::min();
  for (std::size_t i = 0; i < records.size(); ++i) {
    records[i].at = times[i];
    earliest = std::min(earliest, times[i]);
    latest = std::max(latest, times[i]);
  }
  if (earliest == reader.info().from && latest == reader.info().to) return {};
  return malformed_segment("times differ from the header");
}

// Lengths of texts are taken from `budget`, which bounds what a small input can grow to.
Result<void> take_column(const SegmentReader& reader, std::size_t column, std::span<Record> records,
                         std::size_t& budget) {
  ColumnValues values;
  if (auto read = reader.column(column, reader.all(), values); !read) return read;
  const Column& described = reader.schema().columns[column];
  if (!proved(reader, column, values))
    return malformed_segment("column '" + described.name + "' differs from its statistics");
  for (const ByteView text : values.texts) {
    if (text.size() > budget) return malformed_segment("column '" + described.name + "'");
    budget -= text.size();
  }
  for (std::size_t i = 0; i < records.size(); ++i) records[i].fields[column] = value_at(described.type, values, i);
  return {};
}

}  // namespace

Result<ByteView> checked_body(ByteView segment) {
  segment = without_signature(segment);
  if (segment.size() < 2 + segment_checksum_bytes) return Error(Errc::storage_corrupt, "segment: too short");
  const ByteView body = segment.first(segment.size() - segment_checksum_bytes);
  Reader tail(segment.subspan(body.size()));
  if (tail.u64() != segment_checksum(body)) return Error(Errc::storage_corrupt, "segment: checksum differs");
  return body;
}

Result<SegmentInfo> read_info(Reader& in) {
  if (auto known = read_version(in); !known) return std::move(known).error();
  const std::uint64_t first = in.varint(), count = in.varint();
  const std::int64_t from = in.svarint();
  const std::uint64_t span = in.varint();
  if (in.failed()) return malformed_segment("header ends early");
  if (count == 0 || first == 0) return malformed_segment("no records, or sequence 0");
  if (count > max_segment_records) return Error(Errc::limit_exceeded, "segment: " + std::to_string(count) + " records");
  if (count - 1 > std::numeric_limits<std::uint64_t>::max() - first) return malformed_segment("sequences overflow");
  const auto to = static_cast<std::int64_t>(static_cast<std::uint64_t>(from) + span);
  const std::uint64_t room =
      static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) - static_cast<std::uint64_t>(from);
  if (span > room) return malformed_segment("times overflow");
  return SegmentInfo{first, first + (count - 1), Timestamp(Timestamp::duration(from)),
                     Timestamp(Timestamp::duration(to)), static_cast<std::uint32_t>(count)};
}

Result<Schema> read_schema(Reader& in) {
  Schema schema;
  schema.columns.resize(in.count(2));
  if (schema.columns.size() > max_columns) return Error(Errc::limit_exceeded, "segment: more than 64 columns");
  for (Column& column : schema.columns) {
    column.type = static_cast<ColumnType>(in.u8());
    column.name = std::string(as_text(in.blob()));
  }
  if (in.failed()) return malformed_segment("schema ends early");
  if (auto valid = validate(schema); !valid) return malformed_segment(valid.error().detail);
  return schema;
}

Result<SegmentInfo> inspect(ByteView segment) {
  const auto body = checked_body(segment);
  if (!body) return body.error();
  Reader in(*body);
  return read_info(in);
}

Result<std::vector<Record>> decode(ByteView segment) {
  const auto reader = SegmentReader::open(segment);
  if (!reader) return reader.error();
  const std::size_t columns = reader->schema().columns.size();
  const std::size_t fixed = 8 * reader->info().count * (1 + columns);
  if (fixed > max_segment_bytes) return Error(Errc::limit_exceeded, "segment: above 4 MiB decoded");
  std::vector<Record> records(reader->info().count);
  for (std::size_t i = 0; i < records.size(); ++i) {
    records[i].sequence = reader->info().first + i;
    records[i].fields.resize(columns);
  }
  if (auto times = take_times(*reader, records); !times) return std::move(times).error();
  std::size_t budget = max_segment_bytes - fixed;
  for (std::size_t i = 0; i < columns; ++i)
    if (auto fields = take_column(*reader, i, records, budget); !fields) return std::move(fields).error();
  return records;
}

}  // namespace edgesync::stream
