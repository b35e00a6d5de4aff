// SPDX-License-Identifier: Apache-2.0
#include "sync/timekeeper.hpp"

#include <algorithm>
#include <array>

namespace edgesync::sync {
namespace {

using std::chrono::milliseconds;

constexpr Timestamp first{std::chrono::sys_days(std::chrono::January / 1 / 1970)};
constexpr Timestamp last{std::chrono::sys_days(std::chrono::January / 1 / 2200)};
constexpr auto plausible_for = std::chrono::years(20);  // no release is in use for so long without a hub's word

Timestamp bounded(Timestamp at) noexcept { return std::clamp(at, first, last); }

milliseconds magnitude(milliseconds time) { return time < milliseconds(0) ? -time : time; }

}  // namespace

milliseconds between(Timestamp from, Timestamp to) noexcept {
  return std::chrono::duration_cast<milliseconds>(bounded(to) - bounded(from));
}

std::string to_text(milliseconds time) {
  struct Unit {
    const char* name;
    std::int64_t ms;
  };
  constexpr std::array units{Unit{" d", 86'400'000}, Unit{" h", 3'600'000}, Unit{" min", 60'000}, Unit{" s", 1'000},
                             Unit{" ms", 1}};
  std::int64_t left = time.count();
  const auto largest = std::find_if(units.begin(), units.end() - 1, [&](const Unit& unit) { return left >= unit.ms; });
  std::string text = std::to_string(left / largest->ms) + largest->name;
  const auto next = largest + 1;
  left %= largest->ms;
  if (next != units.end() && left >= next->ms && next->ms > 1)
    text += ' ' + std::to_string(left / next->ms) + next->name;
  return text;
}

bool Timekeeper::plausible(Timestamp wall) const noexcept {
  return passed_ == Timestamp{} || (wall >= passed_ && wall < passed_ + plausible_for);
}

milliseconds Timekeeper::ahead_of_hub(Now now) const noexcept {
  return reference_ ? between(hub_time(now), now.wall) : milliseconds(0);
}

bool Timekeeper::off(Now now) const noexcept {
  return reference_ ? magnitude(ahead_of_hub(now)) > bound_ : !plausible(now.wall);
}

Timestamp Timekeeper::time(Now now) const noexcept {
  if (!off(now)) return now.wall;
  return reference_ ? hub_time(now) : passed_ + (now.monotonic - started_);
}

void Timekeeper::look(Now now) {
  if (!looked_) started_ = now.monotonic;
  if (looked_ && !reference_ && !was_off_) jumped(now);
  looked_ = now;
  compare(now);
}

void Timekeeper::told(Timestamp hub, Instant when, Now now) {
  if (hub <= first || hub < release_ || hub >= last) return;
  reference_ = Reference{hub, when};
  offset_ = -ahead_of_hub(now);
  passed(hub);
  compare(now);
}

void Timekeeper::compare(Now now) {
  const bool off = this->off(now);
  if (off == std::exchange(was_off_, off)) return;
  if (!off) return reports_.emplace_back(), void();
  const auto ahead = reference_ ? ahead_of_hub(now) : between(passed_, now.wall);
  const bool later = ahead > milliseconds(0);
  std::string text = "this node's clock is " + to_text(magnitude(ahead));
  if (reference_)
    text += later ? " ahead of the hub's" : " behind the hub's";
  else
    text += later ? " ahead of what can be" : " or more behind: the time it shows has long passed";
  reports_.emplace_back(Errc::clock, std::move(text));
}

/// Without a hub's word nobody knows which of the two times is right: it is told, and the wall clock is followed.
void Timekeeper::jumped(Now now) {
  const Timestamp expected = bounded(looked_->wall) + (now.monotonic - looked_->monotonic);
  const milliseconds ahead = between(expected, now.wall);
  if (magnitude(ahead) <= bound_) return;
  reports_.emplace_back(Errc::clock, "this node's clock jumped " + to_text(magnitude(ahead)) +
                                         (ahead > milliseconds(0) ? " ahead" : " back"));
}

}  // namespace edgesync::sync
