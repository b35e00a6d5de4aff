// SPDX-License-Identifier: Apache-2.0
#include "transport/watchdog.hpp"

#include <algorithm>

namespace edgesync::transport {

const char* describe(Wait wait) noexcept {
  switch (wait) {
    case Wait::connect:
      return "connecting";
    case Wait::tls:
      return "the TLS handshake";
    case Wait::upgrade:
      return "the WebSocket upgrade";
    case Wait::write:
      return "writing a message";
    case Wait::idle:
      return "a sign of life";
    case Wait::close:
      return "the orderly close";
    case Wait::pause:
      return "the end of a pause";
  }
  return "the peer";
}

Watchdog::Watchdog(const Executor& executor, Function<void(Wait)> expired)
    : timer_(executor), expired_(std::move(expired)) {
  deadlines_.fill(Steady::time_point::max());
}

void Watchdog::expect(Wait wait, Steady::time_point deadline) {
  deadlines_[static_cast<std::size_t>(wait)] = deadline;
  if (deadline < armed_ && !stopped_) sleep_until(deadline);
}

void Watchdog::stop() {
  stopped_ = true;
  deadlines_.fill(Steady::time_point::max());
  timer_.cancel();
}

void Watchdog::sleep_until(Steady::time_point at) {
  armed_ = at;
  timer_.expires_at(at);
  timer_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
    if (error || self->stopped_) return;
    contained([&] { self->look(); });
  });
}

void Watchdog::look() {
  armed_ = Steady::time_point::max();
  const auto now = Steady::now();
  for (std::size_t i = 0; i < wait_count && !stopped_; ++i) {
    if (deadlines_[i] > now) continue;
    deadlines_[i] = Steady::time_point::max();
    expired_(static_cast<Wait>(i));
  }
  const auto next = *std::ranges::min_element(deadlines_);
  if (!stopped_ && next < armed_) sleep_until(next);
}

}  // namespace edgesync::transport
