// SPDX-License-Identifier: Apache-2.0
// Aggregation: what a column of numbers comes to over some rows of many segments. Segments that are taken whole are not
// decoded, if they note what is asked for.
#pragma once

#include "stream/segment_reader.hpp"

namespace edgesync::stream {

/// Of the column of that name; nothing if there is none.
std::optional<std::size_t> position(const Schema& schema, std::string_view column) noexcept;

class Aggregation {
 public:
  /// Requires: a type of numbers.
  explicit Aggregation(ColumnType type) noexcept : type_(type) {}

  /// Takes the rows of the segment that are within `range`. A segment without the column counts its records alone.
  /// Fails with: as SegmentReader::open(), protocol_violation.
  Result<void> add(ByteView segment, std::string_view column, const Range& range);
  Aggregate result() const;

 private:
  Result<void> add_values(const SegmentReader& reader, std::size_t column, const std::vector<Rows>& runs);
  void add(const Statistics& statistics, std::uint64_t values, double sum);

  ColumnType type_;
  std::uint64_t records_ = 0, values_ = 0;
  std::uint64_t min_ = 0, max_ = 0;  // as Statistics
  std::int64_t whole_ = 0;           // the sum of integers, while it has room
  bool has_room_ = true;
  double sum_ = 0;
};

/// Runs of rows of the segment within `range`, ascending.
Result<std::vector<Rows>> rows_within(const SegmentReader& reader, const Range& range);

/// Leaves the first `most` rows of `runs`; false if there were more.
bool keep_rows(std::vector<Rows>& runs, std::size_t most);

/// The records in `runs`, with the fields of `columns` (positions in the schema; none: the field is null).
/// Texts come to max_segment_bytes at most. Fails with: protocol_violation, limit_exceeded.
Result<std::vector<Record>> read_rows(const SegmentReader& reader, const std::vector<Rows>& runs,
                                      std::span<const std::optional<std::size_t>> columns);

}  // namespace edgesync::stream
