// SPDX-License-Identifier: Apache-2.0
// Events: what a node tells its handlers. Handlers run on the runtime, one at a time, never inside the call that caused
// them; one that throws is reported to NodeOptions::log and counted in Metrics::handler_faults.
#pragma once

#include <edgesync/error.hpp>
#include <edgesync/function.hpp>
#include <edgesync/value.hpp>
#include <edgesync/versions.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace edgesync {

/// Names one transaction of this node. Later transactions of one scope are greater.
struct Commit {
  std::uint64_t stamp = 0;
  auto operator<=>(const Commit&) const = default;
};

enum class EventKind : std::uint8_t {
  linked,         ///< The hub accepted us. On a hub: `peer` was accepted.
  unlinked,       ///< The link ended or could not be made: `error` says why. On a hub: `peer` left.
  ack,            ///< `commit` and all earlier ones of `scope` are durable at the hub.
  stable,         ///< ... are durable at the root.
  activated,      ///< `version` is the active version of the config scope.
  confirmed,      ///< The application found it healthy in time: `version` is on trial no longer.
  rolled_back,    ///< The config scope went back to `version`; `error` says why.
  stale,          ///< The time of `version`, which is active, is over and no later one came; it stays active.
  rejected,       ///< A version, a scope or data was refused: `error`. On a hub: so was `peer`, which never was linked.
  conflict,       ///< A peer's changes met concurrent ones at `key`; see State::conflicts().
  diverged,       ///< A peer with the same context holds other content. An incident; nothing was overwritten.
  storage_fault,  ///< A group commit failed; its commits were reported as failed. Or rows of `scope` turned out to be
                  ///< damaged: `error` says how many, and they were set aside.
  clock,          ///< A clock is off: `error` says whose and by how much, or is empty once it is right again.
  watchdog,       ///< Something awaited did not come in time: `error` names it. A link that waits for it has ended.
  identity,       ///< This database goes by a new replica id from here on, or a peer's identity is in doubt: `error`
                  ///< says why. What happened while opening is told to the first handler.
};

/// "linked", "ack", ...
EDGESYNC_EXPORT const char* name(EventKind kind) noexcept;

enum class LogLevel : std::uint8_t { debug, info, warning, error };
/// "debug", "info", "warning", "error".
EDGESYNC_EXPORT const char* name(LogLevel level) noexcept;

/// Handlers ignore kinds that they do not know.
struct Event {
  EventKind kind{};
  Plane plane{};
  std::string scope{};
  std::string key{};
  Commit commit{};
  VersionInfo version{};
  std::string peer{};
  Error error{};
  ReplicaId replica_before{}, replica_after{};  ///< identity: equal if nobody's id has changed.
};

/// How much a person should care. error: somebody has to look. warning: something was refused, went back, or took too
/// long. info: what an operator wants in a log. debug: what happens all the time.
EDGESYNC_EXPORT LogLevel level(const Event& event) noexcept;

/// One key that changed, by this node or by another.
struct Change {
  std::string scope{};
  std::string key{};
  std::optional<Value> before{}, after{};  ///< A set appears as its members in a JSON list.
  ReplicaId author{};
  Timestamp at{};  ///< By the author's clock.
};

using EventHandler = Function<void(const Event&)>;
using ChangeHandler = Function<void(const Change&)>;

/// Keeps a handler registered; dropping it (or cancel()) ends that. After cancel() returns on the runtime's own thread
/// (from inside any handler) the handler is not called again; elsewhere a call that has begun may still be running, and
/// the handler is destroyed after it.
class [[nodiscard]] EDGESYNC_EXPORT Subscription {
 public:
  Subscription() = default;
  explicit Subscription(Function<void()> on_cancel) : cancel_(std::move(on_cancel)) {}
  Subscription(Subscription&&) noexcept = default;
  Subscription& operator=(Subscription&& other) noexcept {
    if (this != &other) cancel(), cancel_ = std::move(other.cancel_);
    return *this;
  }
  ~Subscription() { cancel(); }

  void cancel() noexcept {
    if (auto end = std::exchange(cancel_, {})) end();
  }

 private:
  Function<void()> cancel_;
};

}  // namespace edgesync
