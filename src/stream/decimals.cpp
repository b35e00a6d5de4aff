// SPDX-License-Identifier: Apache-2.0
#include "stream/decimals.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

namespace edgesync::stream {
namespace {

constexpr std::array<double, scales> powers{1.0, 1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,
                                            1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17};
constexpr std::array<double, scales> inverses{1.0,  1e-1,  1e-2,  1e-3,  1e-4,  1e-5,  1e-6,  1e-7,  1e-8,
                                              1e-9, 1e-10, 1e-11, 1e-12, 1e-13, 1e-14, 1e-15, 1e-16, 1e-17};

// Added to an integer of less than 51 bits, it leaves that integer in the low bits of the sum. So integers become
// doubles, and doubles are rounded, without the conversions that vector units lack.
constexpr double magic = 6755399441055744.0;  // 1.5 * 2^52

template <Way way>
double scaled_down(double whole, double power, double inverse) {
  if constexpr (way == Way::product) return whole * inverse;
  if constexpr (way == Way::narrow) return static_cast<double>(static_cast<float>(whole / power));
  return whole / power;
}

template <Way way>
std::size_t encode(unsigned scale, std::span<const std::uint64_t> values, std::uint64_t* integers,
                   std::uint64_t* misses) {
  const double power = powers[scale], inverse = inverses[scale];
  constexpr auto limit = static_cast<double>(decimal_limit);
  std::uint64_t any = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double rounded = std::bit_cast<double>(values[i]) * power + magic;
    const double whole = rounded - magic;
    const double back = scaled_down<way>(whole, power, inverse);
    const double outside = std::abs(whole) < limit ? 0.0 : 1.0;  // NaN is outside, and -0.0 differs in the bits
    integers[i] = std::bit_cast<std::uint64_t>(rounded) - std::bit_cast<std::uint64_t>(magic);
    misses[i] = (std::bit_cast<std::uint64_t>(back) ^ values[i]) | std::bit_cast<std::uint64_t>(outside);
    any |= misses[i];
  }
  if (any == 0) return 0;
  const auto hit = std::count(misses, misses + values.size(), 0);
  return values.size() - static_cast<std::size_t>(hit);
}

template <Way way>
void decode(unsigned scale, std::span<const std::uint64_t> integers, std::uint64_t* values) {
  const double power = powers[scale], inverse = inverses[scale];
  for (std::size_t i = 0; i < integers.size(); ++i) {
    const double whole = std::bit_cast<double>(integers[i] + std::bit_cast<std::uint64_t>(magic)) - magic;
    values[i] = std::bit_cast<std::uint64_t>(scaled_down<way>(whole, power, inverse));
  }
}

}  // namespace

std::size_t to_integers(const Decimal& decimal, std::span<const std::uint64_t> values,
                        std::span<std::uint64_t> integers, std::span<std::uint64_t> misses) {
  if (decimal.way == Way::product) return encode<Way::product>(decimal.scale, values, integers.data(), misses.data());
  if (decimal.way == Way::narrow) return encode<Way::narrow>(decimal.scale, values, integers.data(), misses.data());
  return encode<Way::quotient>(decimal.scale, values, integers.data(), misses.data());
}

void to_doubles(const Decimal& decimal, std::span<const std::uint64_t> integers, std::span<std::uint64_t> values) {
  if (decimal.way == Way::product) return decode<Way::product>(decimal.scale, integers, values.data());
  if (decimal.way == Way::narrow) return decode<Way::narrow>(decimal.scale, integers, values.data());
  decode<Way::quotient>(decimal.scale, integers, values.data());
}

}  // namespace edgesync::stream
