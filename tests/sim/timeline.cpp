// SPDX-License-Identifier: Apache-2.0
#include "sim/timeline.hpp"

#include <algorithm>
#include <tuple>

namespace edgesync::sim {

bool Timeline::later(const Event& a, const Event& b) noexcept {
  return std::tie(a.when, a.tie, a.id) > std::tie(b.when, b.tie, b.id);
}

void Timeline::at(Instant when, Function<void()> action) {
  heap_.push_back({std::max(when, now_), random_.next(), next_++, std::move(action)});
  std::push_heap(heap_.begin(), heap_.end(), later);
}

bool Timeline::step(Instant until) {
  if (heap_.empty() || heap_.front().when > until) {
    now_ = std::max(now_, until);
    return false;
  }
  std::pop_heap(heap_.begin(), heap_.end(), later);
  const Event event = std::move(heap_.back());
  heap_.pop_back();
  now_ = event.when;
  ++ran_;
  event.action();
  return true;
}

}  // namespace edgesync::sim
