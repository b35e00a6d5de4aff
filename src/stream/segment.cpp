// SPDX-License-Identifier: Apache-2.0
#include "stream/segment.hpp"

#include "stream/column.hpp"
#include "stream/integers.hpp"
#include "stream/segment_layout.hpp"

#include <algorithm>
#include <limits>

namespace edgesync::stream {
namespace {

Error malformed(std::string where) { return {Errc::protocol_violation, "segment: " + std::move(where)}; }

// What precedes the checksum, once the checksum holds.
Result<ByteView> checked(ByteView segment) {
  if (segment.size() < 2 + segment_checksum_bytes) return Error(Errc::storage_corrupt, "segment: too short");
  const ByteView body = segment.first(segment.size() - segment_checksum_bytes);
  Reader tail(segment.subspan(body.size()));
  if (tail.u64() != segment_checksum(body)) return Error(Errc::storage_corrupt, "segment: checksum differs");
  return body;
}

Result<void> read_version(Reader& in) {
  if (in.u8() != segment_magic) return malformed("not a segment");
  const unsigned version = in.u8();
  if (version == segment_version) return {};
  return Error(Errc::unsupported, "segment: version " + std::to_string(version));
}

Result<SegmentInfo> read_info(Reader& in) {
  if (auto known = read_version(in); !known) return std::move(known).error();
  const std::uint64_t first = in.varint(), count = in.varint();
  const std::int64_t from = in.svarint();
  const std::uint64_t span = in.varint();
  if (in.failed()) return malformed("header ends early");
  if (count == 0 || first == 0) return malformed("no records, or sequence 0");
  if (count > max_segment_records) return Error(Errc::limit_exceeded, "segment: " + std::to_string(count) + " records");
  if (count - 1 > std::numeric_limits<std::uint64_t>::max() - first) return malformed("sequences overflow");
  const auto to = static_cast<std::int64_t>(static_cast<std::uint64_t>(from) + span);
  const std::uint64_t room =
      static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) - static_cast<std::uint64_t>(from);
  if (span > room) return malformed("times overflow");
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
  if (in.failed()) return malformed("schema ends early");
  if (auto valid = validate(schema); !valid) return malformed(valid.error().detail);
  return schema;
}

Result<void> read_times(Reader& in, const SegmentInfo& info, std::span<Record> records) {
  Reader body(in.blob());
  std::vector<std::int64_t> offsets(records.size());
  if (!decode_integers(body, offsets) || in.failed() || !body.done()) return malformed("times");
  Timestamp earliest = Timestamp::max(), latest = Timestamp::min();
  const auto from = static_cast<std::uint64_t>(info.from.time_since_epoch().count());
  for (std::size_t i = 0; i < records.size(); ++i) {
    const auto micros = static_cast<std::int64_t>(from + static_cast<std::uint64_t>(offsets[i]));
    records[i].at = Timestamp(Timestamp::duration(micros));
    earliest = std::min(earliest, records[i].at);
    latest = std::max(latest, records[i].at);
  }
  if (earliest != info.from || latest != info.to) return malformed("times differ from the header");
  return {};
}

Result<void> read_columns(Reader& in, const Schema& schema, std::span<Record> records, std::size_t budget) {
  for (std::size_t i = 0; i < schema.columns.size(); ++i) {
    Reader body(in.blob());
    if (in.failed() || !decode_column(body, schema.columns[i].type, records, i, budget) || !body.done()) {
      return malformed("column '" + schema.columns[i].name + "'");
    }
  }
  if (!in.done()) return malformed("bytes after the last column");
  return {};
}

}  // namespace

Result<SegmentInfo> inspect(ByteView segment) {
  const auto body = checked(segment);
  if (!body) return body.error();
  Reader in(*body);
  return read_info(in);
}

Result<std::vector<Record>> decode(ByteView segment) {
  const auto body = checked(segment);
  if (!body) return body.error();
  Reader in(*body);
  const auto info = read_info(in);
  if (!info) return info.error();
  const auto schema = read_schema(in);
  if (!schema) return schema.error();
  const std::size_t fixed = 8 * info->count * (1 + schema->columns.size());
  if (fixed > max_segment_bytes) return Error(Errc::limit_exceeded, "segment: above 4 MiB decoded");
  std::vector<Record> records(info->count);
  for (std::size_t i = 0; i < records.size(); ++i) {
    records[i].sequence = info->first + i;
    records[i].fields.resize(schema->columns.size());
  }
  if (auto times = read_times(in, *info, records); !times) return std::move(times).error();
  if (auto fields = read_columns(in, *schema, records, max_segment_bytes - fixed); !fields) {
    return std::move(fields).error();
  }
  return records;
}

}  // namespace edgesync::stream
