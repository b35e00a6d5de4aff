// SPDX-License-Identifier: Apache-2.0
// Engine: what is durable at the hub, and at the root.
#include "base/planted.hpp"
#include "sync/engine.hpp"

namespace edgesync::sync {
namespace {

Drops missing_of(const Signal& signal, const ReplicaId& origin) {
  for (const wire::Missing& one : *signal.missing)
    if (one.origin == origin) return one.drops;
  return {};
}

}  // namespace

void Engine::on_acked(const Link& link, const Signal& signal) {
  if (link.role() != Role::node) return;  // what a node has durably is its own affair
  const ReplicaId& self = store_.replica();
  const crdt::Stamp before = store_.acked(signal.scope)[self];
  crdt::Context acked = store_.acked(signal.scope);
  acked.join(signal.context);
  store_.note_acked(signal.scope, acked, store_.stable(signal.scope));
  // The counts speak of all that was acknowledged when they were made: those of an old ack say nothing any more.
  for (const ReplicaId& own : store_.selves())
    if (signal.missing && signal.context[own] > 0 && signal.context[own] == acked[own])
      store_.note_missing(signal.scope, own, missing_of(signal, own));
  if (acked[self] > before) {
    Event event = this->event(EventKind::ack, signal.scope);
    event.commit = {acked[self]};
    events_.push_back(std::move(event));
  }
  if (planted(Bug::trim_at_ack) && store_.scope(signal.scope).plane == Plane::stream)
    for (const crdt::Context::Item& item : signal.context.items()) store_.trim(signal.scope, item.replica, item.stamp);
  if (!link.peer().root && !planted(Bug::stable_at_relay)) return;
  crdt::Context stable = store_.stable(signal.scope);
  stable.join(signal.context);
  on_stable(signal.scope, std::move(stable));
}

void Engine::backed_up() {
  if (!options_.stable_at_backup) return;
  for (const store::Scope& scope : store_.scopes()) {
    if (store_.stable(scope.id).covers(store_.context(scope.id))) continue;
    store_.note_acked(scope.id, store_.context(scope.id), store_.context(scope.id));
    for (const LinkId id : interests_.of(scope.id))
      with(id, *links_.at(id), [&](Link& link) { link.forward_stable(scope.id); });
  }
}

void Engine::on_stable(store::ScopeId scope, crdt::Context stable) {
  const ReplicaId& self = store_.replica();
  const crdt::Stamp before = store_.stable(scope)[self];
  // A relay that never had our records does not know that the root has them. We do, and have trimmed them.
  if (store_.scope(scope).plane == Plane::stream) stable.advance({self, before});
  store_.note_acked(scope, store_.acked(scope), stable);
  if (store_.scope(scope).plane == Plane::stream)
    for (const crdt::Context::Item& item : stable.items()) store_.trim(scope, item.replica, item.stamp);
  if (stable[self] > before) {
    Event event = this->event(EventKind::stable, scope);
    event.commit = {stable[self]};
    events_.push_back(std::move(event));
  }
  for (const LinkId id : interests_.of(scope))
    with(id, *links_.at(id), [scope](Link& link) { link.forward_stable(scope); });
}

}  // namespace edgesync::sync
