// SPDX-License-Identifier: Apache-2.0
// Group commit: what was accepted becomes a batch, the writer puts it into the file, and what became durable is
// published.
#include "base/planted.hpp"
#include "store/admission.hpp"
#include "store/batch_writer.hpp"
#include "store/sqlite_store.hpp"

#include <algorithm>
#include <set>

namespace edgesync::store {
namespace {

constexpr std::size_t tails_max = 256;     // log blocks kept in memory between batches, about 1 KB each
constexpr std::size_t learned_max = 1024;  // remote stamps remembered until the next local transaction

std::size_t size_of(const std::vector<crdt::KeyState>& keys) {
  std::size_t bytes = 0;
  for (const crdt::KeyState& state : keys) {
    bytes += state.key.size() + sizeof state;
    for (const crdt::Listed& listed : state.listed) bytes += listed.entry.value.size() + sizeof listed;
  }
  return bytes;
}

std::size_t size_of(const crdt::Delta& delta) {
  return size_of(delta.keys) + delta.removals.size() * sizeof(crdt::LogItem);
}

}  // namespace

Ticket SqliteStore::arrive(Arrival::Body body) {
  Arrival& arrival = arrivals_.emplace_back();
  arrival.ticket = ++accepted_;
  arrival.body = std::move(body);
  return accepted_;
}

Ticket SqliteStore::apply(RemoteCut cut) {
  for (RemoteDelta& remote : cut.deltas) {
    crdt::Delta& delta = remote.delta;
    bound_removals(delta);
    if (ScopeState* state = find(remote.scope)) touch(*state);
    // Our own dots come back to a file that was restored; a stamp below one of them would be taken for seen and gone.
    if (const crdt::Stamp own = delta.upto[replica()]; own <= INT64_MAX) clock_.pass(own);
    bytes_ += size_of(delta);
    for (const RemotePatch& patch : remote.patches) bytes_ += patch.bytes;
  }
  for (const RemoteStage& stage : cut.stages) {
    ScopeState* state = find(stage.scope);
    if (state == nullptr) continue;
    const auto at = state->durable.stages.find(stage.from);
    if (at == state->durable.stages.end()) continue;
    if (const crdt::Stamp own = at->second.upto[replica()]; own <= INT64_MAX) clock_.pass(own);
  }
  const bool large = !cut.stages.empty();
  if (const auto twice = joined_twice(cut)) return arrive(*twice);
  Arrival arrival;
  arrival.ticket = ++accepted_;
  arrival.body = std::move(cut);
  if (large)
    large_.push_back(std::move(arrival));
  else
    arrivals_.push_back(std::move(arrival));
  return accepted_;
}

/// To join what waits to be joined is asked for in vain, and each has a batch to itself: a link that comes back asks
/// once more.
std::optional<Refusal> SqliteStore::joined_twice(const RemoteCut& cut) const {
  for (const Arrival& waiting : large_)
    for (const RemoteStage& stage : std::get<RemoteCut>(waiting.body).stages)
      for (const RemoteStage& again : cut.stages)
        if (stage.scope == again.scope && stage.from == again.from)
          return Refusal{stage.scope, Error(Errc::storage_full, "cut: what is kept aside of it is about to be joined")};
  return std::nullopt;
}

Ticket SqliteStore::keep(RemoteChunk chunk) {
  bound_removals(chunk.chunk.delta);
  ScopeState* state = find(chunk.scope);
  if (state != nullptr) touch(*state);
  const std::size_t bytes = size_of(chunk.chunk.delta);
  bytes_ += bytes;
  const bool room = state == nullptr || make_room(bytes, {state, chunk.from});
  if (room)
    arrivals_.push_back({++accepted_, std::move(chunk)});
  else
    arrivals_.push_back(
        {++accepted_,
         Refusal{chunk.scope, Error(Errc::limit_exceeded, "chunk: more than " + std::to_string(options_.stage_bytes) +
                                                              " bytes of cuts that are not complete")}});
  return accepted_;
}

bool SqliteStore::make_room(std::size_t bytes, const std::pair<ScopeState*, ReplicaId>& whose) {
  constexpr std::uint64_t idle_batches = 64;  // one that still grows has grown in one of these
  std::uint64_t total = bytes, oldest = batch_ > idle_batches ? batch_ - idle_batches : 0;
  std::optional<std::pair<ScopeState*, ReplicaId>> idle;
  for (auto& [sid, state] : states_)
    for (const auto& [from, stage] : state->durable.stages) {
      total += stage.bytes;
      if (stage.batch >= oldest || std::pair(state.get(), from) == whose) continue;
      oldest = stage.batch;
      idle = {state.get(), from};
    }
  if (total <= options_.stage_bytes) return true;
  if (!idle) return false;
  idle->first->stages_ended.push_back(file_.origins.find(idle->second));
  touch(*idle->first);
  return true;
}

Ticket SqliteStore::apply(RemoteRepair repair) {
  if (ScopeState* state = find(repair.scope)) touch(*state);
  bytes_ += size_of(repair.repair.keys);
  return arrive(std::move(repair));
}

Ticket SqliteStore::apply(RemoteSegment segment) {
  if (ScopeState* state = find(segment.scope)) touch(*state);
  bytes_ += segment.body.size();
  return arrive(std::move(segment));
}

Ticket SqliteStore::apply(RemoteGap gap) {
  if (ScopeState* state = find(gap.scope)) touch(*state);
  bytes_ += sizeof gap;
  return arrive(gap);
}

/// What a scope brings to a batch in which nothing local is.
Part SqliteStore::bare(ScopeState& state) {
  Part part;
  part.scope = state.scope;
  part.table = &state.table;
  part.create = !state.stored;
  if (part.create || state.policy_dirty) part.policy = state.policy.encode();
  part.watched = state.watched;
  part.given_up = state.policy.given_up;
  part.preview = state.preview;
  part.history = state.policy.history;
  part.stable_own = state.stable[file_.replica()];
  for (const ReplicaId& self : selves_)
    part.selves.push_back({self, self == selves_.front() ? perhaps_known(state) : state.acked[self]});
  return part;
}

Part SqliteStore::take(ScopeState& state) {
  Part part = bare(state);
  part.wipe = std::exchange(state.wipe, false);
  part.generations = state.memtable.take();
  part.runs = std::exchange(state.runs, {});
  part.holes = std::exchange(state.holes, {});
  part.left_out = std::exchange(state.left_out, {});
  part.shed = std::exchange(state.shed, 0);
  if (budgeted(state)) part.budget = state.policy.budget;
  if (!part.runs.empty()) {
    part.schema = state.policy.schema;
    part.sealed = state.sealed;
    part.sealing = {part.sealed, options_.seal_segments, sealable_age(state)};
  }
  if (part.wipe) part.acked = state.acked;
  streams_unwritten_ -= std::exchange(state.unwritten, 0);
  for (const ReplicaId& self : std::exchange(state.missing_dirty, {})) part.missing[self] = state.told_missing[self];
  part.versions = std::exchange(state.versions, {});
  part.trims = std::exchange(state.trims, {});
  part.sweep = std::exchange(state.sweep, false);
  part.suspicion = std::exchange(state.suspicion, {});
  part.stages_ended = std::exchange(state.stages_ended, {});
  for (const ReplicaId& replica : std::exchange(state.acks_dirty, {}))
    part.acks.push_back({replica, state.acked[replica], state.stable[replica]});
  state.policy_dirty = false;
  state.touched = false;
  return part;
}

Error SqliteStore::no_room(const char* call) const {
  return {Errc::storage_full, "store: " + options_.path + ": " + call + ": the disk is full"};
}

bool SqliteStore::full() {
  if (full_ && !writing_) full_ = file_.full = !file_.ballast.make();
  return full_;
}

Result<void> SqliteStore::revive() {
  if (file_.db.inherited()) return file_.db.check_place();
  if (file_.db.is_open()) return {};
  auto loaded = file_.reopen(doubtful_.value_or(batch_ + 1));
  if (!loaded) return std::move(loaded).error();
  install_again(*loaded);
  return {};
}

Result<void> SqliteStore::steady() {
  const bool steady = file_.db.is_open();
  if (auto open = revive(); !open || steady) return open;
  return Error(Errc::storage_io, "store: " + options_.path + ": was opened again after a failure");
}

void SqliteStore::install_again(Loaded& loaded) {
  doubtful_.reset();
  const bool another = file_.replica() != selves_.front();  // a new id that could not be told to be durable is
  take_selves(std::move(loaded.former));
  const std::size_t known = revived_.size();
  for (const LoadedScope& scope : loaded.scopes)
    if (const auto id = static_cast<ScopeId>(scope.sid); !(context(id) == scope.durable.context))
      revived_.push_back(id);
  install(loaded);
  if (another) {
    // What was accepted meanwhile was written as the former id, which is behind us: those who did so are told. No
    // records are among it, see append().
    const bool waits =
        std::any_of(states_.begin(), states_.end(), [](const auto& entry) { return !entry.second->memtable.empty(); });
    if (waits)
      former_life_ = Error(Errc::identity_clash, "store: " + options_.path +
                                                     ": accepted before it was known that the file goes by another id");
    begin_as(std::move(loaded.lineage));
  }
  if (revived_.size() > known) ++accepted_;  // so that somebody comes to hear of it
}

Error SqliteStore::closed_file(const char* call) const {
  if (file_.db.inherited()) return file_.db.check_place().error();
  return {Errc::storage_io, std::string(call) + ": store: " + options_.path + ": not opened again after a failure"};
}

std::unique_ptr<Batch> SqliteStore::begin_flush() {
  revive().ignore();  // if it fails the batch will, and says so
  auto batch = std::make_unique<GroupCommit>();
  batch->number = ++batch_;
  batch->doubtful = doubtful_.value_or(batch->number);
  const bool refuse = full();
  writing_ = true;
  // Joining a large cut takes as long as the cut is large: what was accepted before is made durable first, by itself,
  // and what is accepted meanwhile waits in memory for the batch after.
  batch->alone = !large_.empty() && (large_turn_ || (touched_.empty() && arrivals_.empty()));
  large_turn_ = !large_.empty() && !batch->alone;
  if (batch->alone)
    take_large(*batch);
  else
    take_all(*batch);
  if (former_life_ && !batch->alone) {
    batch->error = std::exchange(former_life_, {});
    batch->untouched = true;
  }
  if (refuse)  // the peer keeps it, and offers it again
    for (const Arrival& arrival : std::exchange(batch->arrivals, {}))
      batch->refused.push_back({arrival.ticket, false, no_room("arrivals")});
  batch->lineage = std::exchange(lineage_due_, {});
  file_.age = age_.age();
  if (planted(Bug::age_by_wall)) file_.age = static_cast<stream::Age>(file_.now.time_since_epoch().count());
  file_.clock_due.reset();
  if (!(age_.saved() == age_saved_)) batch->clock = file_.clock_due = age_.saved_now();
  return batch;
}

void SqliteStore::take_all(GroupCommit& batch) {
  batch.through = accepted_;
  batch.arrivals = std::exchange(arrivals_, {});
  std::sort(touched_.begin(), touched_.end(),
            [](const ScopeState* a, const ScopeState* b) { return a->scope.id < b->scope.id; });
  for (ScopeState* state : std::exchange(touched_, {})) batch.parts.push_back(take(*state));
  bytes_ = 0;
  if (!large_.empty()) ++accepted_;  // so that another flush is asked for
}

void SqliteStore::take_large(GroupCommit& batch) {
  batch.through = touched_.empty() && arrivals_.empty() && large_.size() == 1 ? accepted_ : durable_;
  batch.arrivals.push_back(std::move(large_.front()));
  large_.pop_front();
  std::set<std::uint32_t> scopes;
  const auto& cut = std::get<RemoteCut>(batch.arrivals.front().body);
  for (const RemoteStage& stage : cut.stages) scopes.insert(static_cast<std::uint32_t>(stage.scope));
  for (const RemoteDelta& delta : cut.deltas) scopes.insert(static_cast<std::uint32_t>(delta.scope));
  for (const std::uint32_t sid : scopes)
    if (ScopeState* state = find(static_cast<ScopeId>(sid))) batch.parts.push_back(bare(*state));
}

void SqliteStore::write(Batch& batch) { BatchWriter(file_, static_cast<GroupCommit&>(batch)).run(); }

Flushed SqliteStore::finish(std::unique_ptr<Batch> opaque) {
  auto* const batch = static_cast<GroupCommit*>(opaque.get());  // begin_flush() makes no others
  writing_ = false;
  Flushed flushed;
  flushed.through = durable_ = batch->through;
  if (batch->error)
    give_back(*batch);
  else
    publish(*batch, flushed);
  if (!batch->error)
    for (const ScopeId id : std::exchange(revived_, {}))
      if (std::find(flushed.advanced.begin(), flushed.advanced.end(), id) == flushed.advanced.end())
        flushed.advanced.push_back(id);
  std::move(batch->refused.begin(), batch->refused.end(), std::back_inserter(flushed.outcomes));
  if (file_.full && !std::exchange(full_, true))
    flushed.faults.emplace_back(ScopeId{}, no_room("full: the ballast is given back, for upkeep alone"));
  // A large cut that failed by itself is beyond `through` while others wait before it.
  if (batch->error && batch->alone)
    for (const Arrival& arrival : batch->arrivals) flushed.outcomes.push_back({arrival.ticket, false, *batch->error});
  flushed.error = std::move(batch->error);
  flushed.log_error = std::move(batch->log_error);
  return flushed;
}

void SqliteStore::publish(GroupCommit& batch, Flushed& flushed) {
  // The handle failed, yet the batch is in the file: take everything from there.
  if (batch.reloaded) batch.reset_tables(*batch.reloaded);
  if (!file_.db.is_open()) doubtful_ = batch.number;  // durable, but the log has to be written again
  std::size_t tails = 0;
  for (Part& part : batch.parts) {
    publish(*find(part.scope.id), part, flushed);
    tails += part.table->blocks().tails();
  }
  for (const crdt::Context& context : batch.learned)
    for (const auto& item : context.items())
      if (item.replica != file_.replica() && learned_.size() < learned_max) learned_.push_back(item.stamp);
  flushed.outcomes = std::move(batch.outcomes);
  flushed.changes = std::move(batch.changes);
  flushed.conflicts = std::move(batch.conflicts);
  flushed.diverged = std::move(batch.diverged);
  flushed.faults = std::exchange(faults_, {});
  std::move(batch.faults.begin(), batch.faults.end(), std::back_inserter(flushed.faults));
  if (tails > tails_max) forget_tails();
  if (batch.clock) age_saved_ = *batch.clock;
  shed_some(batch);
}

/// Streams together are over their bound: the one that holds most of those that drop their oldest has to, unless it
/// just did: what it still holds then is its newest segment, which stays.
void SqliteStore::shed_some(const GroupCommit& batch) {
  streams_held_ = 0;
  ScopeState* largest = nullptr;
  for (auto& [sid, state] : states_) {
    if (!budgeted(*state)) continue;
    streams_held_ += state->durable.log_items;
    const bool may = state->policy.budget.overflow.kind() == Overflow::Kind::drop_oldest;
    if (may && (largest == nullptr || state->durable.log_items > largest->durable.log_items)) largest = state.get();
  }
  if (options_.stream_bytes == 0 || streams_held_ <= options_.stream_bytes || largest == nullptr) return;
  for (const Part& part : batch.parts)
    if (part.scope.id == largest->scope.id && part.shed > 0 && !part.more_to_shed) return;
  largest->shed = streams_held_ - options_.stream_bytes;
  touch(*largest);
  ++accepted_;
}

void SqliteStore::publish(ScopeState& state, const Part& part, Flushed& flushed) {
  const bool mended = !(state.durable.damaged == state.table.state().damaged);  // what was held back may go now
  const bool grew = mended || !(state.durable.context == state.table.context());
  if (part.more_to_shed) touch(state), ++accepted_;
  state.sealed = std::max(state.sealed, part.sealed);
  const bool versions = state.scope.plane == Plane::config && !part.versions.empty();
  if (grew || versions) flushed.advanced.push_back(state.scope.id);
  if (part.learned) state.memtable.learned();
  state.durable = state.table.state();
  state.stored = true;
  state.noted = {};
}

void SqliteStore::give_back(GroupCommit& batch) {
  // The batch's content is gone, and its callers are told. What the store says about itself is written next time.
  if (batch.lineage) lineage_due_ = batch.lineage;
  for (const Part& part : batch.parts) {
    ScopeState& state = *find(part.scope.id);
    state.table.reset(state.durable);
    if ((state.runs.empty() && state.holes.empty()) || planted(Bug::reuse_sequence))
      state.next_sequence = state.durable.context[file_.replica()] + 1;
    state.policy_dirty = state.policy_dirty || part.policy.has_value();
    state.wipe = state.wipe || part.wipe;
    for (const AckNote& note : part.acks) state.acks_dirty.push_back(note.replica);
    for (const auto& [self, drops] : part.missing) state.missing_dirty.push_back(self);
    state.left_out.refused += part.left_out.refused;  // its callers know, and the rest never was
    for (const ReplicaId& lost : part.suspicion.lost) state.suspicion.lost.push_back(lost);
    state.suspicion.lost_summary |= part.suspicion.lost_summary;
    if (part.sweep) sweep_with_next(state);
    const bool notes = !state.acks_dirty.empty() || !state.missing_dirty.empty() || state.left_out.refused > 0;
    if (part.create || state.policy_dirty || notes) touch(state);
  }
  if (batch.reloaded)
    install_again(*batch.reloaded);
  else if (!doubtful_ && !batch.untouched)
    doubtful_ = batch.number;
}

void SqliteStore::forget_tails() {
  for (auto& [sid, state] : states_) state->table.blocks().drop_tails();
}

}  // namespace edgesync::store
