// SPDX-License-Identifier: Apache-2.0
// Pace: when a link may send data. Data may have to wait for more of it, so that a metered link is used once in an
// interval: a round begins with the first message, and is over when all that there was has been sent. And it may
// be held to a number of bytes per second, on average: what a frame takes is paid off before the next. Answers, repairs
// and pings go at once, and are paid for, too.
#pragma once

#include "base/clock.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <utility>

namespace edgesync::sync {

struct Pacing {
  std::chrono::milliseconds interval{};  ///< 0: no data waits.
  std::uint64_t bandwidth = 0;           ///< Bytes per second; 0: any number.
  unsigned backfill_share = 50;          ///< Percent; see turns.hpp.
};

class Pace {
 public:
  explicit Pace(const Pacing& pacing) noexcept : interval_(pacing.interval), bandwidth_(pacing.bandwidth) {}

  /// Whether what was sent is paid off.
  bool free(Instant now) const noexcept { return now >= free_at_; }
  /// Whether data need not wait for more.
  bool open(Instant now) const noexcept { return in_round_ || now >= next_round_; }
  /// About how large a frame may become.
  std::size_t frame_bytes(std::size_t most) const noexcept {
    constexpr std::size_t least = 1024;
    if (bandwidth_ == 0) return most;
    return static_cast<std::size_t>(std::clamp<std::uint64_t>(bandwidth_ / 4, std::min(least, most), most));
  }

  void sent(std::size_t bytes, Instant now) noexcept {
    if (bandwidth_ == 0) return;
    const double seconds = static_cast<double>(bytes) / static_cast<double>(bandwidth_);
    // Who comes a little late, as timers do, is not slower for it.
    free_at_ = std::max(free_at_, now - std::chrono::milliseconds(20)) +
               std::chrono::duration_cast<Instant::duration>(std::chrono::duration<double>(seconds));
  }
  /// Data go out.
  void begin_round(Instant now) noexcept {
    if (!std::exchange(in_round_, true)) next_round_ = now + interval_;
  }
  void end_round() noexcept { in_round_ = false; }
  /// What waits goes now.
  void hurry() noexcept { next_round_ = {}; }

  /// Something may wait for the pace from here on, or nothing does.
  void hold(bool on) noexcept { holds_ = on; }
  Instant deadline() const noexcept {
    if (!holds_) return never;
    return in_round_ ? free_at_ : std::max(free_at_, next_round_);
  }

 private:
  std::chrono::milliseconds interval_;
  std::uint64_t bandwidth_;
  Instant free_at_{}, next_round_{};
  bool in_round_ = false, holds_ = false;
};

}  // namespace edgesync::sync
