// SPDX-License-Identifier: Apache-2.0
#include "stream/age_clock.hpp"

#include <algorithm>

namespace edgesync::stream {
namespace {

std::int64_t micros(Instant at) noexcept { return at.time_since_epoch().count(); }

}  // namespace

void AgeClock::start(const Saved& saved, Age reached, std::uint64_t boot, Instant now) {
  saved_ = saved;
  age_ = std::max(reached, saved.reached);
  looked_ = now;
  const std::int64_t since_boot = std::max<std::int64_t>(micros(now), 0);
  if (boot != 0 && boot == saved.boot) {
    // The clock has never stopped.
    const std::int64_t by_clock = micros(now) - saved.origin;
    if (by_clock > 0) age_ = std::max(age_, static_cast<Age>(by_clock));
  } else {
    if (boot != 0) age_ += static_cast<Age>(since_boot);
    saved_.certain = false;
  }
  saved_.boot = boot;
  saved_.origin = micros(now) - static_cast<std::int64_t>(age_);
}

void AgeClock::look(Instant now) noexcept {
  if (now <= looked_) return;
  age_ += static_cast<Age>((now - looked_).count());
  looked_ = now;
}

void AgeClock::told(Timestamp hub, Instant when) {
  look(when);
  const std::int64_t time = hub.time_since_epoch().count();
  if (!saved_.certain && saved_.hub_time != 0 && time > saved_.hub_time) {
    const auto passed = static_cast<std::uint64_t>(time) - static_cast<std::uint64_t>(saved_.hub_time);
    const std::uint64_t known = age_ - std::min(age_, saved_.hub_age);
    const auto most = static_cast<std::uint64_t>(std::chrono::microseconds(added_max).count());
    if (passed > known && passed - known <= most) {
      age_ += passed - known;
      saved_.origin = micros(looked_) - static_cast<std::int64_t>(age_);
    }
  }
  saved_.hub_time = time;
  saved_.hub_age = age_;
  saved_.certain = true;
}

}  // namespace edgesync::stream
