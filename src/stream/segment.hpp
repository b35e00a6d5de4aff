// SPDX-License-Identifier: Apache-2.0
// Segment: a run of records of one (stream, origin) encoded column by column, once, at the edge; then shipped and
// stored verbatim. SEGMENT.md specifies the bytes. Decoding is lossless to the bit, NaN payloads included, and refuses
// any damaged input; what hostile input can make it decode is bounded by max_segment_bytes.
#pragma once

#include "stream/schema.hpp"

#include <cstdint>
#include <memory>

namespace edgesync::stream {

inline constexpr std::size_t max_segment_records = 65'536;
inline constexpr std::size_t max_segment_bytes = std::size_t{4} << 20;  // decoded: the sum of record_bytes()

// What an encoder keeps to, far below: a segment is sent whole, so encoded it must fit one frame of the link (1 MiB),
// whatever its values are. Counted as above, which no column's encoding exceeds by more than a twentieth.
inline constexpr std::size_t segment_cut_bytes = std::size_t{256} << 10;  // a larger record is a segment by itself
inline constexpr std::size_t encoded_segment_bytes_max = std::size_t{640} << 10;  // with max_record_bytes and a schema

/// Collects rows and encodes them. Values live in one vector per column; numbers allocate nothing of their own.
class SegmentBuilder {
 public:
  /// Requires: validate(schema) succeeded.
  explicit SegmentBuilder(const Schema& schema);
  ~SegmentBuilder();
  SegmentBuilder(SegmentBuilder&&) noexcept;
  SegmentBuilder& operator=(SegmentBuilder&&) noexcept;

  /// Whether `row` still belongs into this segment: up to segment_cut_bytes. Always true for an empty builder.
  bool accepts(std::span<const Value> row) const noexcept;

  /// Requires: accepts(row), and fits(schema, row). Converts int64 in f64 columns; a field of a wrong type becomes
  /// null.
  void add(Timestamp at, std::span<const Value> row);

  std::size_t size() const noexcept;  ///< Records added.
  /// The sum of record_bytes(): what segments are cut by.
  std::size_t bytes_estimate() const noexcept;

  /// The encoded segment, whose first record has this sequence number. The builder is empty afterwards, for reuse.
  /// Requires: size() > 0, first_sequence > 0.
  Bytes finish(std::uint64_t first_sequence);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

struct SegmentInfo {
  std::uint64_t first = 0, last = 0;  ///< Sequence numbers, both included.
  Timestamp from{}, to{};             ///< Earliest and latest time of any record; not necessarily the first and last.
  std::uint32_t count = 0;
};

/// Reads the header and proves the checksum, without decoding any column.
/// Fails with: storage_corrupt (checksum), protocol_violation (malformed), limit_exceeded, unsupported (version).
Result<SegmentInfo> inspect(ByteView segment);

/// All records. Fails with: as inspect(); the detail names the column.
Result<std::vector<Record>> decode(ByteView segment);

}  // namespace edgesync::stream
