// SPDX-License-Identifier: Apache-2.0
#include "node/record_reads.hpp"

#include "stream/aggregation.hpp"
#include "stream/drops.hpp"

#include <algorithm>

namespace edgesync::node {
namespace {

constexpr std::size_t fetch_bytes = 64 * 1024;  // of segments fetched at a time: thousands of records, about a page

store::StreamState state_of(const store::Store& store, store::ScopeId id, const ReplicaId& origin) {
  for (const store::StreamState& state : store.stream(id))
    if (state.origin == origin) return state;
  return {origin, 0, 0};
}

/// Takes the wanted records of one segment.
void take(const std::vector<Record>& records, std::uint64_t& next, std::size_t limit, RecordsRead& read) {
  for (const Record& record : records) {
    if (record.sequence < next || read.records.size() == limit) continue;
    next = record.sequence + 1;
    read.records.push_back(record);
  }
}

/// What is missing from `from` to `last`, and why.
Result<void> note_gaps(store::Store& store, store::ScopeId id, const store::StreamState& state, std::uint64_t from,
                       std::uint64_t last, RecordsRead& read) {
  const auto known = store.gaps(id, state.origin, from - 1, SIZE_MAX);
  if (!known) return known.error();
  const std::uint64_t next = std::max(from, state.trimmed + 1);
  for (const Gap& gap : *known) {
    if (gap.first > last) break;
    if (gap.why == stream::at_root) continue;
    read.gaps.push_back({std::max(gap.first, next), std::min(gap.last, last), gap.why});
  }
  return {};
}

}  // namespace

Result<void> each_segment(store::Store& store, store::ScopeId id, const ReplicaId& origin, const Range& range,
                          const Function<Result<bool>(ByteView segment)>& visit) {
  const std::uint64_t first = std::max<std::uint64_t>(range.first, 1);
  for (std::uint64_t after = first - 1; after < range.last;) {
    const auto segments = store.segments(id, origin, after, fetch_bytes);
    if (!segments) return segments.error();
    if (segments->empty()) return {};
    for (const store::StoredSegment& segment : *segments) {
      if (segment.first > range.last) return {};
      const auto more = visit(segment.body);
      if (!more) return more.error();
      if (!*more) return {};
      after = segment.first + segment.count - 1;
    }
  }
  return {};
}

Result<RecordsRead> read_range(store::Store& store, store::ScopeId id, const ReplicaId& origin, const Range& range,
                               std::span<const std::string> columns, std::size_t records_max) {
  RecordsRead found;
  bool end = true;
  const auto visit = [&](ByteView body) -> Result<bool> {
    if (found.records.size() >= records_max) return end = false, false;
    const auto reader = stream::SegmentReader::open(body);
    if (!reader) return reader.error();
    std::vector<std::optional<std::size_t>> positions;
    for (const std::string& column : columns) positions.push_back(stream::position(reader->schema(), column));
    const auto runs = stream::rows_within(*reader, range);
    if (!runs) return runs.error();
    auto records = stream::read_rows(*reader, *runs, positions);
    if (!records) return std::move(records).error();
    const std::size_t room = records_max - found.records.size();
    if (records->size() > room) records->resize(room), end = false;
    std::move(records->begin(), records->end(), std::back_inserter(found.records));
    return true;
  };
  if (auto read = each_segment(store, id, origin, range, visit); !read) return std::move(read).error();
  const store::StreamState state = state_of(store, id, origin);
  const std::uint64_t last = end ? std::min(range.last, state.last) : found.records.back().sequence;
  auto noted = note_gaps(store, id, state, std::max<std::uint64_t>(range.first, 1), last, found);
  if (!noted) return std::move(noted).error();
  return found;
}

Result<OriginRead> read_records(store::Store& store, store::ScopeId id, const ReplicaId& origin, std::uint64_t from,
                                std::size_t records_max, std::size_t bytes_max) {
  OriginRead found;
  std::uint64_t next = from;
  bool end = false;
  const auto enough = [&] { return found.read.records.size() >= records_max || found.bytes >= bytes_max; };
  while (!end && !enough()) {
    const auto segments = store.segments(id, origin, next - 1, fetch_bytes);
    if (!segments) return segments.error();
    end = segments->empty();
    for (auto segment = segments->begin(); segment != segments->end() && !enough(); ++segment) {
      const auto records = stream::decode(segment->body);  // which costs more than fetching
      if (!records) return records.error();
      take(*records, next, records_max, found.read);
      found.bytes += segment->body.size();
    }
  }
  const store::StreamState state = state_of(store, id, origin);
  found.last = std::max(end ? state.last : next - 1, from - 1);
  auto noted = note_gaps(store, id, state, from, found.last, found.read);
  if (!noted) return std::move(noted).error();
  return found;
}

}  // namespace edgesync::node
