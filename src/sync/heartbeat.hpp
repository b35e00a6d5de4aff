// SPDX-License-Identifier: Apache-2.0
// Heartbeat: whether the peer lives. Silence is measured in bytes, not in frames, so a slow network is not taken for a
// dead one. Who hears or says nothing pings; the second is for a peer that is writing one long message: it hears
// nothing else meanwhile.
#pragma once

#include "base/clock.hpp"
#include "base/planted.hpp"

#include <algorithm>
#include <chrono>

namespace edgesync::sync {

class Heartbeat {
 public:
  Heartbeat(std::chrono::milliseconds every, unsigned lost_max, Instant opened) noexcept
      : every_(every), lost_max_(lost_max), heard_(opened), said_(opened) {}

  void heard(Instant now) noexcept {
    heard_ = now;
    pings_ = 0;
  }
  void said(Instant now) noexcept { said_ = now; }
  Instant due() const noexcept { return std::max(std::min(heard_, said_), asked_) + every_; }
  /// Once due(): true if a ping is to be sent, false if too many went without any answer.
  bool ping(Instant now) noexcept {
    if (pings_ >= lost_max_ && !planted(Bug::trust_silence)) return false;
    ++pings_;
    asked_ = now;
    return true;
  }
  std::chrono::milliseconds every() const noexcept { return every_; }

 private:
  std::chrono::milliseconds every_;
  unsigned lost_max_;
  Instant heard_, said_;
  Instant asked_{};     // when the last ping went out
  unsigned pings_ = 0;  // since we heard something
};

}  // namespace edgesync::sync
