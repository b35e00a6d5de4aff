// SPDX-License-Identifier: Apache-2.0
// Lockout: whom a hub refused again and again it refuses for a time without looking at the token. By name and network
// together: by the name alone, anybody could lock a device out.
#pragma once

#include "base/meter.hpp"

#include <chrono>
#include <map>
#include <string>

namespace edgesync::sync {

class Lockout {
 public:
  using milliseconds = std::chrono::milliseconds;

  /// `per_minute`: refusals that cost nothing.
  explicit Lockout(double per_minute) noexcept : rate_{per_minute / 60, per_minute} {}

  /// How long `who` is locked out still; 0: it is not.
  milliseconds left(const std::string& who, Instant now) const;
  /// `who` was refused. How long it is locked out for that.
  milliseconds refused(const std::string& who, Instant now);
  std::size_t size() const noexcept { return known_.size(); }

 private:
  struct Known {
    Meter refusals{};
    unsigned times = 0;  ///< That it was locked out.
    Instant until{};
  };
  void forget_some(Instant now);

  Rate rate_;
  std::map<std::string, Known> known_{};
};

}  // namespace edgesync::sync
