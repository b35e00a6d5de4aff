// SPDX-License-Identifier: Apache-2.0
// Core: the truth in one call, and waiting until there is nothing left to tell.
#include "crdt/hlc.hpp"
#include "node/core.hpp"
#include "node/why.hpp"

#include <algorithm>

namespace edgesync::node {
namespace {

constexpr std::chrono::milliseconds status_patience{1'000};

std::chrono::milliseconds until(Instant at, Instant now) {
  return std::chrono::ceil<std::chrono::milliseconds>(std::max(at - now, Instant::duration{}));
}

std::chrono::milliseconds age(Timestamp at, Timestamp now) {
  return std::chrono::ceil<std::chrono::milliseconds>(std::max(now - at, Timestamp::duration{}));
}

}  // namespace

Why Core::link_why() {
  if (const auto& fault = engine_->storage_fault()) return why_storage(*fault);
  if (engine_->disk_stalls(now())) return Why::storage;
  if (engine_->root()) return Why::in_sync;
  if (!uplink_) return Why::no_link;
  if (engine_->linked()) return Why::syncing;
  const Why why = why_unlinked(uplink_->last_error, uplink_->hub_said);
  // Dates are what a certificate is refused for when the clock is wrong.
  return why == Why::untrusted && engine_->clock().off(now()) ? Why::clock : why;
}

StreamCounts Core::counts(store::ScopeId scope) const {
  return store_->counts(scope, engine_->root() || store_->local_only(scope));
}

Why Core::scope_why(const ScopeStatus& scope, store::ScopeId id) {
  const Why here = link_why();
  if (store_->local_only(id)) return Why::local_only;
  if (here != Why::syncing) return here;
  if (engine_->uplink()->refused(id)) return Why::refused;
  if (!store_->damaged(id).empty()) return Why::repairing;
  if (scope.arriving) return Why::waiting_cut;
  const bool done = scope.pending == 0 && engine_->caught_up(id) && engine_->uplink()->complete(id);
  return done ? Why::in_sync : Why::syncing;
}

void Core::count_pending(ScopeStatus& status, const store::Scope& scope, Now now, bool idle) {
  if (engine_->root() || store_->local_only(scope.id)) return;
  if (!idle) {  // what the file does not say, contexts do in part
    status.pending = all_acked(scope.id) ? 0 : 1;
    return;
  }
  const auto pending = store_->pending(scope.id);
  if (!pending) {
    status.why = why_storage(pending.error());
    return;
  }
  status.pending = pending->count;
  if (status.pending > 0 && pending->oldest) status.oldest_pending = age(*pending->oldest, engine_->time(now));
}

void Core::count_records(ScopeStatus& status, store::ScopeId id) const {
  status.counts = counts(id);
  status.missing = store_->missing(id);
}

ScopeStatus Core::scope_status(const store::Scope& scope, Now now, bool idle) {
  ScopeStatus status;
  status.plane = scope.plane;
  status.scope = scope.name;
  status.acked = store_->acked(scope.id)[store_->replica()];
  status.stable = store_->stable(scope.id)[store_->replica()];
  status.conflicts = engine_->conflicts(scope.id);
  status.bytes = store_->bytes(scope.id);
  status.rejected = engine_->rejected(scope.id);
  if (const store::Refused* refused = store_->refusal(scope.id)) status.refusal = refused->why;
  const auto summary = store_->summary(scope.id);
  status.digest = {store_->context(scope.id).to_string(), to_hex(summary.sum), summary.count};
  if (scope.plane == Plane::config) {
    status.version = engine_->config().active(scope.id);
    status.version_refused = engine_->config().refused(scope.id);
  }
  if (scope.plane == Plane::stream) count_records(status, scope.id);
  if (const sync::Link* link = engine_->uplink()) status.arriving = link->arriving(scope.id);
  count_pending(status, scope, now, idle);
  if (status.why == Why::in_sync) status.why = scope_why(status, scope.id);
  return status;
}

Status Core::status() {
  Status status;
  status.name = name_;
  auto lock = this->lock();
  // A disk that takes its time must not keep the answer back: then some of it is left out.
  const bool idle = lock && settled_.wait_for(*lock, status_patience, [&] { return closed_ || !store_->writing(); });
  if (!lock || closed_) {
    if (lock) lock->unlock();
    status.replica = id();
    status.why = Why::closed;
    status.last_error = {Errc::closed, "the node was closed"};
    return status;
  }
  const Now now = this->now();
  status.replica = store_->replica();
  status.salvaged = store_->salvaged();
  status.linked = engine_->linked();
  status.peers = engine_->links(sync::Role::hub);
  if (uplink_ && !uplink_->attempting) status.retry_in = until(uplink_->retry, now.monotonic);
  if (uplink_) status.last_error = uplink_->last_error;
  status.clock_offset = engine_->clock().offset();
  for (const store::Scope& scope : store_->scopes()) {
    const ScopeStatus& one = status.scopes.emplace_back(scope_status(scope, now, idle));
    status.pending += one.pending;
    status.oldest_pending = std::max(status.oldest_pending, one.oldest_pending);
  }
  const Why link = link_why();
  status.why = link == Why::syncing ? why_linked(status.scopes) : link;
  return status;
}

Metrics Core::metrics() {
  auto lock = this->lock();
  return lock ? engine_->metrics() : Metrics{};
}

Core::Targets Core::flush_targets() {
  Targets targets;
  if (engine_->root()) return targets;
  for (const store::Scope& scope : store_->scopes()) {
    if (store_->local_only(scope.id)) continue;
    for (const ReplicaId& self : store_->selves()) {
      const crdt::Stamp own = store_->context(scope.id)[self];
      if (own > store_->acked(scope.id)[self]) targets.push_back({scope.id, {self, own}});
    }
  }
  return targets;
}

bool Core::all_acked(store::ScopeId scope) const {
  const auto& selves = store_->selves();
  return std::all_of(selves.begin(), selves.end(),
                     [&](const ReplicaId& self) { return store_->acked(scope)[self] >= store_->context(scope)[self]; });
}

bool Core::reached(const FlushTarget& target) const {
  if (store_->acked(target.scope).covers(target.last)) return true;
  // What was re-issued under another id meanwhile is there when everything is.
  return !store_->context(target.scope).covers(target.last) && all_acked(target.scope);
}

bool Core::reached(const Targets& targets) const {
  return std::all_of(targets.begin(), targets.end(), [&](const FlushTarget& target) { return reached(target); });
}

std::string Core::missing(const Targets& targets) {
  std::string text;
  for (const FlushTarget& target : targets) {
    if (reached(target)) continue;
    const store::Scope described = store_->scope(target.scope);
    text += (text.empty() ? "" : ", ") + std::string(edgesync::name(described.plane)) + " " + described.name;
    if (const store::Refused* refused = store_->refusal(target.scope)) text += ", refused: " + refused->why.detail;
  }
  std::string why = edgesync::name(link_why());
  if (uplink_ && !uplink_->last_error.detail.empty()) why += ": " + uplink_->last_error.detail;
  return "flush: not acked: " + text + " (" + why + ")";
}

Result<void> Core::flush(std::chrono::milliseconds deadline) {
  auto lock = lock_idle();
  if (!lock) return std::move(lock).error();
  if (auto settled = settle(*lock, store_->accepted()); !settled) return settled;
  const Targets targets = flush_targets();
  engine_->hurry();
  stir(*lock);
  const bool done = settled_.wait_for(*lock, deadline, [&] { return closed_ || reached(targets); });
  if (closed_) return Error(Errc::closed, "flush: the node was closed");
  if (!done) return Error(Errc::timed_out, missing(targets));
  return {};
}

void Core::flush(Function<void(Result<void>)> done, std::stop_token stop) {
  auto lock = this->lock();
  if (!lock) return done(std::move(lock).error());
  FlushWaiter waiter;
  waiter.done = std::move(done);
  waiter.stop = std::move(stop);
  // What is accepted and not yet durable has no stamp in the durable context: the targets are taken when it is settled.
  host_->post([weak = weak_from_this(), waiter = std::move(waiter)]() mutable {
    const auto core = weak.lock();
    if (!core) return waiter.done(Error(Errc::closed, "flush: the node was closed"));
    auto held = core->lock();
    if (!held) return waiter.done(std::move(held).error());
    if (auto settled = core->settle(*held, core->store_->accepted()); !settled) {
      held->unlock();
      return waiter.done(std::move(settled));
    }
    waiter.targets = core->flush_targets();
    core->engine_->hurry();
    // The callback may run at once, under our lock: it posts, and the dispatch finds the stopped waiter.
    waiter.on_stop = std::make_unique<StopCallback>(waiter.stop, [weak] {
      const auto stopped = weak.lock();
      if (!stopped) return;
      stopped->host_->post([weak] {
        if (const auto core_of_waiter = weak.lock()) core_of_waiter->dispatch();
      });
    });
    core->flushes_.push_back(std::move(waiter));
    core->stir(*held);
  });
}

void Core::finish_flushes(Lock& lock) {
  std::vector<std::pair<Function<void(Result<void>)>, Result<void>>> finished;
  for (auto at = flushes_.begin(); at != flushes_.end();) {
    const bool stopped = at->stop.stop_requested();
    if (!stopped && !reached(at->targets)) {
      ++at;
      continue;
    }
    finished.emplace_back(std::move(at->done),
                          stopped ? Result<void>(Error(Errc::cancelled, "flush: cancelled")) : Result<void>());
    at = flushes_.erase(at);
  }
  if (finished.empty()) return;
  lock.unlock();
  for (auto& one : finished) handlers_.contain([&] { one.first(std::move(one.second)); });
  lock.lock();
}

}  // namespace edgesync::node
