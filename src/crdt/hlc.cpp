// SPDX-License-Identifier: Apache-2.0
#include "crdt/hlc.hpp"

#include "base/planted.hpp"

#include <algorithm>

namespace edgesync::crdt {
namespace {

constexpr std::int64_t epoch_ms = 1'577'836'800'000;  // 2020-01-01 UTC in Unix milliseconds
// 2200-01-01: no honest clock is past it, and what is left of the 44 bits above keeps the counter from ever wrapping
// under a clock that lies.
constexpr std::int64_t ms_max = 65'744LL * 86'400'000;

std::uint64_t milliseconds_of(Timestamp wall) noexcept {
  const auto ms = std::chrono::floor<std::chrono::milliseconds>(wall.time_since_epoch()).count() - epoch_ms;
  return static_cast<std::uint64_t>(std::clamp<std::int64_t>(ms, 0, ms_max));
}

}  // namespace

Stamp Hlc::tagged(const Hash128& secret, std::uint64_t upper) noexcept {
  std::array<std::byte, 8> bytes;
  for (std::size_t i = 0; i < 8; ++i) bytes[i] = static_cast<std::byte>(upper >> (8 * i));
  return upper << tag_bits | (siphash(secret, bytes).a & ((1U << tag_bits) - 1));
}

Stamp Hlc::mint(Timestamp wall) noexcept {
  const std::uint64_t counter = (std::uint64_t{1} << logical_bits) - 1;
  const std::uint64_t next = planted(Bug::wrap_counter) ? (upper_ & ~counter) | ((upper_ + 1) & counter) : upper_ + 1;
  upper_ = std::max(planted(Bug::follow_wall) ? 0 : next, milliseconds_of(wall) << logical_bits);
  return tagged(secret_, upper_);
}

bool Hlc::observe(Stamp remote, Timestamp wall, std::chrono::milliseconds drift_max) noexcept {
  const std::uint64_t upper = remote >> tag_bits;
  if (upper <= upper_) return true;
  const auto drift_ms = static_cast<std::uint64_t>(std::max<std::int64_t>(drift_max.count(), 0));
  if (!planted(Bug::absorb_far) && upper >> logical_bits > milliseconds_of(wall) + drift_ms) return false;
  upper_ = upper;
  return true;
}

Timestamp Hlc::wall(Stamp stamp) noexcept {
  const auto ms = static_cast<std::int64_t>(stamp >> (tag_bits + logical_bits));
  return Timestamp(std::chrono::milliseconds(ms + epoch_ms));
}

Stamp Hlc::at(Timestamp wall) noexcept { return milliseconds_of(wall) << (logical_bits + tag_bits); }

}  // namespace edgesync::crdt
