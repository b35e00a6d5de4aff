// SPDX-License-Identifier: Apache-2.0
// Any bytes as a segment: reading it ends in records or a typed error, whichever way it is read. The input is taken as
// it is, and once more under the checksum that makes a decoder look at it. What one record at a time is decoded from,
// the reader, must agree with the whole.
#include "stream/segment_layout.hpp"
#include "stream/segment_reader.hpp"

#include <cstdint>
#include <cstdlib>

namespace {

using namespace edgesync;
using namespace edgesync::stream;

void require(bool held) {
  if (!held) std::abort();
}

// Reads the middle third of every column: blocks in part.
void read_in_parts(const SegmentReader& reader, const std::vector<Record>* records) {
  const Rows rows{reader.all().end / 3, (2 * reader.all().end + 2) / 3};
  std::vector<Timestamp> times;
  require(reader.times(rows, times) || records == nullptr);
  ColumnValues values;
  for (std::size_t column = 0; column < reader.schema().columns.size(); ++column) {
    const auto read = reader.column(column, rows, values);
    require(read || (records == nullptr && !read.error().detail.empty()));
    if (records == nullptr) continue;
    const ColumnType type = reader.schema().columns[column].type;
    for (std::size_t i = 0; i < rows.end - rows.begin; ++i) {
      const Record& record = (*records)[rows.begin + i];
      require(values.null(i) == std::holds_alternative<std::monostate>(record.fields[column]));
      require(type == ColumnType::f64 || value_at(type, values, i) == record.fields[column]);
    }
  }
}

void read(ByteView segment) {
  const auto records = decode(segment);
  require(records || !records.error().detail.empty());
  if (records) require(inspect(segment) && inspect(segment)->count == records->size());
  const auto reader = SegmentReader::open(segment);
  require(reader || !records);
  if (reader) read_in_parts(*reader, records ? &*records : nullptr);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView given = std::as_bytes(std::span(data, size));
  read(given);
  Bytes sealed = to_bytes(given);
  Writer(sealed).u64(segment_checksum(given));
  read(sealed);
  return 0;
}
