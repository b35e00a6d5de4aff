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

/// Segments of one origin, and what the store knew of it when it fetched the last of them.
class Fetcher {
 public:
  Fetcher(const ScopeHandle& scope, const ReplicaId& origin) : scope_(scope), state_{origin, 0, 0} {}

  Result<std::vector<store::StoredSegment>> after(std::uint64_t sequence) {
    auto lock = scope_.lock_idle();
    if (!lock) return std::move(lock).error();
    store::Store& store = scope_.core->store();
    state_ = state_of(store, scope_.id, state_.origin);
    return store.segments(scope_.id, state_.origin, sequence, fetch_bytes);
  }
  const store::StreamState& state() const noexcept { return state_; }

 private:
  const ScopeHandle& scope_;
  store::StreamState state_;
};

/// What is missing from `from` to `last`, and why.
Result<void> note_gaps(const ScopeHandle& scope, const store::StreamState& state, std::uint64_t from,
                       std::uint64_t last, RecordsRead& read) {
  auto lock = scope.lock_idle();
  if (!lock) return std::move(lock).error();
  const auto known = scope.core->store().gaps(scope.id, state.origin, from - 1, SIZE_MAX);
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

Result<store::StreamState> each_segment(const ScopeHandle& scope, const ReplicaId& origin, const Range& range,
                                        const Function<Result<bool>(ByteView segment)>& visit) {
  Fetcher fetcher(scope, origin);
  for (std::uint64_t after = std::max<std::uint64_t>(range.first, 1) - 1; after < range.last;) {
    const auto segments = fetcher.after(after);
    if (!segments) return segments.error();
    if (segments->empty()) break;
    for (const store::StoredSegment& segment : *segments) {
      if (segment.first > range.last) return fetcher.state();
      const auto more = visit(segment.body);
      if (!more) return more.error();
      if (!*more) return fetcher.state();
      after = segment.first + segment.count - 1;
    }
  }
  return fetcher.state();
}

Result<RecordsRead> read_range(const ScopeHandle& scope, const ReplicaId& origin, const Range& range,
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
  const auto state = each_segment(scope, origin, range, visit);
  if (!state) return state.error();
  const std::uint64_t first = std::max<std::uint64_t>(range.first, 1);
  const std::uint64_t read_to = found.records.empty() ? first - 1 : found.records.back().sequence;
  auto noted = note_gaps(scope, *state, first, end ? std::min(range.last, state->last) : read_to, found);
  if (!noted) return std::move(noted).error();
  return found;
}

Result<OriginRead> read_records(const ScopeHandle& scope, const ReplicaId& origin, std::uint64_t from,
                                std::size_t records_max, std::size_t bytes_max) {
  Fetcher fetcher(scope, origin);
  OriginRead found;
  std::uint64_t next = from;
  bool end = false;
  const auto enough = [&] { return found.read.records.size() >= records_max || found.bytes >= bytes_max; };
  while (!end && !enough()) {
    const auto segments = fetcher.after(next - 1);
    if (!segments) return segments.error();
    end = segments->empty();
    for (auto segment = segments->begin(); segment != segments->end() && !enough(); ++segment) {
      const auto records = stream::decode(segment->body);  // which costs more than fetching
      if (!records) return records.error();
      take(*records, next, records_max, found.read);
      found.bytes += segment->body.size();
    }
  }
  found.last = std::max(end ? fetcher.state().last : next - 1, from - 1);
  auto noted = note_gaps(scope, fetcher.state(), from, found.last, found.read);
  if (!noted) return std::move(noted).error();
  return found;
}

}  // namespace edgesync::node
