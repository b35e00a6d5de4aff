// SPDX-License-Identifier: Apache-2.0
// Engine: what was refused. Every refusal is counted and told; of those that stand between a scope and the hub, the
// last one is kept as long as it lasts, restarts included.
#include "sync/engine.hpp"

namespace edgesync::sync {
namespace {

/// It is about all of the scope, not about what it holds.
bool of_admission(const Error& why) {
  return why.is(Errc::forbidden) || why.is(Errc::unsupported) || why.is(Errc::invalid_argument);
}

}  // namespace

std::uint64_t Engine::rejected(store::ScopeId scope) const {
  const auto at = rejected_.find(scope);
  return at == rejected_.end() ? 0 : at->second;
}

void Engine::on_refused(const Link& link, const Signal& signal) {
  ++rejected_[signal.scope];
  if (link.role() == Role::node) store_.note_refusal(signal.scope, &signal.error);
  Event refused = event(EventKind::rejected, signal.scope);
  refused.error = signal.error;
  refused.peer = link.peer().name;
  events_.push_back(std::move(refused));
}

/// The hub admits the scope.
void Engine::on_admitted(const Link& link, store::ScopeId scope) {
  const Error* why = store_.refusal(scope);
  if (why != nullptr && of_admission(*why) && !link.refused(scope)) store_.note_refusal(scope, nullptr);
}

/// Data of the scope went through.
void Engine::on_stored(store::ScopeId scope) {
  const Error* why = store_.refusal(scope);
  if (why != nullptr && !of_admission(*why)) store_.note_refusal(scope, nullptr);
}

}  // namespace edgesync::sync
