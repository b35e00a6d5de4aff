// SPDX-License-Identifier: Apache-2.0
// Follower: makes something of what a node has, again whenever that has changed. It works on a thread of its own, so
// that neither a disk nor much content holds up a link, and tries again what failed, after a second at first and then
// more and more seldom.
#pragma once

#include "base/clock.hpp"

#include <edgesync/config.hpp>

#include <memory>
#include <optional>
#include <thread>
#include <vector>

namespace edgesync::node {

/// The version in use and its content, number 0 and nothing if none is. Fails with: storage_*, closed, not_found (it
/// went just now).
Result<Candidate> in_use(const Config& config);

class Follower {
 public:
  struct State;
  /// What has a follower look again. Thread safety: any thread; may outlive the follower.
  struct Wake {
    std::shared_ptr<State> state{};
    void operator()() const;
  };
  /// Registers `wake` with whatever tells of a change.
  using Subscribe = Function<std::vector<Subscription>(const Wake& wake)>;
  /// Each time that one of them has another version in use.
  static Subscribe to_active(const std::vector<Config>& configs);

  struct Work {
    /// A failure is tried again.
    Function<Result<void>()> attempt{};
    /// Says when it wants to be called next; it is called after each attempt, too.
    Function<Instant(Instant)> upkeep = [](Instant) { return never; };
  };

  /// The first attempt is over when this returns, on the caller's thread; `first` says how. Fails with: limit_exceeded
  /// (no thread).
  static Result<std::unique_ptr<Follower>> start(const Subscribe& subscribe, Work work, Result<void>& first);
  /// Waits for an attempt that runs; there is none after it.
  ~Follower();
  Follower(const Follower&) = delete;

 private:
  explicit Follower(Work work);
  void run(bool done) noexcept;
  Result<void> attempt() noexcept;
  Instant upkeep() noexcept;

  const Work work_;
  const std::shared_ptr<State> state_;
  std::vector<Subscription> subscriptions_{};
  std::optional<std::thread> thread_{};
};

}  // namespace edgesync::node
