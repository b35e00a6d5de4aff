// SPDX-License-Identifier: Apache-2.0
#include <edgesync/stream.hpp>

#include "node/core.hpp"
#include "stream/drops.hpp"

#include <algorithm>

namespace edgesync {
namespace {

constexpr std::size_t read_bytes = 64 * 1024;  // of segments fetched at a time: thousands of records, about a page

Result<Sequences> append_rows(const node::ScopeHandle& scope, std::span<const store::Row> rows, Durability durability) {
  auto lock = scope.lock();
  if (!lock) return std::move(lock).error();
  node::Core& core = *scope.core;
  auto appended = core.store().append(scope.id, rows);
  if (!appended) {
    core.commit_later(*lock, core.batch_delay());  // what a quota refuses is counted, and one commit counts many
    return std::move(appended).error();
  }
  core.engine().metrics().records_appended += rows.size();
  if (durability == Durability::fast) {
    core.commit_later(*lock, core.batch_delay());
  } else if (auto settled = core.settle(*lock, appended->ticket); !settled) {
    return std::move(settled).error();
  }
  return Sequences{appended->first, appended->last};
}

/// Takes the wanted records of one segment.
void take(const std::vector<Record>& records, std::uint64_t& next, std::size_t limit, RecordsRead& read) {
  for (const Record& record : records) {
    if (record.sequence < next || read.records.size() == limit) continue;
    next = record.sequence + 1;
    read.records.push_back(record);
  }
}

/// Notes what is missing from `from` to the last record read, or to the last that ever was if nothing follows, and why.
Result<void> note_gaps(store::Store& store, store::ScopeId id, const ReplicaId& origin, std::uint64_t from, bool end,
                       RecordsRead& read) {
  std::uint64_t last = read.records.empty() ? 0 : read.records.back().sequence, floor = 0;
  for (const store::StreamState& state : store.stream(id))
    if (state.origin == origin) floor = state.trimmed, last = end ? state.last : last;
  const auto known = store.gaps(id, origin, from - 1, SIZE_MAX);
  if (!known) return known.error();
  std::uint64_t next = std::max(from, floor + 1);
  for (const Gap& gap : *known) {
    if (gap.first > last) break;
    if (gap.why == stream::at_root) continue;
    read.gaps.push_back({std::max(gap.first, next), std::min(gap.last, last), gap.why});
  }
  return {};
}

}  // namespace

Result<Sequences> Stream::append(std::initializer_list<Field> fields) {
  auto lock = scope_->lock();
  if (!lock) return std::move(lock).error();
  const Timestamp at = scope_->core->time();
  lock->unlock();
  return append(at, std::vector<Field>(fields));
}

Result<Sequences> Stream::append(Timestamp at, std::vector<Field> fields, Durability durability) {
  const store::Row row{at, std::move(fields)};
  return append_rows(*scope_, {&row, 1}, durability);
}

Result<Sequences> Stream::append(std::span<const Record> records, Durability durability) {
  std::vector<store::Row> rows;
  rows.reserve(records.size());
  for (const Record& record : records) rows.push_back({record.at, record.fields});
  return append_rows(*scope_, rows, durability);
}

Result<RecordsRead> Stream::read(const ReplicaId& origin, std::uint64_t from, std::size_t limit) const {
  auto lock = scope_->lock_idle();
  if (!lock) return std::move(lock).error();
  node::Core& core = *scope_->core;
  if (auto settled = core.settle_all(*lock); !settled) return std::move(settled).error();
  RecordsRead read;
  std::uint64_t next = std::max<std::uint64_t>(from, 1);
  bool end = false;
  while (read.records.size() < limit) {
    const auto segments = core.store().segments(scope_->id, origin, next - 1, read_bytes);
    if (!segments) return segments.error();
    if (end = segments->empty(); end) break;
    for (const store::StoredSegment& segment : *segments) {
      if (read.records.size() == limit) break;  // decoding costs more than fetching
      const auto records = stream::decode(segment.body);
      if (!records) return records.error();
      take(*records, next, limit, read);
    }
  }
  auto noted = note_gaps(core.store(), scope_->id, origin, std::max<std::uint64_t>(from, 1), end, read);
  if (!noted) return std::move(noted).error();
  return read;
}

Result<RecordsRead> Stream::read(std::uint64_t from, std::size_t limit) const {
  return read(scope_->core->id(), from, limit);
}

Result<std::vector<std::pair<ReplicaId, std::uint64_t>>> Stream::origins() const {
  auto lock = scope_->lock();
  if (!lock) return std::move(lock).error();
  std::vector<std::pair<ReplicaId, std::uint64_t>> origins;
  for (const store::StreamState& state : scope_->core->store().stream(scope_->id))
    origins.emplace_back(state.origin, state.last);
  return origins;
}

Result<std::vector<Column>> Stream::columns() const {
  auto lock = scope_->lock();
  if (!lock) return std::move(lock).error();
  const auto schema = scope_->core->store().schema(scope_->id);
  if (!schema) return Error(Errc::not_found, "stream: " + scope_->name + ": no columns are known here");
  return schema->columns;
}

Result<StreamCounts> Stream::counts() const {
  auto lock = scope_->lock_idle();
  if (!lock) return std::move(lock).error();
  return scope_->core->counts(scope_->id);
}

Result<Drops> Stream::dropped(const ReplicaId& origin) const {
  auto lock = scope_->lock();
  if (!lock) return std::move(lock).error();
  return scope_->core->store().missing(scope_->id, origin);
}

Result<Digest> Stream::digest() const { return scope_->digest(); }
const std::string& Stream::name() const noexcept { return scope_->name; }

}  // namespace edgesync
