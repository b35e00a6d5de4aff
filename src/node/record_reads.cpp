// SPDX-License-Identifier: Apache-2.0
#include "node/record_reads.hpp"

#include "stream/aggregation.hpp"
#include "stream/drops.hpp"

#include <algorithm>

namespace edgesync::node {
namespace {

constexpr std::size_t fetch_bytes = 64 * 1024;  // of segments fetched at a time: thousands of records, about a page

/// What is taken of the segments of one origin, as far as it is wanted.
class Collector {
 public:
  explicit Collector(const Wanted& wanted) : wanted_(wanted) {}

  /// False: there is enough already.
  Result<bool> take(ByteView segment);
  OriginRead found{};
  bool whole = true;  ///< Nothing that is wanted was left out.

 private:
  std::vector<std::optional<std::size_t>> positions(const stream::Schema& schema) const;
  const Wanted& wanted_;
};

/// Without names: all of them.
std::vector<std::optional<std::size_t>> Collector::positions(const stream::Schema& schema) const {
  std::vector<std::optional<std::size_t>> positions;
  if (!wanted_.columns)
    for (std::size_t at = 0; at < schema.columns.size(); ++at) positions.push_back(at);
  else
    for (const std::string& column : *wanted_.columns) positions.push_back(stream::position(schema, column));
  return positions;
}

Result<bool> Collector::take(ByteView segment) {
  std::vector<Record>& records = found.read.records;
  if (records.size() >= wanted_.records_max || found.bytes >= wanted_.bytes_max) return whole = false;
  const auto reader = stream::SegmentReader::open(segment);
  if (!reader) return reader.error();
  auto runs = stream::rows_within(*reader, wanted_.range);
  if (!runs) return std::move(runs).error();
  whole = stream::keep_rows(*runs, wanted_.records_max - records.size());
  auto more = stream::read_rows(*reader, *runs, positions(reader->schema()));
  if (!more) return std::move(more).error();
  found.bytes += segment.size() * more->size() / reader->info().count;
  std::move(more->begin(), more->end(), std::back_inserter(records));
  return whole;
}

/// Segments of one origin, and what the store knew of it when it fetched the last of them.
class Fetcher {
 public:
  Fetcher(const ScopeHandle& scope, const ReplicaId& origin) : scope_(scope), state_{origin, 0, 0} {}

  Result<std::vector<store::StoredSegment>> after(std::uint64_t sequence) {
    auto lock = scope_.lock_idle();
    if (!lock) return std::move(lock).error();
    store::Store& store = scope_.core->store();
    state_.last = store.context(scope_.id)[state_.origin];
    state_.trimmed = store.floors(scope_.id)[state_.origin];
    return store.segments(scope_.id, state_.origin, sequence, fetch_bytes);
  }
  const store::StreamState& state() const noexcept { return state_; }

 private:
  const ScopeHandle& scope_;
  store::StreamState state_;
};

/// Records that were dropped while they were read were read.
void add_gap(const Gap& gap, RecordsRead& read) {
  const auto before = [](const Record& record, std::uint64_t sequence) { return record.sequence < sequence; };
  const auto begin = std::lower_bound(read.records.begin(), read.records.end(), gap.first, before);
  const auto end = std::lower_bound(begin, read.records.end(), gap.last + 1, before);
  const auto add = [&](std::uint64_t first, std::uint64_t last) {
    if (first <= last) read.gaps.push_back({first, last, gap.why});
  };
  if (begin == end) return add(gap.first, gap.last);
  add(gap.first, begin->sequence - 1);
  add(std::prev(end)->sequence + 1, gap.last);
}

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
    add_gap({std::max(gap.first, next), std::min(gap.last, last), gap.why}, read);
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

Result<OriginRead> read_records(const ScopeHandle& scope, const ReplicaId& origin, const Wanted& wanted) {
  Collector collector(wanted);
  const auto state =
      each_segment(scope, origin, wanted.range, [&](ByteView segment) { return collector.take(segment); });
  if (!state) return state.error();
  OriginRead found = std::move(collector.found);
  const std::uint64_t first = std::max<std::uint64_t>(wanted.range.first, 1);
  found.last = found.read.records.empty() ? first - 1 : found.read.records.back().sequence;
  if (collector.whole) found.last = std::max(found.last, std::min(wanted.range.last, state->last));
  auto noted = note_gaps(scope, *state, first, found.last, found.read);
  if (!noted) return std::move(noted).error();
  return found;
}

}  // namespace edgesync::node
