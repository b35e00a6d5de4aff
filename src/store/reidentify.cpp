// SPDX-License-Identifier: Apache-2.0
// A new id for a database of which another copy lives: cells, log, records, contexts and the id itself in one
// transaction, so that a power cut leaves the old life or the new one.
#include "store/ledger.hpp"
#include "store/records.hpp"
#include "store/sqlite_store.hpp"
#include "store/stage.hpp"
#include "stream/budget.hpp"

#include <algorithm>

namespace edgesync::store {
namespace {

constexpr std::size_t chunk_bytes = 4 << 20;  // of segments read at a time

/// Rows on their way from segments of one origin into segments of another.
class Renumbering {
 public:
  Renumbering(SqlTable& table, const ReplicaId& to, const stream::Schema& schema)
      : table_(table), to_(to), rows_(schema) {}

  void take(const std::vector<Record>& records, std::uint64_t after) {
    for (const Record& record : records) {
      if (record.sequence <= after) continue;
      if (!rows_.accepts(record.fields)) write();
      rows_.add(record.at, record.fields);
    }
  }
  void write() {
    const auto count = static_cast<std::uint32_t>(rows_.size());
    if (count == 0) return;
    put_segment(table_, {{}, to_, next_, count, rows_.finish(next_)});
    next_ += count;
  }

 private:
  SqlTable& table_;
  const ReplicaId& to_;
  stream::SegmentBuilder rows_;
  std::uint64_t next_ = 1;
};

}  // namespace

Result<void> reissue_records(SqlTable& table, const ReplicaId& from, const ReplicaId& to, std::uint64_t kept,
                             const stream::Schema& schema) {
  Renumbering renumbering(table, to, schema);
  std::uint64_t after = kept, through = kept;
  for (;;) {
    const auto segments = read_segments(table, from, through, chunk_bytes);
    if (!segments) return segments.error();
    if (segments->empty()) break;
    for (const StoredSegment& segment : *segments) {
      const auto records = stream::decode(segment.body);
      if (!records) return Error(Errc::storage_corrupt, "sblk: segment " + std::to_string(segment.first) + ": damaged");
      after = std::min(after, segment.first - 1);
      renumbering.take(*records, after);
      erase_segment(table, from, segment);
      through = segment.first + segment.count - 1;
    }
  }
  renumbering.write();
  // What was dropped of these keeps being counted; its numbers are not.
  count_left_out(table, to, cut_gaps(table, from, after));
  table.rewind({from, after});
  return {};
}

Result<void> SqliteStore::reissue(ScopeState& state, const ReplicaId& fresh, const ReplicaId& self, bool authority) {
  SqlTable& table = state.table;
  const std::uint64_t stable = state.stable[self], last = table.context()[self];
  if (state.scope.plane != Plane::stream) {
    crdt::reissue(
        table, self, fresh, authority ? 0 : std::min(stable, last),
        [&table](ByteView key) { return table.counter_versions(key); }, selves_);
    return {};
  }
  const bool stay = authority || self != file_.replica() || !state.policy.schema || state.policy.local_only;
  const std::uint64_t kept = std::max(stable, table.floors()[self]);
  if (stay || last <= kept) return {};
  return reissue_records(table, self, fresh, kept, *state.policy.schema);
}

Result<void> SqliteStore::write_reissue(const ReplicaId& fresh, const ReplicaId& self, bool authority) {
  authority = authority && self == file_.replica();
  Query(file_.db, Sql::begin).step();
  for (auto& [sid, state] : states_) {
    if (!state->stored) continue;
    state->table.begin(false);
    // What is kept aside refers to entries that are about to be somebody else's.
    while (!state->table.stages().empty())
      end_stage(state->table, file_.origins.find(state->table.stages().begin()->first));
    if (auto good = reissue(*state, fresh, self, authority); !good) return good;
    state->table.save();
    state->table.end();
  }
  Query(file_.db, Sql::lineage_inherit).bind(self.bytes).bind(fresh.bytes).step();
  Query(file_.db, Sql::lineage_trim).bind(std::uint64_t{crdt::Lineage::rows_max - 1}).step();
  file_.rename(fresh, former_after(self));
  if (auto good = file_.check(); !good) return good;
  return file_.commit(batch_);
}

/// What former() is once another id is taken, under which everything of `self` is said again.
std::vector<Former> SqliteStore::former_after(const ReplicaId& self) const {
  Former current{file_.replica(), 0};
  for (const auto& [sid, state] : states_)
    for (const crdt::Dot& own : {crdt::Dot{current.id, state->durable.context[current.id]}, state->policy.own})
      if (state->scope.plane != Plane::stream && own.replica == current.id)
        current.last = std::max(current.last, own.stamp);
  std::vector<Former> former = former_;
  former.insert(former.begin(), current);
  for (Former& one : former)
    if (one.id == self) one.last = 0;
  return former;
}

/// The file is that of another replica from here on. Its stamps begin where they like, but above its own.
void SqliteStore::begin_as(crdt::Lineage lineage) {
  lineage_ = std::move(lineage);
  lineage_due_.reset();
  lineage_from_ = 1, minted_ = false;
  clock_.restart(0);
  for (auto& [sid, state] : states_) {
    const std::uint64_t own = state->durable.context[file_.replica()];
    state->last_own = state->scope.plane == Plane::stream ? 0 : own;
    state->elsewhere = 0;
    state->next_sequence = own + 1;
    state->sealed = own;  // they were joined as they were numbered anew
    clock_.pass(state->last_own);
    lineage_from_ = std::max(lineage_from_, state->last_own + 1);
  }
}

Result<Renamed> SqliteStore::reidentify(const ReplicaId& fresh, const ReplicaId& self, std::string reason,
                                        bool authority) {
  if (auto open = revive(); !open) return open.error();
  // An earlier attempt of which the disk did not tell whether it succeeded.
  if (renaming_ && renaming_->after == file_.replica()) return *std::exchange(renaming_, {});
  renaming_ = Renamed{file_.replica(), fresh, std::move(reason)};
  ++batch_;
  auto former = former_after(self);
  if (auto written = write_reissue(fresh, self, authority); !written || file_.db.log_doubtful()) {
    // As after any commit that fails: only the file, opened again, knows which life it holds.
    Error why = written ? *file_.db.take_log_error() : std::move(written).error();
    file_.db.close(true);
    for (auto& [sid, state] : states_) state->table.reset(state->durable);
    doubtful_ = std::min(doubtful_.value_or(batch_), batch_);
    if (!revive() || file_.replica() != fresh) return why;
    return *std::exchange(renaming_, {});
  }
  take_selves(std::move(former));
  for (auto& [sid, state] : states_) state->durable = state->table.state();
  crdt::Lineage lineage = std::move(lineage_);
  lineage.inherit(self, fresh);
  begin_as(std::move(lineage));
  return *std::exchange(renaming_, {});
}

}  // namespace edgesync::store
