// SPDX-License-Identifier: Apache-2.0
// SegmentReader: a segment opened once, read in parts. Opening proves the checksum and reads the directory; columns are
// decoded when asked for, and only the blocks that the rows asked for touch. What hostile input can make it hold is
// bounded by the rows: some forty bytes for each row of a column, views of texts included.
#pragma once

#include "stream/column.hpp"
#include "stream/integers.hpp"
#include "stream/segment.hpp"

#include <bit>

namespace edgesync::stream {

/// Rows of a segment by position, from 0; the end is not included.
struct Rows {
  std::size_t begin = 0, end = 0;
  bool operator==(const Rows&) const = default;
};

/// Some rows of one column. `words` holds numbers as bits, and 0 for null; texts have views into the segment.
struct ColumnValues {
  std::vector<std::uint8_t> nulls{};
  std::vector<std::uint64_t> words{};
  std::vector<ByteView> texts{};

  bool null(std::size_t row) const noexcept { return nulls[row] != 0; }
  double real(std::size_t row) const noexcept { return std::bit_cast<double>(words[row]); }
  std::int64_t integer(std::size_t row) const noexcept { return static_cast<std::int64_t>(words[row]); }
};

/// One field, as a record has it.
Value value_at(ColumnType type, const ColumnValues& values, std::size_t row);

class SegmentReader {
 public:
  /// Lifetime: `segment` outlives the reader and all views. Fails with: as inspect().
  static Result<SegmentReader> open(ByteView segment);

  const SegmentInfo& info() const noexcept { return info_; }
  const Schema& schema() const noexcept { return schema_; }

  /// What the encoder noted of a column of numbers; decode() proves it. Nothing for texts and for short segments.
  const std::optional<Statistics>& statistics(std::size_t column) const noexcept { return columns_[column].statistics; }
  /// Of a column of numbers.
  std::size_t nulls(std::size_t column) const noexcept { return columns_[column].nulls; }

  Rows all() const noexcept { return {0, info_.count}; }
  /// The rows of these sequence numbers, both included, that are here.
  Rows rows(std::uint64_t first, std::uint64_t last) const noexcept;

  /// Replaces what `out` holds. Requires: rows within all(). Fails with: protocol_violation, naming the column.
  Result<void> times(Rows rows, std::vector<Timestamp>& out) const;
  Result<void> column(std::size_t column, Rows rows, ColumnValues& out) const;

 private:
  struct Part {
    ByteView dictionary{};
    std::vector<ByteView> blocks{};
    std::optional<Statistics> statistics{};
    std::size_t nulls = 0;
  };
  SegmentReader() = default;
  bool read_directory(Reader& in);
  std::size_t block_count() const noexcept { return (info_.count + block_values - 1) / block_values; }

  SegmentInfo info_{};
  Schema schema_{};
  Part times_{};
  std::vector<Part> columns_{};
};

}  // namespace edgesync::stream
