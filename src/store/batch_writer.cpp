// SPDX-License-Identifier: Apache-2.0
#include "store/batch_writer.hpp"

#include "crdt/chunk.hpp"
#include "store/admission.hpp"
#include "store/journal.hpp"
#include "store/ledger.hpp"
#include "store/quarantine.hpp"
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

constexpr std::size_t attempts_max = 8;                       // then every arrival is left out
constexpr std::size_t told_bytes_max = std::size_t{1} << 20;  // of what was told of lost rows, per scope

std::size_t weight(const crdt::Repair& repair) noexcept {
  std::size_t bytes = 0;
  for (const crdt::KeyState& state : repair.keys) bytes += crdt::cost(state);
  return bytes;
}

/// What a peer sent, or a row that it touches, can be the reason.
bool not_the_disk(const Error& error) noexcept {
  return error.is(Errc::storage_corrupt) || error.is(Errc::limit_exceeded);
}

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
  if (batch_.empty()) return;
  const bool open = file_.db.is_open();
  if (auto placed = check_place(); !placed) {
    batch_.error = placed.error();
    batch_.untouched = open;
    return;
  }
  aside_.resize(batch_.arrivals.size());
  for (std::size_t attempt = 1;; ++attempt) {
    auto written = write();
    batch_.log_error = file_.db.take_log_error();
    if (written) {
      if (!file_.full) file_.ballast.make();
      return;
    }
    settle(written.error());
    // If the file was closed before, what it turns out to hold is the owner's to look at first.
    if (!open || !batch_.error || !batch_.reloaded) return;
    if (attempt >= attempts_max) reached_ = batch_.arrivals.size();
    if (!sweep_next() && !set_aside() && !free_ballast()) return;
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

bool BatchWriter::set_aside() {
  // A large cut that does not fit the disk is refused; whatever else there is to commit still may fit.
  if (!batch_.alone && (local_ || !not_the_disk(*batch_.error))) return false;
  bool found = false;
  for (std::size_t i = 0; i < aside_.size(); ++i) {
    if (aside_[i] || (reached_ < aside_.size() && reached_ != i)) continue;
    // A large cut is alone: what it cannot have is its own fault, wherever it shows. A disk that fails is nobody's.
    const bool fault = not_the_disk(*batch_.error) || batch_.error->is(Errc::storage_full);
    const bool certain = fault && (reached_ < aside_.size() || batch_.alone);
    aside_[i] = Outcome{batch_.arrivals[i].ticket, false, batch_.error, certain ? blamed_ : ScopeId{}};
    found = true;
  }
  return found;
}

Result<void> BatchWriter::write() {
  batch_.outcomes.clear(), batch_.changes.clear(), batch_.conflicts.clear();
  batch_.diverged.clear(), batch_.learned.clear(), batch_.faults.clear();
  if (place_) batch_.faults.emplace_back(ScopeId{}, *place_);
  Query(file_.db, Sql::begin).step();
  if (batch_.lineage) write_lineage(*batch_.lineage);
  for (Part& part : batch_.parts) write_local(part);
  local_ = file_.db.failed();
  write_arrivals();
  for (Part& part : batch_.parts) finish_part(part);
  // An error may have made the engine roll back by itself; committing what came after it would tear the batch.
  if (auto good = file_.check(); !good) return good;
  return file_.commit(batch_.number);
}

void BatchWriter::write_lineage(const crdt::Lineage::Row& row) {
  const Bytes secret = to_bytes(row.secret);
  Query(file_.db, Sql::lineage_put).bind(row.self.bytes).bind(row.first).bind(secret).step();
  Query(file_.db, Sql::lineage_trim).bind(std::uint64_t{crdt::Lineage::rows_max - 1}).step();
}

void BatchWriter::write_arrivals() {
  reached_ = batch_.arrivals.size();
  for (std::size_t i = 0; i < batch_.arrivals.size(); ++i) {
    const Arrival& arrival = batch_.arrivals[i];
    batch_.outcomes.push_back(aside_[i] ? refuse(arrival, *aside_[i]) : apply(arrival));
    if (reached_ == batch_.arrivals.size()) blamed_ = at_;
    if (file_.db.failed()) reached_ = std::min(reached_, i);
  }
}

/// What was kept aside for a cut that can never be is told again, once its sender has something else to tell.
Outcome BatchWriter::refuse(const Arrival& arrival, const Outcome& why) {
  const auto* cut = std::get_if<RemoteCut>(&arrival.body);
  if (cut == nullptr || why.error->is(Errc::storage_full)) return why;
  for (const RemoteStage& stage : cut->stages)
    if (Part* part = stage.scope == why.scope ? taking(stage.scope) : nullptr; part != nullptr)
      end_stage(*part->table, file_.origins.find(stage.from));
  return why;
}

void BatchWriter::settle(Error error) {
  // Whether a commit that failed is in the file cannot be asked of the handle that failed.
  file_.db.close(true);
  auto loaded = file_.reopen(batch_.doubtful);
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
    const auto count = static_cast<std::uint32_t>(run.rows.size());
    write_holes(run.first);
    skip_to(*part.table, run.first);
    if (!run.encoded)
      run.encoded = RemoteSegment{part.scope.id, file_.replica(), run.first, count, run.rows.finish(run.first)};
    put_segment(*part.table, *run.encoded);
  }
  write_holes(std::numeric_limits<std::uint64_t>::max());
  if (!part.runs.empty()) part.sealed = seal_records(*part.table, part.sealing, *part.schema);
  count_left_out(*part.table, file_.replica(), part.left_out);
  if (part.budget) part.more_to_shed = apply_budget(*part.table, *part.budget, part.shed);
}

