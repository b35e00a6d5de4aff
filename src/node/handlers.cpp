// SPDX-License-Identifier: Apache-2.0
#include "node/handlers.hpp"

#include <optional>

namespace edgesync::node {
namespace {

bool below(std::string_view key, std::string_view prefix) {
  if (prefix.empty() || key == prefix) return true;
  return key.size() > prefix.size() && key.substr(0, prefix.size()) == prefix && key[prefix.size()] == '/';
}

}  // namespace

template <class F>
bool Handlers::guarded(F&& call) {
  try {
    call();
    return true;
  } catch (const std::exception& error) {
    report_(std::string("a handler threw: ") + error.what());
  } catch (...) {
    report_("a handler threw something that is not a std::exception");
  }
  return false;
}

Subscription Handlers::on_event(EventHandler handler) {
  const std::lock_guard lock(state_->mutex);
  const std::uint64_t id = state_->next++;
  state_->events.emplace(id, std::make_shared<EventHandler>(std::move(handler)));
  return Subscription([state = state_, id] {
    const std::lock_guard guard(state->mutex);
    state->events.erase(id);
  });
}

Subscription Handlers::on_change(std::string scope, std::string prefix, ChangeHandler handler) {
  const std::lock_guard lock(state_->mutex);
  const std::uint64_t id = state_->next++;
  state_->changes.emplace(
      id, Watcher{std::move(scope), std::move(prefix), std::make_shared<ChangeHandler>(std::move(handler))});
  return Subscription([state = state_, id] {
    const std::lock_guard guard(state->mutex);
    state->changes.erase(id);
  });
}

Subscription Handlers::on_activate(std::string scope, ActivationHandler handler) {
  const std::lock_guard lock(state_->mutex);
  const std::uint64_t id = state_->next++;
  state_->activations[scope] = {id, std::make_shared<ActivationHandler>(std::move(handler))};
  return Subscription([state = state_, id, scope] {
    const std::lock_guard guard(state->mutex);
    const auto at = state->activations.find(scope);
    if (at != state->activations.end() && at->second.first == id) state->activations.erase(at);
  });
}

void Handlers::call(const Event& event) {
  std::vector<std::shared_ptr<EventHandler>> called;
  {
    const std::lock_guard lock(state_->mutex);
    for (const auto& [id, handler] : state_->events) called.push_back(handler);
  }
  for (const auto& handler : called) guarded([&] { (*handler)(event); });
}

void Handlers::call(const Change& change) {
  std::vector<std::shared_ptr<ChangeHandler>> called;
  {
    const std::lock_guard lock(state_->mutex);
    for (const auto& [id, watcher] : state_->changes)
      if (watcher.scope == change.scope && below(change.key, watcher.prefix)) called.push_back(watcher.handler);
  }
  for (const auto& handler : called) guarded([&] { (*handler)(change); });
}

std::optional<Verdict> Handlers::ask(const std::string& scope, const Candidate& candidate) {
  std::shared_ptr<ActivationHandler> handler;
  {
    const std::lock_guard lock(state_->mutex);
    const auto at = state_->activations.find(scope);
    if (at == state_->activations.end()) return std::nullopt;
    handler = at->second.second;
  }
  Verdict verdict = Verdict::reject;
  guarded([&] { verdict = (*handler)(candidate); });
  return verdict;
}

}  // namespace edgesync::node
