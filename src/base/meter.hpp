// SPDX-License-Identifier: Apache-2.0
// Meter: how much of something comes, held against a rate and a burst. The virtual scheduling algorithm of ITU-T I.371,
// annex A (the "generic cell rate algorithm"): all that is kept is the moment at which what came would have come at the
// rate.
#pragma once

#include "base/clock.hpp"

#include <edgesync/rate.hpp>

#include <algorithm>

namespace edgesync {

class Meter {
 public:
  void add(double amount, const Rate& rate, Instant now) noexcept {
    if (rate.per_second > 0) even_at_ = std::max(even_at_, now) + time(amount, rate);
  }
  /// From when on no more has come than rate and burst allow; `now` or before: it has not.
  Instant within_at(const Rate& rate) const noexcept {
    return rate.per_second > 0 ? even_at_ - time(rate.burst, rate) : Instant{};
  }
  /// True once it is as if nothing had come.
  bool even(Instant now) const noexcept { return even_at_ <= now; }

 private:
  static Instant::duration time(double amount, const Rate& rate) noexcept {
    constexpr double longest = 1e9;  // seconds: keeps the sum of a few within an Instant
    return std::chrono::duration_cast<Instant::duration>(
        std::chrono::duration<double>(std::min(amount / rate.per_second, longest)));
  }
  Instant even_at_{};
};

}  // namespace edgesync
