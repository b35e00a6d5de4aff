// SPDX-License-Identifier: Apache-2.0
// Engine: what was refused. Every refusal is counted and told; of those that stand between a scope and the hub, the
// last one is known as long as it lasts.
#include "sync/engine.hpp"

namespace edgesync::sync {

std::uint64_t Engine::rejected(store::ScopeId scope) const {
  const auto at = rejected_.find(scope);
  return at == rejected_.end() ? 0 : at->second.count;
}

const Error* Engine::refusal(store::ScopeId scope) const {
  const auto at = rejected_.find(scope);
  return at == rejected_.end() || !at->second.why ? nullptr : &*at->second.why;
}

void Engine::on_refused(const Link& link, const Signal& signal) {
  Rejected& rejected = rejected_[signal.scope];
  ++rejected.count;
  if (link.role() == Role::node) {
    rejected.why = signal.error;
    rejected.admission = signal.kind == Signal::Kind::refused;
  }
  Event refused = event(EventKind::rejected, signal.scope);
  refused.error = signal.error;
  refused.peer = link.peer().name;
  events_.push_back(std::move(refused));
}

/// The hub admits the scope.
void Engine::on_admitted(const Link& link, store::ScopeId scope) {
  const auto at = rejected_.find(scope);
  if (at != rejected_.end() && at->second.admission && !link.refused(scope)) at->second.why.reset();
}

/// Data of the scope went through.
void Engine::on_stored(store::ScopeId scope) {
  const auto at = rejected_.find(scope);
  if (at != rejected_.end() && !at->second.admission) at->second.why.reset();
}

}  // namespace edgesync::sync
