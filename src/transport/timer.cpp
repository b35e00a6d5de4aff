// SPDX-License-Identifier: Apache-2.0
#include "transport/timer.hpp"

#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <cstdint>
#include <ctime>

namespace edgesync::transport {
namespace {

using Steady = std::chrono::steady_clock;

/// Counts the time that the machine sleeps, as Steady does not: after it, deadlines have passed, and a hub's word about
/// the time still holds.
Instant since_boot() {
  timespec at{};
  clock_gettime(CLOCK_BOOTTIME, &at);
  return Instant(std::chrono::duration_cast<Instant::duration>(std::chrono::seconds(at.tv_sec) +
                                                               std::chrono::nanoseconds(at.tv_nsec)));
}

Steady::time_point to_steady(Instant at) {
  // Nanoseconds overflow where microseconds do not; ten years ahead is as good as any later instant.
  const Instant now = since_boot();
  return Steady::now() + (std::clamp(at, Instant{}, now + std::chrono::hours(24 * 3650)) - now);
}

class Alarm final : public Stoppable, public std::enable_shared_from_this<Alarm> {
 public:
  Alarm(std::shared_ptr<Engine> engine, Function<void()> callback)
      : engine_(std::move(engine)), timer_(engine_->executor()), callback_(std::move(callback)) {}

  void arm(Instant at) {
    const std::uint64_t round = ++round_;
    timer_.cancel();
    if (at == never) return engine_->leave(this);
    if (!engine_->enter(shared_from_this())) return;
    timer_.expires_at(to_steady(at));
    timer_.async_wait([self = shared_from_this(), round](const boost::system::error_code& error) {
      if (error || round != self->round_) return;
      self->engine_->leave(self.get());
      contained([&] { self->callback_(); });
    });
  }
  void stop(const Error&) override { arm(never); }

 private:
  const std::shared_ptr<Engine> engine_;
  boost::asio::steady_timer timer_;
  Function<void()> callback_;
  std::uint64_t round_ = 0;  // of the last arm(); an expiry of an earlier one is stale
};

class AlarmHandle final : public Timer {
 public:
  AlarmHandle(std::shared_ptr<Engine> engine, Function<void()> callback)
      : context_(engine->hold()),
        engine_(std::move(engine)),
        alarm_(std::make_shared<Alarm>(engine_, std::move(callback))) {}
  ~AlarmHandle() override {
    contained([this] { AlarmHandle::arm(never); });
  }
  void arm(Instant at) override {
    engine_->dispatch([alarm = alarm_, at] { alarm->arm(at); });
  }

 private:
  const std::shared_ptr<void> context_;
  const std::shared_ptr<Engine> engine_;
  const std::shared_ptr<Alarm> alarm_;
};

}  // namespace

Now SystemClock::now() {
  using std::chrono::duration_cast;
  using std::chrono::microseconds;
  return {since_boot(), Timestamp(duration_cast<microseconds>(std::chrono::system_clock::now().time_since_epoch()))};
}

std::unique_ptr<Timer> make_timer(std::shared_ptr<Engine> engine, Function<void()> callback) {
  return std::make_unique<AlarmHandle>(std::move(engine), std::move(callback));
}

}  // namespace edgesync::transport
