// SPDX-License-Identifier: Apache-2.0
// Watchdog: the deadlines of one connection, one per kind of wait. A timer is moved only when a nearer deadline comes,
// so that busy connections do not pay for a timer per message.
#pragma once

#include "transport/engine.hpp"

#include <boost/asio/steady_timer.hpp>

#include <array>
#include <chrono>
#include <memory>

namespace edgesync::transport {

/// A pause is a wait of ours.
enum class Wait : std::uint8_t { connect, tls, upgrade, write, idle, close, pause };
inline constexpr std::size_t wait_count = 7;

/// What was waited for, for people.
const char* describe(Wait wait) noexcept;

class Watchdog : public std::enable_shared_from_this<Watchdog> {
 public:
  using Steady = std::chrono::steady_clock;

  /// `expired` is told which wait took too long; that wait is then over.
  Watchdog(const Executor& executor, Function<void(Wait)> expired);

  void expect(Wait wait, Steady::time_point deadline);
  void expect(Wait wait, std::chrono::milliseconds within) { expect(wait, Steady::now() + within); }
  void done(Wait wait) noexcept { deadlines_[static_cast<std::size_t>(wait)] = Steady::time_point::max(); }
  /// No call follows.
  void stop();

 private:
  void sleep_until(Steady::time_point at);
  void look();

  boost::asio::steady_timer timer_;
  Function<void(Wait)> expired_;
  std::array<Steady::time_point, wait_count> deadlines_;
  Steady::time_point armed_ = Steady::time_point::max();
  bool stopped_ = false;
};

}  // namespace edgesync::transport
