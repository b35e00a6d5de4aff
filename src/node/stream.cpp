// SPDX-License-Identifier: Apache-2.0
#include <edgesync/stream.hpp>

#include "base/text.hpp"
#include "node/core.hpp"
#include "node/record_reads.hpp"
#include "stream/aggregation.hpp"

#include <algorithm>

namespace edgesync {
namespace {

/// Fails with: not_found.
Result<Column> column_of(const node::ScopeHandle& scope, std::string_view name) {
  const auto schema = scope.core->store().schema(scope.id);
  const auto at = schema ? stream::position(*schema, name) : std::nullopt;
  if (at) return schema->columns[*at];
  return Error(Errc::not_found, "stream: " + scope.name + ": no column '" + printable(name) + "'");
}

/// What is masked may have become so after the handle was made.
Result<store::Appended> append_to(store::Store& store, const node::ScopeHandle& scope,
                                  std::span<const Record> records) {
  if (store.masks(scope.id).empty()) return store.append(scope.id, records);
  if (scope.whole) return node::append_masked(store, scope.id, *scope.whole, records);
  const auto whole = node::whole_of(store, scope.id);
  if (!whole) return whole.error();
  return node::append_masked(store, scope.id, **whole, records);
}

/// Of these origins, or of all.
Result<Aggregate> aggregate_of(const node::ScopeHandle& scope, std::span<const ReplicaId> origins,
                               std::string_view name, const Range& range) {
  auto lock = scope.lock_idle();
  if (!lock) return std::move(lock).error();
  node::Core& core = *scope.core;
  if (auto settled = core.settle_all(*lock); !settled) return std::move(settled).error();
  const auto column = column_of(scope, name);
  if (!column) return column.error();
  if (column->type == text || column->type == bytes)
    return Error(Errc::type_mismatch, "stream: " + scope.name + ": column '" + column->name + "' holds no numbers");
  std::vector<ReplicaId> all(origins.begin(), origins.end());
  if (origins.empty())
    for (const store::StreamState& state : core.store().stream(scope.id)) all.push_back(state.origin);
  lock->unlock();
  stream::Aggregation aggregation(column->type);
  const auto add = [&](ByteView segment) -> Result<bool> {
    if (auto added = aggregation.add(segment, column->name, range); !added) return std::move(added).error();
    return true;
  };
  for (const ReplicaId& origin : all)
    if (auto read = node::each_segment(scope, origin, range, add); !read) return std::move(read).error();
  return aggregation.result();
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
  const Record record{0, at, std::move(fields)};
  return append({&record, 1}, durability);
}

Result<Sequences> Stream::append(std::span<const Record> records, Durability durability) {
  auto lock = scope_->lock();
  if (!lock) return std::move(lock).error();
  node::Core& core = *scope_->core;
  auto appended = append_to(core.store(), *scope_, records);
  if (!appended) {
    core.commit_later(*lock, core.batch_delay());  // what a quota refuses is counted, and one commit counts many
    return std::move(appended).error();
  }
  core.engine().metrics().records_appended += records.size();
  if (durability == Durability::fast) {
    core.commit_later(*lock, core.batch_delay());
  } else if (auto settled = core.settle(*lock, appended->ticket); !settled) {
    return std::move(settled).error();
  }
  return Sequences{appended->first, appended->last};
}

Result<RecordsRead> Stream::read(const ReplicaId& origin, std::uint64_t from, std::size_t limit) const {
  auto lock = scope_->lock_idle();
  if (!lock) return std::move(lock).error();
  node::Core& core = *scope_->core;
  if (auto settled = core.settle_all(*lock); !settled) return std::move(settled).error();
  lock->unlock();
  auto found = node::read_records(*scope_, origin, {.range = {.first = from}, .records_max = limit});
  if (!found) return std::move(found).error();
  return std::move(found->read);
}

Result<RecordsRead> Stream::read(std::uint64_t from, std::size_t limit) const {
  return read(scope_->core->id(), from, limit);
}

Result<RecordsRead> Stream::read(const ReplicaId& origin, const Range& range, std::span<const std::string> columns,
                                 std::size_t limit) const {
  auto lock = scope_->lock_idle();
  if (!lock) return std::move(lock).error();
  node::Core& core = *scope_->core;
  if (auto settled = core.settle_all(*lock); !settled) return std::move(settled).error();
  for (const std::string& column : columns)
    if (auto known = column_of(*scope_, column); !known) return std::move(known).error();
  lock->unlock();
  auto found = node::read_records(*scope_, origin, {.range = range, .columns = columns, .records_max = limit});
  if (!found) return std::move(found).error();
  return std::move(found->read);
}

Result<Aggregate> Stream::aggregate(const ReplicaId& origin, std::string_view column, const Range& range) const {
  return aggregate_of(*scope_, {&origin, 1}, column, range);
}

Result<Aggregate> Stream::aggregate(std::string_view column, const Range& range) const {
  return aggregate_of(*scope_, {}, column, range);
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

Consumer Stream::consumer(std::string_view name) const { return Consumer(scope_, name); }

Subscription Stream::on_records(Function<void()> handler) const {
  return scope_->core->handlers().on_records(scope_->name, std::move(handler));
}

Result<Digest> Stream::digest() const { return scope_->digest(); }
const std::string& Stream::name() const noexcept { return scope_->name; }

}  // namespace edgesync
