// SPDX-License-Identifier: Apache-2.0
// Handlers: the application's callbacks. They are called on the runtime without any lock of ours, so a handler may call
// back into the node; one that throws is counted and the others are called all the same.
#pragma once

#include <edgesync/config.hpp>
#include <edgesync/event.hpp>

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace edgesync::node {

class Handlers {
 public:
  /// `report` hears of handlers that threw.
  explicit Handlers(Function<void(std::string_view what)> report)
      : state_(std::make_shared<State>()), report_(std::move(report)) {}

  Subscription on_event(EventHandler handler);
  Subscription on_change(std::string scope, std::string prefix, ChangeHandler handler);
  Subscription on_activate(std::string scope, ActivationHandler handler);

  void call(const Event& event);
  void call(const Change& change);
  /// Nothing if nobody decides for this scope. A handler that throws rejects.
  std::optional<Verdict> ask(const std::string& scope, const Candidate& candidate);

 private:
  struct Watcher {
    std::string scope{}, prefix{};
    std::shared_ptr<ChangeHandler> handler{};
  };
  struct State {
    mutable std::mutex mutex{};
    std::uint64_t next = 1;
    std::map<std::uint64_t, std::shared_ptr<EventHandler>> events{};
    std::map<std::uint64_t, Watcher> changes{};
    std::map<std::string, std::pair<std::uint64_t, std::shared_ptr<ActivationHandler>>> activations{};
  };
  template <class F>
  bool guarded(F&& call);

  std::shared_ptr<State> state_;  ///< Shared with Subscriptions, which may outlive the node.
  Function<void(std::string_view)> report_;
};

}  // namespace edgesync::node
