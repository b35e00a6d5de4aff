// SPDX-License-Identifier: Apache-2.0
#include "stream/statistics.hpp"

#include "stream/doubles.hpp"
#include "stream/extent.hpp"
#include "stream/integers.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>

namespace edgesync::stream {
namespace {

enum Known : std::uint8_t { nothing = 0, extremes = 1, all = 2, some_nan = 4 };

std::optional<Statistics> of_integers(std::span<const std::uint64_t> values) {
  const auto [low, high] = extent_of(values);
  std::uint64_t sum = 0;
  for (const std::uint64_t word : values) sum += word;
  Statistics found{static_cast<std::uint64_t>(low), static_cast<std::uint64_t>(high), {}, false};
  const std::int64_t reach = std::numeric_limits<std::int64_t>::max() / static_cast<std::int64_t>(values.size());
  if (low >= -reach && high <= reach) found.sum = sum;
  return found;
}

std::optional<Statistics> of_doubles(std::span<const std::uint64_t> values) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  constexpr std::size_t lanes = 4;
  std::array<double, lanes> low, high, sum{};
  std::array<std::uint64_t, lanes> nan{};  // their number
  low.fill(infinity), high.fill(-infinity);
  const auto take = [&](std::size_t lane, std::uint64_t bits) {
    const auto value = std::bit_cast<double>(bits);
    low[lane] = value < low[lane] ? value : low[lane];
    high[lane] = value > high[lane] ? value : high[lane];
    sum[lane] += value == value ? value : 0.0;
    nan[lane] += value == value ? 0U : 1U;
  };
  std::size_t at = 0;
  for (; at + lanes <= values.size(); at += lanes)
    for (std::size_t lane = 0; lane < lanes; ++lane) take(lane, values[at + lane]);
  for (std::size_t lane = 0; at < values.size(); ++at, ++lane) take(lane, values[at]);
  const double least = std::min({low[0], low[1], low[2], low[3]}),
               most = std::max({high[0], high[1], high[2], high[3]});
  if (!(least <= most)) return std::nullopt;
  const bool some_nan = (nan[0] | nan[1] | nan[2] | nan[3]) != 0;
  Statistics found{std::bit_cast<std::uint64_t>(least), std::bit_cast<std::uint64_t>(most), {}, some_nan};
  const double total = (sum[0] + sum[1]) + (sum[2] + sum[3]);
  if (total == total) found.sum = std::bit_cast<std::uint64_t>(total);
  return found;
}

}  // namespace

std::optional<Statistics> statistics_of(ColumnType type, std::span<const std::uint64_t> values) {
  if (values.empty() || type == ColumnType::text || type == ColumnType::bytes) return std::nullopt;
  return type == ColumnType::f64 ? of_doubles(values) : of_integers(values);
}

void encode_statistics(ColumnType type, const std::optional<Statistics>& statistics, Bytes& out) {
  Writer writer(out);
  if (!statistics) return writer.u8(Known::nothing);
  const auto known = statistics->sum ? Known::all : Known::extremes;
  writer.u8(static_cast<std::uint8_t>(known | (statistics->some_nan ? Known::some_nan : 0)));
  const std::array<std::uint64_t, 2> ends{statistics->min, statistics->max};
  type == ColumnType::f64 ? encode_doubles(ends, out) : encode_integers(ends, out);
  if (!statistics->sum) return;
  type == ColumnType::f64 ? writer.u64(*statistics->sum) : writer.svarint(static_cast<std::int64_t>(*statistics->sum));
}

bool decode_statistics(Reader& in, ColumnType type, std::optional<Statistics>& statistics) {
  const std::uint8_t form = in.u8(), known = form & 3;
  const bool nan = (form & Known::some_nan) != 0;
  if (form > (Known::all | Known::some_nan) || known > Known::all || (nan && (known == 0 || type != ColumnType::f64)))
    return false;
  if (known == Known::nothing) return !in.failed();
  std::array<std::uint64_t, 2> ends{};
  if (type == ColumnType::f64 ? !decode_doubles(in, ends) : !decode_integers(in, ends)) return false;
  statistics = Statistics{ends[0], ends[1], {}, nan};
  if (known == Known::all)
    statistics->sum = type == ColumnType::f64 ? in.u64() : static_cast<std::uint64_t>(in.svarint());
  return !in.failed();
}

}  // namespace edgesync::stream
