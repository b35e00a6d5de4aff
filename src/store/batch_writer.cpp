// SPDX-License-Identifier: Apache-2.0
#include "store/batch_writer.hpp"

#include "store/journal.hpp"
#include "store/ledger.hpp"
#include "store/records.hpp"
#include "store/retention.hpp"
#include "store/upkeep.hpp"
#include "store/version_content.hpp"
#include "store/version_rows.hpp"

#include <algorithm>
#include <limits>
#include <set>

namespace edgesync::store {
namespace {

constexpr std::size_t attempts_max = 8;  // then every arrival is left out

}  // namespace

Part* GroupCommit::part(ScopeId id) noexcept {
  const auto at = std::lower_bound(parts.begin(), parts.end(), id,
                                   [](const Part& part, ScopeId wanted) { return part.scope.id < wanted; });
  return at != parts.end() && at->scope.id == id ? &*at : nullptr;
}

void GroupCommit::reset_tables(const Loaded& loaded) {
  for (Part& part : parts) {
    const auto at = std::find_if(loaded.scopes.begin(), loaded.scopes.end(), [&](const LoadedScope& scope) {
      return scope.sid == static_cast<std::uint32_t>(part.scope.id);
    });
    part.table->reset(at != loaded.scopes.end() ? at->durable : Durable{});
  }
}

void BatchWriter::run() {
  if (batch_.empty() || batch_.error) return;
  const bool open = file_.db.is_open();
  if (auto placed = check_place(); !placed) {
    batch_.error = placed.error();
    batch_.untouched = open;
    return;
  }
  for (std::size_t attempt = 1;; ++attempt) {
    auto written = try_write();
    batch_.log_error = file_.db.take_log_error();
    if (written) {
      if (file_.db.log_doubtful()) settle(*batch_.log_error, true);
      if (!file_.full) file_.ballast.make();
      return;
    }
    settle(written.error(), false);
    // If the file was closed before, what it turns out to hold is the owner's to look at first.
    if (!open || !batch_.error || !batch_.reloaded) return;
    if (!sweep_next() && !arrivals_.leave_out(*batch_.error, attempt >= attempts_max) && !free_ballast()) return;
    batch_.reset_tables(*batch_.reloaded);
    batch_.error.reset(), batch_.reloaded.reset();
  }
}

Result<void> BatchWriter::check_place() {
  if (auto placed = file_.db.check_place(); !placed || !file_.db.log_lost()) return placed;
  if (auto moved = file_.db.move_log(); !moved) return moved;
  file_.db.close(false);
  if (auto again = file_.reopen(batch_.number); !again) return again.error();
  place_ = Error(Errc::storage_io, "store: " + file_.db.path() + "-wal: was removed; what it held is in the database");
  return {};
}

bool BatchWriter::free_ballast() {
  if (!batch_.error->is(Errc::storage_full) || !file_.ballast.held()) return false;
  file_.ballast.release();
  file_.full = true;
  return true;
}

bool BatchWriter::sweep_next() {
  bool any = false;
  for (Part& part : batch_.parts) {
    if (part.sweep || !(part.table->wants_sweep() || part.table->blocks().damaged())) continue;
    any = part.sweep = true;
  }
  return any;
}

void BatchWriter::sweep_part(Part& part) {
  std::string lost = sweep(*part.table, part.scope.plane, part.suspicion);
  if (lost.empty()) return;
  lost = std::string(name(part.scope.plane)) + " scope " + part.scope.name + ": damaged: " + lost;
  batch_.faults.emplace_back(part.scope.id, Error(Errc::storage_corrupt, std::move(lost)));
}

/// Whatever goes wrong ends the batch, and not the store: somebody waits for each that was begun.
Result<void> BatchWriter::try_write() {
  try {
    return write();
  } catch (const std::exception& thrown) {
    file_.db.keep_errors(false);
    return Error(Errc::limit_exceeded, "store: " + file_.db.path() + ": a group commit: " + thrown.what());
  }
}

Result<void> BatchWriter::write() {
  batch_.outcomes.clear(), batch_.changes.clear(), batch_.conflicts.clear();
  batch_.diverged.clear(), batch_.learned.clear(), batch_.faults.clear();
  arrivals_.begin();
  if (place_) batch_.faults.emplace_back(ScopeId{}, *place_);
  file_.db.keep_errors(true);
  Query(file_.db, Sql::begin).step();
  if (batch_.lineage) write_lineage(*batch_.lineage);
  for (Part& part : batch_.parts) write_local(part);
  arrivals_.write();
  for (Part& part : batch_.parts) finish_part(part);
  file_.db.keep_errors(false);
  // An error may have made the engine roll back by itself; committing what came after it would tear the batch.
  if (auto good = file_.check(); !good) return good;
  return file_.commit(batch_.number);
}

void BatchWriter::write_lineage(const crdt::Lineage::Row& row) {
  const Bytes secret = to_bytes(row.secret);
  Query(file_.db, Sql::lineage_put).bind(row.self.bytes).bind(row.first).bind(secret).step();
  Query(file_.db, Sql::lineage_trim).bind(std::uint64_t{crdt::Lineage::rows_max - 1}).step();
}

void BatchWriter::settle(Error error, bool durable) {
  // Whether a commit that failed is in the file cannot be asked of the handle that failed.
  file_.db.close(true);
  auto loaded = file_.reopen(durable ? batch_.number : batch_.doubtful);
  if (!loaded && durable) return;
  if (!loaded) {
    error.detail += "; then " + loaded.error().detail;
    batch_.error = std::move(error);
    return;
  }
  if (loaded->batch != batch_.number) batch_.error = std::move(error);
  batch_.reloaded = *std::move(loaded);
}

void BatchWriter::write_scope(Part& part) {
  const std::uint32_t sid = part.table->sid();
  if (part.create)
    Query(file_.db, Sql::scope_put)
        .bind(sid)
        .bind(static_cast<std::uint32_t>(part.scope.plane))
        .bind_text(part.scope.name)
        .bind(part.policy.value_or(Bytes{}))
        .step();
  else if (part.policy)
    Query(file_.db, Sql::scope_policy).bind(sid).bind(*part.policy).step();
  for (const AckNote& note : part.acks)
    Query(file_.db, Sql::acks_put)
        .bind(sid)
        .bind(file_.origins.intern(note.replica))
        .bind(note.acked)
        .bind(note.stable)
        .step();
  for (const auto& [self, drops] : part.missing) put_missing(*part.table, self, drops);
}

void BatchWriter::write_local(Part& part) {
  part.learned = false;
  part.table->begin(part.watched || part.history > 0);
  part.table->set_stable(part.stable_own);
  if (part.wipe) part.scope.plane == Plane::stream ? wipe_records(*part.table, part.acked) : part.table->wipe();
  write_scope(part);
  if (part.sweep) sweep_part(part);
  part.table->mending(true);  // what is written here replaces all that the key may have held
  for (const Memtable::Generation& generation : part.generations) {
    crdt::apply_changes(*part.table, file_.replica(), generation.changes);
    mend_removed(*part.table, generation.changes);
  }
  part.table->mending(false);
  for (const VersionOp& op : part.versions) write_version(*part.table, op);
  for (const Oid from : part.stages_ended) end_stage(*part.table, from);
  for (const Trim& trim : part.trims) trim_records(*part.table, trim);
  write_runs(part);
}

/// Nothing is left under a prefix of which all that was here is removed, lost rows among it.
void BatchWriter::mend_removed(SqlTable& table, const crdt::Changes& changes) {
  for (const crdt::Changes::RangeRemoval& removal : changes.ranges) {
    crdt::Context seen = removal.observed;
    seen.advance({file_.replica(), table.context()[file_.replica()]});
    const bool divides = table.state().damaged.ranges().size() >= damaged_ranges_max;  // there must not be any number
    if (seen.covers(table.context()) && !divides) table.mend(removal.range);
  }
}

/// Numbers that were given out for a batch that failed, before those that follow: their records never were.
void BatchWriter::skip_to(SqlTable& table, std::uint64_t first) {
  const std::uint64_t next = table.context()[file_.replica()] + 1;
  if (next < first) add_gap(table, file_.replica(), {next, first - 1, DropReason::refused});
}

void BatchWriter::write_runs(Part& part) {
  auto hole = part.holes.begin();
  const auto write_holes = [&](std::uint64_t before) {
    for (; hole != part.holes.end() && hole->first < before; ++hole) {
      skip_to(*part.table, hole->first);
      add_gap(*part.table, file_.replica(), *hole);
    }
  };
  for (Run& run : part.runs) {
    write_holes(run.segment.first);
    skip_to(*part.table, run.segment.first);
    if (run.rows) run.encode();
    put_segment(*part.table, run.segment);
  }
  write_holes(std::numeric_limits<std::uint64_t>::max());
  if (!part.runs.empty()) part.sealed = seal_records(*part.table, part.sealing, *part.schema);
  count_left_out(*part.table, file_.replica(), part.left_out);
  if (part.budget) part.more_to_shed = apply_budget(*part.table, *part.budget, part.shed);
}

void BatchWriter::finish_part(Part& part) {
  if (part.watched) collect_changes(part);
  write_journal(*part.table, part.history);
  part.table->save();
  if (part.table->wants_sweep()) sweep_part(part);
  if (part.scope.plane != Plane::stream) upkeep(*part.table);
  // A rollback has no time to lose: what it changes is packed when the next version comes.
  const auto saves = [](const VersionOp& op) { return op.kind == VersionOp::Kind::save; };
  if (std::any_of(part.versions.begin(), part.versions.end(), saves)) pack_versions(*part.table);
  part.table->save();
  part.table->end();
}

void BatchWriter::collect_changes(Part& part) {
  if (part.table->forgot()) return batch_.changes.push_back({part.scope.id, {}, {}, {}});
  BeforeView before(*part.table, part.table->replaced());
  std::set<std::string> paths;
  for (const auto& [key, cell] : part.table->replaced())
    if (auto parts = crdt::split(key)) paths.insert(std::move(parts->path));
  for (const std::string& path : paths)
    batch_.changes.push_back({part.scope.id, path, crdt::show(before, path), crdt::show(*part.table, path)});
  std::set<std::string> back;
  for (const Bytes& key : part.repaired)
    if (auto parts = crdt::split(key); parts && !paths.contains(parts->path)) back.insert(std::move(parts->path));
  for (const std::string& path : back)
    batch_.changes.push_back({part.scope.id, path, {}, crdt::show(*part.table, path)});
}

}  // namespace edgesync::store