/// The part of a scope that peers may tell of.
Part* BatchWriter::taking(ScopeId id) noexcept {
  Part* part = batch_.part(id);
  return part == nullptr || part->given_up ? nullptr : part;
}

Outcome BatchWriter::apply(const Arrival& arrival) {
  Outcome outcome;
  if (const auto* segment = std::get_if<RemoteSegment>(&arrival.body)) {
    Part* part = taking(at_ = segment->scope);
    if (auto good = storable(*segment); !good)
      outcome.error = good.error();
    else
      outcome.applied = part != nullptr && take_segment(*part->table, *segment);
    if (outcome.error) outcome.scope = at_;
    if (outcome.applied)
      outcome.missing = missing_through(*part->table, segment->origin, segment->first + segment->count - 1);
  } else if (const auto* gap = std::get_if<RemoteGap>(&arrival.body)) {
    Part* part = taking(at_ = gap->scope);
    outcome.applied = part != nullptr && take_gap(*part->table, *gap);
    if (outcome.applied) outcome.missing = missing_through(*part->table, gap->origin, gap->gap.last);
  } else if (const auto* chunk = std::get_if<RemoteChunk>(&arrival.body)) {
    Part* part = taking(at_ = chunk->scope);
    if (arrival.refused)
      outcome.error = arrival.refused;
    else if (part != nullptr && part->scope.plane != Plane::stream)
      outcome = keep(*part, *chunk);
    if (outcome.error) outcome.scope = at_;
  } else if (const auto* repair = std::get_if<RemoteRepair>(&arrival.body)) {
    Part* part = taking(repair->scope);
    if (part != nullptr) outcome = take_repair(*part, repair->repair);
  } else if (const auto* cut = std::get_if<RemoteCut>(&arrival.body)) {
    outcome = apply(*cut);
  } else if (const auto* refused = std::get_if<RefusedSegment>(&arrival.body)) {
    Part* part = batch_.part(refused->scope);
    outcome.applied = part != nullptr && set_segment_aside(*part->table, *refused);
  } else if (const auto* released = std::get_if<Released>(&arrival.body)) {
    release(*released);
    outcome.applied = true;
  }
  outcome.ticket = arrival.ticket;
  return outcome;
}

Outcome BatchWriter::keep(const Part& part, const RemoteChunk& chunk) {
  Outcome outcome = keep_chunk(*part.table, chunk, batch_.number, part.preview);
  if (outcome.applied && part.preview) batch_.learned.push_back(chunk.chunk.delta.upto);  // what is shown is observed
  return outcome;
}

