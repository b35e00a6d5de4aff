// SPDX-License-Identifier: Apache-2.0
// Budget: what one frame may still cost, and its first failure. Decoders charge before they allocate. A failure is
// final: from then on nothing is granted, and readers return defaults, so that a decoder checks once at the end.
#pragma once

#include "wire/frame.hpp"

#include <optional>
#include <string>

namespace edgesync::wire {

class Budget {
 public:
  explicit Budget(const Limits& limits) noexcept
      : limits_(limits), values_left_(limits.values), allocation_left_(limits.allocation) {}

  const Limits& limits() const noexcept { return limits_; }

  /// One msgpack value more. Returns false if that is one too many.
  bool value() {
    if (values_left_ == 0) return exceeded("values");
    return --values_left_, true;
  }

  /// `bytes` more in memory.
  bool memory(std::size_t bytes) {
    if (bytes > allocation_left_) return exceeded("allocation");
    return allocation_left_ -= bytes, true;
  }

  /// `count` items of `bytes_each` in one container.
  bool container(std::size_t count, std::size_t bytes_each) {
    if (count > limits_.elements) return exceeded("elements");
    return memory(count * bytes_each);
  }

  bool exceeded(const char* limit) { return fail(Errc::limit_exceeded, limit); }
  bool malformed(const char* what) { return fail(Errc::protocol_violation, what); }

  bool failed() const noexcept { return failure_.has_value(); }
  /// Where the failure happened is the caller's to add. Requires: failed().
  Error failure(const std::string& where) const {
    return {*failure_,
            "frame: " + where + ": " + (*failure_ == Errc::limit_exceeded ? "over the limit: " : "") + what_};
  }

 private:
  bool fail(Errc code, const char* what) {
    if (!failure_) failure_ = code, what_ = what;
    values_left_ = allocation_left_ = 0;
    return false;
  }

  Limits limits_;
  std::size_t values_left_, allocation_left_;
  std::optional<Errc> failure_{};
  const char* what_ = "";
};

/// Memory that one heap block costs beyond its payload, roughly.
inline constexpr std::size_t block_bytes = 16;

}  // namespace edgesync::wire
