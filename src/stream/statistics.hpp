// SPDX-License-Identifier: Apache-2.0
// Statistics: what a reader knows of a column of numbers without decoding it. For integers and booleans all arithmetic
// is on int64, and there is no sum if it could pass the range. For doubles NaN takes no part, and
// the sum is made in four lanes, value i in lane i mod 4, then (0 + 1) + (2 + 3), each step rounded, so that vector
// units can do it and every machine gets the same bits.
#pragma once

#include "base/bytes.hpp"

#include <edgesync/records.hpp>

#include <cstdint>
#include <optional>
#include <span>

namespace edgesync::stream {

/// As bits: of int64, or of doubles in an f64 column.
struct Statistics {
  std::uint64_t min = 0, max = 0;
  std::optional<std::uint64_t> sum{};
  bool some_nan = false;  ///< Beside these: of a column that is not null, not all fields count.
  bool operator==(const Statistics&) const = default;
};

/// Nothing for texts, no values, or NaN alone.
std::optional<Statistics> statistics_of(ColumnType type, std::span<const std::uint64_t> values);

void encode_statistics(ColumnType type, const std::optional<Statistics>& statistics, Bytes& out);
bool decode_statistics(Reader& in, ColumnType type, std::optional<Statistics>& statistics);

}  // namespace edgesync::stream
