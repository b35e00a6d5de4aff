// SPDX-License-Identifier: Apache-2.0
// Engine: what was refused. Every refusal is counted and told; of those that stand between a scope and the hub, the
// last one is kept as long as it lasts, restarts included.
#include "sync/engine.hpp"

namespace edgesync::sync {

std::uint64_t Engine::rejected(store::ScopeId scope) const {
  const auto at = rejected_.find(scope);
  return at == rejected_.end() ? 0 : at->second;
}

void Engine::on_refused(const Link& link, const Signal& signal) {
  ++rejected_[signal.scope];
  const store::Refused why{signal.error, signal.kind == Signal::Kind::unstored};
  if (link.role() == Role::node) store_.note_refusal(signal.scope, &why);
  Event refused = event(EventKind::rejected, signal.scope);
  refused.error = signal.error;
  refused.peer = link.peer().name;
  events_.push_back(std::move(refused));
}

/// The hub admits the scope, and perhaps it has by now what it refused.
void Engine::on_admitted(const Link& link, store::ScopeId scope) {
  const store::Refused* why = store_.refusal(scope);
  if (why != nullptr && (why->data ? link.caught_up(scope) : !link.refused(scope))) store_.note_refusal(scope, nullptr);
}

/// Data of the scope went through.
void Engine::on_stored(store::ScopeId scope) {
  const store::Refused* why = store_.refusal(scope);
  if (why != nullptr && why->data) store_.note_refusal(scope, nullptr);
}

}  // namespace edgesync::sync
