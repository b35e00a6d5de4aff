// SPDX-License-Identifier: Apache-2.0
#include "transport/engine.hpp"

#include <vector>

namespace edgesync::transport {

Engine::Engine(Executor executor, Function<bool()> inside, std::optional<std::weak_ptr<void>> context)
    : context_(std::move(context)), executor_(std::move(executor)), inside_(std::move(inside)) {}

bool Engine::enter(const std::shared_ptr<Stoppable>& newcomer) {
  if (stopped_) return false;
  living_.emplace(newcomer.get(), newcomer);
  return true;
}

void Engine::stop_all() {
  stopped_ = true;
  // Whoever is stopped leaves, which changes the list.
  std::vector<std::shared_ptr<Stoppable>> living;
  for (const auto& [who, weak] : living_)
    if (auto strong = weak.lock()) living.push_back(std::move(strong));
  for (const auto& one : living) contained([&] { one->stop(runtime_ended()); });
}

Error runtime_ended() { return {Errc::closed, "the runtime has ended"}; }

}  // namespace edgesync::transport
