// SPDX-License-Identifier: Apache-2.0
// Timeline: virtual time and what is to happen in it. Events run by (time, seeded tie-break, order of arrival), so that
// one seed gives one order and another seed gives another order of the same instant. Nothing here reads a real clock.
#pragma once

#include "base/clock.hpp"
#include "base/random.hpp"

#include <edgesync/function.hpp>

#include <vector>

namespace edgesync::sim {

using Span = Monotonic::duration;  ///< Microseconds of virtual time.

inline Span below(Random& random, Span bound) {
  return Span(static_cast<Span::rep>(random.below(static_cast<std::uint64_t>(bound.count()))));
}

class Timeline {
 public:
  explicit Timeline(std::uint64_t seed) : random_(seed) {}

  Instant now() const noexcept { return now_; }
  std::uint64_t ran() const noexcept { return ran_; }

  void at(Instant when, Function<void()> action);
  void after(Span delay, Function<void()> action) { at(now_ + delay, std::move(action)); }

  /// Runs the next event unless it is later than `until`; then the time becomes `until`. False if none was run.
  bool step(Instant until);

 private:
  struct Event {
    Instant when{};
    std::uint64_t tie = 0, id = 0;
    Function<void()> action{};
  };
  static bool later(const Event& a, const Event& b) noexcept;

  Xoshiro random_;
  Instant now_{};
  std::uint64_t next_ = 1, ran_ = 0;
  std::vector<Event> heap_;
};

}  // namespace edgesync::sim
