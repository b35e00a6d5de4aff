// SPDX-License-Identifier: Apache-2.0
// Time is an argument. The engine is told two times at each event: a monotonic instant for timers, and the wall clock,
// which may lie, for stamps and for people.
#pragma once

#include <edgesync/value.hpp>

#include <chrono>

namespace edgesync {

/// Microseconds since an arbitrary start; never goes back.
struct Monotonic {
  using duration = std::chrono::microseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<Monotonic>;
  static constexpr bool is_steady = true;
};
using Instant = Monotonic::time_point;
inline constexpr Instant never = Instant::max();

struct Now {
  Instant monotonic{};
  Timestamp wall{};
};

/// Where Now comes from. Implementations: the system's in transport, the simulator's in tests.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Now now() = 0;
};

}  // namespace edgesync
