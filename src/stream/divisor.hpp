// SPDX-License-Identifier: Apache-2.0
// Divisor: what all differences in a block have in common, such as the 1000 of times in milliseconds or the 60 of a
// counter of minutes. Exact division is a multiplication by the inverse modulo 2^64, and so is the test for it
// (Granlund and Montgomery, "Division by Invariant Integers using Multiplication", 1994, section 9).
#pragma once

#include <bit>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>

namespace edgesync::stream {

class Divisor {
 public:
  /// Requires: value > 0.
  explicit Divisor(std::uint64_t value) noexcept
      : value_(value), shift_(std::countr_zero(value)), inverse_(inverse(value >> shift_)) {
    limit_ = std::numeric_limits<std::uint64_t>::max() / value;
  }

  std::uint64_t value() const noexcept { return value_; }
  bool divides(std::uint64_t magnitude) const noexcept { return std::rotr(magnitude * inverse_, shift_) <= limit_; }
  /// Requires: divides() the magnitude of `difference`, read as signed.
  std::uint64_t quotient(std::uint64_t difference) const noexcept {
    return static_cast<std::uint64_t>(static_cast<std::int64_t>(difference * inverse_) >> shift_);
  }

 private:
  // Newton's iteration doubles the good bits: 3, 6, 12, 24, 48, 96.
  static std::uint64_t inverse(std::uint64_t odd) noexcept {
    std::uint64_t x = odd;
    for (int i = 0; i < 5; ++i) x *= 2 - odd * x;
    return x;
  }

  std::uint64_t value_;
  int shift_;
  std::uint64_t inverse_, limit_ = 0;
};

inline std::uint64_t magnitude(std::uint64_t difference) noexcept {
  return difference >> 63 != 0 ? 0 - difference : difference;
}

/// The greatest divisor of all differences to the first value. Requires: not all the same.
inline Divisor common_divisor(std::span<const std::uint64_t> values) {
  std::size_t at = 1;
  while (values[at] == values[0]) ++at;
  Divisor divisor(magnitude(values[at] - values[0]));
  for (; at < values.size() && divisor.value() > 1; ++at) {
    const std::uint64_t next = magnitude(values[at] - values[0]);
    if (!divisor.divides(next)) divisor = Divisor(std::gcd(divisor.value(), next));
  }
  return divisor;
}

}  // namespace edgesync::stream
