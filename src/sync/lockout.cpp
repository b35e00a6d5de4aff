// SPDX-License-Identifier: Apache-2.0
#include "sync/lockout.hpp"

namespace edgesync::sync {
namespace {

constexpr std::chrono::milliseconds shortest{10'000}, longest{3'600'000};
constexpr std::size_t known_max = 10'000;  // names that a stranger chooses: they must not fill the memory

std::chrono::milliseconds up(Instant::duration time) { return std::chrono::ceil<std::chrono::milliseconds>(time); }

}  // namespace

std::chrono::milliseconds Lockout::left(const std::string& who, Instant now) const {
  const auto at = known_.find(who);
  return at != known_.end() && at->second.until > now ? up(at->second.until - now) : milliseconds(0);
}

std::chrono::milliseconds Lockout::refused(const std::string& who, Instant now) {
  if (known_.size() >= known_max) forget_some(now);
  if (known_.size() >= known_max && !known_.contains(who)) return milliseconds(0);
  Known& known = known_[who];
  // An hour after the last time it is as good as new.
  if (known.until + longest < now) known.times = 0;
  known.refusals.add(1, rate_, now);
  if (known.refusals.within_at(rate_) <= now) return milliseconds(0);
  const auto time = std::min(longest, shortest * (std::int64_t{1} << std::min(known.times++, 20u)));
  known.until = now + time;
  return time;
}

void Lockout::forget_some(Instant now) {
  std::erase_if(known_, [&](const auto& one) { return one.second.until <= now && one.second.refusals.even(now); });
}

}  // namespace edgesync::sync
