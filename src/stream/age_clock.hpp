// SPDX-License-Identifier: Apache-2.0
// AgeClock: how much time has certainly passed since the file was made, in microseconds: what records age by. No wall
// clock takes part, so one at 1970 or 2106 neither deletes everything nor keeps it for ever. Time goes on by the
// boot-time clock, over restarts of the process too. What the machine was switched off for is not known to it: the time
// since boot counts at once, the rest when a hub tells the time, if it did so before.
#pragma once

#include "base/clock.hpp"

#include <cstdint>

namespace edgesync::stream {

using Age = std::uint64_t;

class AgeClock {
 public:
  /// What has to outlive the process, beside an age that was reached.
  struct Saved {
    std::uint64_t boot = 0;     ///< Which boot of the machine it was; 0: not known.
    std::int64_t origin = 0;    ///< In microseconds of that boot's clock, when the age was 0.
    Age reached = 0;            ///< When this was saved.
    std::int64_t hub_time = 0;  ///< The last word of a hub, in microseconds since 1970; 0: none.
    Age hub_age = 0;            ///< When it came.
    bool certain = false;       ///< No time since then is missing.
    bool operator==(const Saved&) const = default;
  };

  /// The process starts in boot `boot`, `now` after it began; `reached`: the latest age that was saved.
  void start(const Saved& saved, Age reached, std::uint64_t boot, Instant now);
  void look(Instant now) noexcept;
  /// A hub said that it is `hub`.
  void told(Timestamp hub, Instant when);

  Age age() const noexcept { return age_; }
  /// As it was saved last if nothing but time has passed; what is to be saved otherwise.
  const Saved& saved() const noexcept { return saved_; }
  const Saved& saved_now() noexcept { return saved_.reached = age_, saved_; }

  /// What a hub may add at a time; more is a clock that was wrong, once.
  static constexpr std::chrono::hours added_max{24 * 400};

 private:
  Age age_ = 0;
  Instant looked_{};
  Saved saved_{};
};

}  // namespace edgesync::stream
