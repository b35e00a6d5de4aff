// SPDX-License-Identifier: Apache-2.0
#include "node/follower.hpp"

#include "transport/thread.hpp"
#include "transport/timer.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>

namespace edgesync::node {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds first_pause = 1s, longest_pause = 1min;

Instant monotonic() noexcept { return transport::SystemClock().now().monotonic; }

}  // namespace

Result<Candidate> in_use(const Config& config) {
  Candidate found{config.active(), {}};
  if (found.version.number == 0) {  // or nobody could be asked
    if (auto there = config.history(1); !there) return std::move(there).error();
    return found;
  }
  auto content = config.content(found.version.number);
  if (!content) return std::move(content).error();
  found.content = *std::move(content);
  return found;
}

struct Follower::State {
  std::mutex mutex{};
  std::condition_variable changed{};
  bool due = false, ending = false;
};

Follower::Follower(Work work) : work_(std::move(work)), state_(std::make_shared<State>()) {}

void Follower::Wake::operator()() const {
  const std::lock_guard lock(state->mutex);
  state->due = true;
  state->changed.notify_one();
}

Follower::Subscribe Follower::to_active(const std::vector<Config>& configs) {
  return [configs](const Wake& wake) {
    std::vector<Subscription> subscriptions;
    for (const Config& config : configs)
      subscriptions.push_back(config.on_active([wake](const VersionInfo&) { wake(); }));
    return subscriptions;
  };
}

Result<std::unique_ptr<Follower>> Follower::start(const Subscribe& subscribe, Work work, Result<void>& first) {
  std::unique_ptr<Follower> follower(new Follower(std::move(work)));
  follower->subscriptions_ = subscribe({follower->state_});
  first = follower->attempt();
  follower->thread_ = transport::quiet_thread([raw = follower.get(), done = first.has_value()] { raw->run(done); });
  if (!follower->thread_) return Error(Errc::limit_exceeded, "config: the system has no thread to spare");
  return follower;
}

Follower::~Follower() {
  subscriptions_.clear();
  {
    const std::lock_guard lock(state_->mutex);
    state_->ending = true;
    state_->changed.notify_one();
  }
  if (thread_) thread_->join();
}

/// What throws has failed: there was no memory, or a handler of the application threw.
Result<void> Follower::attempt() noexcept try { return work_.attempt(); } catch (...) {
  return Error(Errc::limit_exceeded, {});
}

Instant Follower::upkeep() noexcept try { return work_.upkeep(monotonic()); } catch (...) {  // no memory
  return never;
}

/// `done`: the attempt before did not fail.
void Follower::run(bool done) noexcept {
  std::chrono::milliseconds pause = first_pause;
  std::unique_lock lock(state_->mutex);
  Instant retry = done ? never : monotonic() + pause;
  const auto woken = [this] { return state_->ending || state_->due; };
  while (!state_->ending) {
    const bool due = std::exchange(state_->due, false);
    if (due || monotonic() >= retry) {
      if (due) pause = first_pause;
      lock.unlock();
      done = attempt().has_value();
      lock.lock();
      retry = done ? never : monotonic() + pause;
      pause = std::min(pause * 2, longest_pause);
    }
    lock.unlock();
    const Instant next = std::min(retry, upkeep());
    lock.lock();
    if (next == never)
      state_->changed.wait(lock, woken);
    else
      state_->changed.wait_for(lock, next - monotonic(), woken);
  }
}

}  // namespace edgesync::node
