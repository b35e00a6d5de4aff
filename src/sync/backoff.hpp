// SPDX-License-Identifier: Apache-2.0
// Backoff: pauses between attempts to link. Exponential with full jitter (Brooker, "Exponential Backoff and Jitter",
// 2015): after a hub restart a fleet comes back spread evenly, not in waves.
#pragma once

#include "base/planted.hpp"
#include "base/random.hpp"

#include <algorithm>
#include <chrono>

namespace edgesync::sync {

class Backoff {
 public:
  using milliseconds = std::chrono::milliseconds;

  Backoff(milliseconds min, milliseconds max) noexcept
      : min_(std::max(min, milliseconds(1))), max_(std::max(max, min_)) {}

  /// The next pause: uniform in (0, bound], the bound doubling from `min` to `max`; never below what the hub asked for.
  milliseconds next(Random& random, milliseconds asked_for) {
    const milliseconds bound = std::min(max_, min_ * (std::int64_t{1} << std::min(failures_, 30u)));
    if (bound < max_) ++failures_;
    if (planted(Bug::no_jitter)) return bound;
    const auto pause = milliseconds(1 + random.below(static_cast<std::uint64_t>(bound.count())));
    // A hub that asks for patience gets it, plus jitter, or the whole fleet would return in the same instant.
    return asked_for > milliseconds(0) ? asked_for + pause : pause;
  }
  void succeeded() noexcept { failures_ = 0; }

 private:
  milliseconds min_, max_;
  unsigned failures_ = 0;
};

}  // namespace edgesync::sync
