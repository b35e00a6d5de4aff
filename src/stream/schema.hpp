// SPDX-License-Identifier: Apache-2.0
// Schema: the columns of a stream, and whether a row fits them. A row that conforms can always be encoded; every
// refusal names the column. The limits here hold for everything that is encoded and everything that is decoded.
#pragma once

#include "base/bytes.hpp"

#include <edgesync/error.hpp>
#include <edgesync/records.hpp>

#include <cstddef>
#include <span>
#include <vector>

namespace edgesync::stream {

inline constexpr std::size_t max_columns = 64;
inline constexpr std::size_t max_column_name = 64;  // bytes
inline constexpr std::size_t max_record_bytes = std::size_t{512}
                                                << 10;  // of record_bytes(): the limit of any one value

struct Schema {
  std::vector<Column> columns{};
  bool operator==(const Schema&) const = default;
};

/// 1 to 64 columns of known types with unique names of 1 to 64 bytes. Fails with: invalid_argument, limit_exceeded.
Result<void> validate(const Schema& schema);

/// The size of a row as all limits count it: 8 for the time and for each field, plus the bytes of texts and blobs.
std::size_t record_bytes(std::span<const Value> row) noexcept;

/// One field per column, each null or of the column's type; an int64 that a double holds exactly fits an f64 column.
/// Fails with: invalid_argument (wrong number of fields), type_mismatch (names the column), limit_exceeded.
Result<void> fits(const Schema& schema, std::span<const Value> row);

}  // namespace edgesync::stream
