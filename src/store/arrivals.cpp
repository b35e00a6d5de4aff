// SPDX-License-Identifier: Apache-2.0
#include "store/arrivals.hpp"

#include "crdt/chunk.hpp"
#include "store/admission.hpp"
#include "store/growth.hpp"
#include "store/ledger.hpp"
#include "store/patches.hpp"
#include "store/quarantine.hpp"
#include "store/records.hpp"

#include <algorithm>

namespace edgesync::store {
namespace {

constexpr std::size_t told_bytes_max = std::size_t{1} << 20;  // of what was told of lost rows, per scope

std::size_t weight(const crdt::Repair& repair) noexcept {
  std::size_t bytes = 0;
  for (const crdt::KeyState& state : repair.keys) bytes += crdt::cost(state);
  return bytes;
}

/// What would be more waits with its sender.
Error full(const Room& room) {
  return {Errc::storage_full,
          "more than the " + std::to_string(room.quota) + " bytes that " + room.scopes + " may hold"};
}

/// What a peer sent, or a row that it touches, can be the reason.
bool not_the_disk(const Error& error) noexcept {
  return error.is(Errc::storage_corrupt) || error.is(Errc::limit_exceeded);
}

}  // namespace

void Arrivals::write() {
  before_ = file_.db.failed();
  for (reached_ = 0; reached_ < batch_.arrivals.size(); ++reached_) {
    const Arrival& arrival = batch_.arrivals[reached_];
    batch_.outcomes.push_back(out_[reached_] ? refuse(arrival, *out_[reached_]) : take(arrival));
    if (file_.db.failed()) return;
  }
}

bool Arrivals::leave_out(const Error& error, bool all) {
  // A large cut that does not fit the disk is refused; whatever else there is to commit still may fit.
  if (!batch_.alone && (before_ || !not_the_disk(error))) return false;
  if (all) reached_ = out_.size();
  bool found = false;
  for (std::size_t i = 0; i < out_.size(); ++i) {
    if (out_[i] || (reached_ < out_.size() && reached_ != i)) continue;
    // A large cut is alone: what it cannot have is its own fault, wherever it shows. A disk that fails is nobody's.
    const bool fault = not_the_disk(error) || error.is(Errc::storage_full);
    const bool certain = fault && (reached_ < out_.size() || batch_.alone);
    out_[i] = Outcome{batch_.arrivals[i].ticket, false, error, certain ? at_ : ScopeId{}};
    found = true;
  }
  return found;
}

/// What was kept aside for a cut that can never be is told again, once its sender has something else to tell.
Outcome Arrivals::refuse(const Arrival& arrival, const Outcome& why) {
  const auto* cut = std::get_if<RemoteCut>(&arrival.body);
  if (cut == nullptr || why.error->is(Errc::storage_full)) return why;
  for (const RemoteStage& stage : cut->stages)
    if (Part* part = stage.scope == why.scope ? taking(stage.scope) : nullptr; part != nullptr)
      end_stage(*part->table, file_.origins.find(stage.from));
  return why;
}

/// The part of a scope that peers may tell of.
Part* Arrivals::taking(ScopeId id) noexcept {
  Part* part = batch_.part(id);
  return part == nullptr || part->given_up ? nullptr : part;
}

Outcome Arrivals::take(const Arrival& arrival) {
  Outcome outcome = std::visit([this](const auto& body) { return apply(body); }, arrival.body);
  outcome.ticket = arrival.ticket;
  return outcome;
}

Outcome Arrivals::apply(const RemoteSegment& segment) {
  const Part* part = taking(at_ = segment.scope);
  const crdt::Context told({segment.origin, segment.first + segment.count - 1});
  if (auto good = storable(segment); !good) return {0, false, good.error(), at_};
  if (part == nullptr) return {};
  if (auto good = permit(segment.terms, *part, told); !good) return {0, false, good.error(), at_};
  const crdt::Context before = part->table->context();
  const bool known = before.covers(told);  // the ack was lost
  const bool room = !segment.terms.room || segment.body.size() + stream::row_overhead <= segment.terms.room->left;
  if (!known && !room) return {0, false, full(*segment.terms.room), at_};
  if (!segment.gone.empty() && segment.gone.front().first <= before[segment.origin] + 1)
    for (const Gap& gap : segment.gone) take_gap(*part->table, {segment.scope, segment.origin, gap, {}, {}});
  if (!take_segment(*part->table, segment)) return {};
  note(segment.terms, told, before);
  return {0, true, {}, {}, missing_through(*part->table, segment.origin, segment.first + segment.count - 1)};
}

Outcome Arrivals::apply(const RemoteGap& gap) {
  const Part* part = taking(at_ = gap.scope);
  if (part == nullptr) return {};
  const crdt::Context told({gap.origin, gap.gap.last});
  if (auto good = permit(gap.terms, *part, told); !good) return {0, false, good.error(), at_};
  const crdt::Context before = part->table->context();
  if (!take_gap(*part->table, gap)) return {};
  note(gap.terms, told, before);
  return {0, true, {}, {}, missing_through(*part->table, gap.origin, gap.gap.last)};
}

Outcome Arrivals::apply(const RemoteChunk& remote) {
  const Part* part = taking(at_ = remote.scope);
  if (part == nullptr || part->scope.plane == Plane::stream) return {};
  const crdt::Delta& delta = remote.chunk.delta;
  if (auto good = permit(remote.terms, *part, delta.upto); !good) return {0, false, good.error(), at_};
  if (remote.terms.room && told_bytes(delta) > remote.terms.room->left_aside)
    return {0, false, full(*remote.terms.room), at_};
  Outcome outcome = keep_chunk(*part->table, remote, batch_.number, part->preview);
  if (outcome.applied) note(remote.terms, delta.upto, part->table->context());
  if (outcome.applied && part->preview) batch_.learned.push_back(remote.chunk.delta.upto);  // what is shown is observed
  if (outcome.error) outcome.scope = at_;
  return outcome;
}

Outcome Arrivals::apply(const RefusedSegment& refused) {
  const Part* part = batch_.part(refused.scope);
  return {0, part != nullptr && set_segment_aside(*part->table, refused), {}, {}};
}

Outcome Arrivals::apply(const Released& released) {
  release_aside(file_, released.ids, released.replayed);
  if (const Part* part = released.back ? batch_.part(released.back->scope) : nullptr)
    restore_segment(*part->table, *released.back);
  return {0, true, {}, {}};
}

Outcome Arrivals::apply(const Refusal& refusal) { return {0, false, refusal.why, at_ = refusal.scope}; }

Outcome Arrivals::apply(const RemoteCut& cut) {
  const auto patched = [](const RemoteDelta& remote) { return !remote.patches.empty(); };
  if (std::any_of(cut.deltas.begin(), cut.deltas.end(), patched)) return apply_patched(cut);
  if (auto why = impossible(cut)) return *std::move(why);
  for (const RemoteDelta& remote : cut.deltas) {
    Part& part = *batch_.part(remote.scope);
    note(remote.terms, remote.delta.upto, part.table->context());
    join(part, remote);
  }
  for (const RemoteStage& stage : cut.stages) {
    Part& part = *batch_.part(stage.scope);
    const crdt::Context upto = part.table->stages().at(stage.from).upto;
    const std::uint64_t before = part.table->state().bytes;
    note(stage.terms, upto, part.table->context());
    join(part, upto, [&] { return join_stage(*part.table, stage); });
    // What it would come to is not known before; it is alone in its batch, and fails with it.
    if (stage.terms.room && part.table->state().bytes > before + stage.terms.room->left)
      file_.db.fail(full(*stage.terms.room));
  }
  return {0, true, {}, {}};
}

/// The same cut with what was told as patches.
Outcome Arrivals::apply_patched(RemoteCut cut) {
  wire::Budget budget{wire::Limits{}};
  for (RemoteDelta& remote : cut.deltas) {
    const Part* part = taking(at_ = remote.scope);
    if (part == nullptr) return {0, false, {}, remote.scope};
    auto laid = lay_patches(*part->table, remote, budget);
    if (!laid && laid.error().is(Errc::not_found)) return {0, false, {}, remote.scope};
    if (!laid) return {0, false, std::move(laid).error(), remote.scope};
  }
  return apply(cut);
}

/// All of a cut is applied, or nothing.
std::optional<Outcome> Arrivals::impossible(const RemoteCut& cut) {
  for (const RemoteDelta& remote : cut.deltas) {
    const ScopeId id = remote.scope;
    const Part* part = taking(id);
    if (part == nullptr || part->scope.plane == Plane::stream) return Outcome{0, false, {}, id};
    const crdt::Context& mine = part->table->context();
    if (auto good = admit(remote.delta, mine, file_.replica()); !good) return Outcome{0, false, good.error(), id};
    if (auto good = permit(remote.terms, *part, remote.delta.upto); !good) return Outcome{0, false, good.error(), id};
    if (!crdt::applicable(remote.delta, mine)) return Outcome{0, false, {}, id};
    if (remote.terms.room && !fits(remote.delta, *part->table, remote.terms.room->left))
      return Outcome{0, false, full(*remote.terms.room), id};
  }
  for (const RemoteStage& stage : cut.stages) {
    const Part* part = taking(stage.scope);
    // A delta may make the stage of its scope a thing of the past.
    const bool told = std::any_of(cut.deltas.begin(), cut.deltas.end(),
                                  [&](const RemoteDelta& remote) { return remote.scope == stage.scope; });
    if (part == nullptr || part->scope.plane == Plane::stream || told || !joinable(*part->table, stage))
      return Outcome{0, false, {}, stage.scope};
    const Stage& kept = part->table->stages().at(stage.from);
    if (auto good = permit(stage.terms, *part, kept.upto); !good) return Outcome{0, false, good.error(), stage.scope};
    if (stage.terms.room && !stage.terms.room->joins) return Outcome{0, false, full(*stage.terms.room), stage.scope};
    if (sound(*part->table, stage.from)) continue;
    end_stage(*part->table, file_.origins.find(stage.from));
    const std::string where = std::string(name(part->scope.plane)) + " scope " + part->scope.name;
    batch_.faults.emplace_back(stage.scope,
                               Error(Errc::storage_corrupt, where + ": damaged: a cut that was kept aside"));
    return Outcome{0, false, {}, stage.scope};
  }
  return {};
}

Result<void> Arrivals::permit(const Terms& terms, const Part& part, const crdt::Context& told) const {
  if (terms.refused) return *terms.refused;
  const bool own_only = terms.teller && terms.teller->own_only;
  return own_only ? file_.owners.admit(file_, *terms.teller, told, part.table->context()) : Result<void>();
}

void Arrivals::note(const Terms& terms, const crdt::Context& told, const crdt::Context& mine) {
  if (terms.teller) file_.owners.note(*terms.teller, told, mine);
}

void Arrivals::join(Part& part, const RemoteDelta& remote) {
  join(part, remote.delta.upto,
       [&] { return crdt::apply_delta(*part.table, remote.delta, remote.removed ? &*remote.removed : nullptr); });
  part.table->mend_listed(remote.delta);
}

void Arrivals::join(Part& part, const crdt::Context& upto, const Function<crdt::Applied()>& apply) {
  if (!file_.db.failed()) at_ = part.scope.id;
  part.table->take_oversized();  // by local writes, which always may
  const crdt::Applied applied = apply();
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

Outcome Arrivals::apply(const RemoteRepair& remote) {
  Part* part = taking(remote.scope);
  if (part == nullptr) return {};
  const crdt::Repair& repair = remote.repair;
  if (auto good = admit(repair); !good) return {0, false, good.error(), {}};
  if (part->scope.plane == Plane::stream) return {};
  if (!part->table->damaged()) return {0, true, {}, {}};
  const bool enough = mend(*part, repair);
  // Of two peers each may lack what the other has, and neither gets it through us while our rows are lost.
  auto& told = part->table->told_of_lost();
  if (told) told = crdt::both(*told, repair);
  const bool together = told && mend(*part, *told);
  if (!told || told->ranges.empty() || weight(*told) > told_bytes_max) told = repair;
  if (!part->table->damaged()) told.reset();
  return {0, enough || together, {}, {}};
}

/// False if the repair says too little of what has changed since.
bool Arrivals::mend(Part& part, const crdt::Repair& repair) {
  SqlTable& table = *part.table;
  if (!crdt::repairable(table, repair, part.selves)) return false;
  table.healing(true);
  crdt::Repaired repaired = crdt::apply_repair(table, repair, [&table](ByteView key) { return table.unknown(key); });
  table.healing(false);
  for (const auto& [key, cell] : repaired.dropped)
    table.put_cell_aside(key, cell, "the peer that repaired it has seen it go");
  table.mend(repair.ranges, repaired.left);
  std::move(repaired.changed.begin(), repaired.changed.end(), std::back_inserter(part.repaired));
  return true;
}

}  // namespace edgesync::store
