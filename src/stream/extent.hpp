// SPDX-License-Identifier: Apache-2.0
// Extent: the least and the greatest of some integers. Four lanes, so that no comparison waits for the one before.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <span>

namespace edgesync::stream {

struct Extent {
  std::int64_t low = 0, high = 0;

  /// The bits that tell one value from another.
  unsigned width() const noexcept {
    return static_cast<unsigned>(std::bit_width(static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low)));
  }
};

/// Of the words as signed. Requires: at least one.
inline Extent extent_of(std::span<const std::uint64_t> words) noexcept {
  std::array<std::int64_t, 4> low, high;
  low.fill(static_cast<std::int64_t>(words[0]));
  high = low;
  std::size_t at = 0;
  const auto take = [&](std::size_t lane) {
    const auto value = static_cast<std::int64_t>(words[at + lane]);
    low[lane] = std::min(low[lane], value);
    high[lane] = std::max(high[lane], value);
  };
  for (; at + 4 <= words.size(); at += 4)
    for (std::size_t lane = 0; lane < 4; ++lane) take(lane);
  for (; at < words.size(); ++at) take(0);
  return {*std::min_element(low.begin(), low.end()), *std::max_element(high.begin(), high.end())};
}

}  // namespace edgesync::stream
