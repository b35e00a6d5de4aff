// SPDX-License-Identifier: Apache-2.0
// Handlers: the application's callbacks. They are called on the runtime without any lock of ours, so a handler may call
// back into the node; one that throws is counted and the others are called all the same.
#pragma once

#include <edgesync/config.hpp>
#include <edgesync/event.hpp>

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace edgesync::node {

/// Callbacks of one kind, in the order they came, each with what it listens to. Thread safety: any thread. No callback
/// runs or dies under the lock: it may own or cancel other registrations.
template <class Callback, class Topic>
class Registry {
 public:
  struct Entry {
    Entry(Topic to, Callback calls) : topic(std::move(to)), callback(std::move(calls)) {}
    const Topic topic;
    Callback callback;
    std::atomic<bool> live = true;  ///< Not cancelled: looked at right before each call.
  };

  Subscription add(Topic topic, Callback callback) {
    auto entry = std::make_shared<Entry>(std::move(topic), std::move(callback));
    const std::lock_guard lock(state_->mutex);
    const std::uint64_t id = state_->next++;
    state_->entries.emplace(id, std::move(entry));
    return Subscription([state = state_, id] {
      std::shared_ptr<Entry> ended;
      const std::lock_guard guard(state->mutex);
      if (auto node = state->entries.extract(id); !node.empty()) (ended = std::move(node.mapped()))->live = false;
    });
  }
  std::vector<std::shared_ptr<Entry>> all() const {
    std::vector<std::shared_ptr<Entry>> entries;
    const std::lock_guard lock(state_->mutex);
    for (const auto& [id, entry] : state_->entries) entries.push_back(entry);
    return entries;
  }

 private:
  struct State {
    std::mutex mutex{};
    std::uint64_t next = 1;
    std::map<std::uint64_t, std::shared_ptr<Entry>> entries{};
  };
  std::shared_ptr<State> state_ =
      std::make_shared<State>();  ///< Shared with Subscriptions, which may outlive the node.
};

class Handlers {
 public:
  /// `report` hears of callbacks that threw.
  explicit Handlers(Function<void(std::string_view what)> report) : report_(std::move(report)) {}

  Subscription on_event(EventHandler handler) { return events_.add({}, std::move(handler)); }
  /// Changes of `scope` at and below `prefix`.
  Subscription on_change(std::string scope, std::string prefix, ChangeHandler handler) {
    return changes_.add({std::move(scope), std::move(prefix)}, std::move(handler));
  }
  Subscription on_records(std::string scope, Function<void()> handler) {
    return records_.add(std::move(scope), std::move(handler));
  }
  Subscription on_active(std::string scope, Function<void(const VersionInfo&)> handler) {
    return actives_.add(std::move(scope), std::move(handler));
  }
  /// `scope`: a config scope, or empty for all of them.
  Subscription on_published(std::string scope, Function<void()> handler) {
    return published_.add(std::move(scope), std::move(handler));
  }
  /// The latest registration decides for its scope.
  Subscription on_activate(std::string scope, ActivationHandler handler) {
    return activations_.add(std::move(scope), std::move(handler));
  }

  void call(const Event& event);
  void call(const Change& change);
  /// The stream `scope` has more records.
  void call_for_records(const std::string& scope);
  /// Something was published in the config scope, or rolled out.
  void call_published(const std::string& scope);
  /// The config scope has another version in use.
  void call_active(const std::string& scope, const VersionInfo& version);
  /// Nothing if nobody decides for this scope. A handler that throws rejects.
  std::optional<Verdict> ask(const std::string& scope, const Candidate& candidate);
  /// Runs a callback of the application that is registered nowhere. Returns false if it threw.
  bool contain(const Function<void()>& call);

 private:
  struct Everything {};
  struct Keys {
    std::string scope, prefix;
  };

  Registry<EventHandler, Everything> events_;
  Registry<ChangeHandler, Keys> changes_;
  Registry<Function<void()>, std::string> records_;
  Registry<Function<void()>, std::string> published_;
  Registry<Function<void(const VersionInfo&)>, std::string> actives_;
  Registry<ActivationHandler, std::string> activations_;
  Function<void(std::string_view)> report_;
};

}  // namespace edgesync::node
