// SPDX-License-Identifier: Apache-2.0
// Timekeeper: what time it is, as well as a node can know. Its own wall clock may say 1970 (no battery), 2106, or jump
// in the middle of anything; a hub's word, kept running by the monotonic clock, is believed in its place when the two
// differ by more than a bound. Without one the wall clock is followed as long as it is plausible: not before a moment
// that has certainly passed, nor decades after it; else time goes on from that moment.
//
// A clock is *known* if it is plausible or a hub has told the time. Who does not know the time tells nobody
// (PROTOCOL.md, Hello). Any value of a clock or a peer is taken; none overflows.
#pragma once

#include "base/clock.hpp"

#include <edgesync/error.hpp>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace edgesync::sync {

class Timekeeper {
 public:
  using milliseconds = std::chrono::milliseconds;

  /// `passed`: a moment that has certainly passed, such as the making of this release. `bound`: how far the wall clock
  /// may be from the hub's, or from its own course, before that is told and, for the hub's, acted upon.
  Timekeeper(Timestamp passed, milliseconds bound) noexcept : release_(passed), passed_(passed), bound_(bound) {}

  /// A moment that a hub once told, before this start.
  void passed(Timestamp moment) noexcept { passed_ = std::max(release_, moment); }
  /// To be called now and then.
  void look(Now now);  ///< Reports what has changed.
  /// The hub said that it was `hub` at the instant `when`.
  void told(Timestamp hub, Instant when, Now now);

  Timestamp time(Now now) const noexcept;
  bool known(Now now) const noexcept { return reference_.has_value() || plausible(now.wall); }
  /// How far the hub's clock is ahead of the wall clock; nothing if no hub told the time since the start.
  std::optional<milliseconds> offset() const noexcept { return offset_; }
  /// True if time() is not what the wall clock says.
  bool off(Now now) const noexcept;
  /// What certificates are to be verified as of, if not the wall clock. A clock that is ahead is given up only for a
  /// hub's word: going by an earlier guess would accept what has expired.
  std::optional<Timestamp> for_certificates(Now now) const noexcept {
    return off(now) && (reference_ || now.wall < passed_) ? std::optional(time(now)) : std::nullopt;
  }
  /// A moment that has certainly passed: for who must not believe an earlier one.
  Timestamp passed() const noexcept { return passed_; }
  /// When look() is due again.
  Instant deadline() const noexcept { return looked_ ? looked_->monotonic + interval : Instant{}; }

  /// What is to be told to the owner: a clock that went off, in words; or, with an empty error, came right again.
  std::vector<Error> take_reports() { return std::exchange(reports_, {}); }

 private:
  static constexpr milliseconds interval{60'000};  // a jump is noticed a minute later at the latest
  struct Reference {
    Timestamp hub{};
    Instant when{};
  };

  bool plausible(Timestamp wall) const noexcept;
  Timestamp hub_time(Now now) const noexcept { return reference_->hub + (now.monotonic - reference_->when); }
  milliseconds ahead_of_hub(Now now) const noexcept;
  void compare(Now now);
  void jumped(Now now);

  const Timestamp release_;
  Timestamp passed_;  // by the last hub's word, not the latest: a hub whose clock was ahead does not spoil it for good
  const milliseconds bound_;
  std::optional<Now> looked_{};
  std::optional<Reference> reference_{};
  std::optional<milliseconds> offset_{};
  Instant started_{};
  bool was_off_ = false;
  std::vector<Error> reports_{};
};

/// From `from` to `to`, each taken to be between 1970 and 2200.
std::chrono::milliseconds between(Timestamp from, Timestamp to) noexcept;

/// In the two largest units, for people: "3 d 4 h", "250 ms".
std::string to_text(std::chrono::milliseconds time);

}  // namespace edgesync::sync
