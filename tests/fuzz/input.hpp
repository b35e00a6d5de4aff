// SPDX-License-Identifier: Apache-2.0
// Input: fuzz bytes read as choices, so that a mutation of one byte changes one choice. Beyond its end every choice is
// zero; a loop over it asks more(). holds() ends the process with what did not hold: that is how a target reports.
#pragma once

#include "base/bytes.hpp"
#include "base/random.hpp"

#include <edgesync/error.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace edgesync::fuzz {

/// Ends the process unless `good`.
inline void holds(bool good, const char* claim) {
  if (good) return;
  std::fprintf(stderr, "does not hold: %s\n", claim);
  std::abort();
}

/// A failure has a typed code and words.
inline void is_told(const Error& error) {
  holds(error.code != std::error_code() && !error.detail.empty(), "a failure says what and where");
}

class Input final : public Random {
 public:
  Input(const std::uint8_t* data, std::size_t size) noexcept : in_(std::as_bytes(std::span(data, size))) {}

  bool more() const noexcept { return !in_.empty(); }
  std::uint64_t next() override { return u8(); }
  std::uint8_t u8() noexcept { return in_.empty() ? std::uint8_t{0} : std::to_integer<std::uint8_t>(take(1)[0]); }
  std::size_t u16() noexcept {
    const std::size_t high = u8();
    return high << 8 | u8();
  }
  ByteView take(std::size_t size) noexcept {
    const ByteView taken = in_.first(std::min(size, in_.size()));
    in_ = in_.subspan(taken.size());
    return taken;
  }
  ByteView rest() noexcept { return take(in_.size()); }
  /// What a length of one byte announces.
  ByteView chunk() noexcept { return take(u8()); }
  std::string text() { return std::string(as_text(chunk())); }

 private:
  ByteView in_;
};

}  // namespace edgesync::fuzz