void BatchWriter::release(const Released& released) {
  release_aside(file_, released.ids, released.replayed);
  if (Part* part = released.back ? batch_.part(released.back->scope) : nullptr)
    restore_segment(*part->table, *released.back);
}

Outcome BatchWriter::apply(const RemoteCut& cut) {
  for (const auto& [id, delta, removed] : cut.deltas) {
    const Part* part = taking(id);
    if (part == nullptr || part->scope.plane == Plane::stream) return {};
    const crdt::Context& mine = part->table->context();
    if (auto good = admit(delta, mine, file_.replica()); !good) return {0, false, good.error(), id};
    if (!crdt::applicable(delta, mine)) return {};
  }
  for (const RemoteStage& stage : cut.stages) {
    const Part* part = taking(stage.scope);
    if (part == nullptr || part->scope.plane == Plane::stream || !joinable(*part->table, stage)) return {};
    if (sound(*part->table, stage.from)) continue;
    end_stage(*part->table, file_.origins.find(stage.from));
    const std::string where = std::string(name(part->scope.plane)) + " scope " + part->scope.name;
    batch_.faults.emplace_back(stage.scope,
                               Error(Errc::storage_corrupt, where + ": damaged: a cut that was kept aside"));
    return {};
  }
  for (const RemoteDelta& remote : cut.deltas) apply(*batch_.part(remote.scope), remote);
  for (const RemoteStage& stage : cut.stages) {
    Part& part = *batch_.part(stage.scope);
    const crdt::Context upto = part.table->stages().at(stage.from).upto;
    apply(part, upto, [&] { return join_stage(*part.table, stage); });
  }
  return {0, true, {}, {}};
}

void BatchWriter::apply(Part& part, const RemoteDelta& remote) {
  apply(part, remote.delta.upto,
        [&] { return crdt::apply_delta(*part.table, remote.delta, remote.removed ? &*remote.removed : nullptr); });
  part.table->mend_listed(remote.delta);
}

void BatchWriter::apply(Part& part, const crdt::Context& upto, const Function<crdt::Applied()>& join) {
  if (!file_.db.failed()) at_ = part.scope.id;
  part.table->take_oversized();  // by local writes, which always may
  const crdt::Applied applied = join();
  if (part.table->take_oversized())
    file_.db.fail(
        Error(Errc::limit_exceeded, "cut: scope " + part.scope.name + ": a cell above 16 MiB or 4096 entries"));
  part.learned = true;
  batch_.learned.push_back(upto);
  end_stale_stages(*part.table);
  if (applied.diverged) batch_.diverged.push_back(part.scope.id);
  std::string last;
  for (const Bytes& key : applied.conflicts) {
    auto parts = crdt::split(key);
    if (!parts || parts->path == last) continue;
    last = parts->path;
    batch_.conflicts.emplace_back(part.scope.id, std::move(parts->path));
  }
}

Outcome BatchWriter::take_repair(Part& part, const crdt::Repair& repair) {
  SqlTable& table = *part.table;
  if (auto good = admit(repair); !good) return {0, false, good.error(), {}};
  if (part.scope.plane == Plane::stream) return {};
  const bool enough = mend(part, repair);
  // Of two peers each may lack what the other has, and neither gets it through us while our rows are lost.
  auto& told = table.told_of_lost();
  if (told) told = crdt::both(*told, repair);
  const bool together = told && mend(part, *told);
  if (!told || told->ranges.empty() || weight(*told) > told_bytes_max) told = repair;
  if (!table.damaged()) told.reset();
  return {0, enough || together, {}, {}};
}

/// False if the repair says too little of what has changed since.
bool BatchWriter::mend(Part& part, const crdt::Repair& repair) {
  SqlTable& table = *part.table;
  if (!crdt::repairable(table, repair, batch_.selves)) return false;
  table.healing(true);
  crdt::Repaired repaired = crdt::apply_repair(table, repair, [&table](ByteView key) { return table.unknown(key); });
  table.healing(false);
  for (const auto& [key, cell] : repaired.dropped)
    table.put_cell_aside(key, cell, "the peer that repaired it has seen it go");
  table.mend(repair.ranges, repaired.left);
  std::move(repaired.changed.begin(), repaired.changed.end(), std::back_inserter(part.repaired));
  return true;
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
