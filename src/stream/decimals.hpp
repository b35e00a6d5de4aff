// SPDX-License-Identifier: Apache-2.0
// Decimals: doubles as integers and a scale. A way says how a double comes from an integer n: as the quotient
// n / 10^scale, which is what text says; as the product n * 10^-scale, which is what drivers compute from counts; or as
// the quotient rounded to a float first. The arithmetic is IEEE 754's, every step rounded, so that all machines agree;
// the layer is compiled without contraction of products and sums.
#pragma once

#include <cstdint>
#include <span>

namespace edgesync::stream {

enum class Way : std::uint8_t { quotient = 0, product = 1, narrow = 2 };

struct Decimal {
  unsigned scale = 0;
  Way way = Way::quotient;
};

inline constexpr unsigned scales = 18;                                // 0 to 17
inline constexpr std::int64_t decimal_limit = std::int64_t{1} << 51;  // magnitudes stay below

/// integers[i] gives values[i] back if misses[i] is 0; else it is anything. Returns the number of misses.
std::size_t to_integers(const Decimal& decimal, std::span<const std::uint64_t> values,
                        std::span<std::uint64_t> integers, std::span<std::uint64_t> misses);

/// Requires: magnitudes below decimal_limit.
void to_doubles(const Decimal& decimal, std::span<const std::uint64_t> integers, std::span<std::uint64_t> values);

}  // namespace edgesync::stream
