// SPDX-License-Identifier: Apache-2.0
// Records: what a stream carries. A record is one typed row with a time; per origin records are numbered densely from
// 1, so that what is missing is always known as a Gap and never silent. All types here are plain values.
#pragma once

#include <edgesync/value.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace edgesync {

/// What one column of a stream holds. Any field may also be null.
enum class ColumnType : std::uint8_t { f64 = 1, i64, boolean, text, bytes };
using enum ColumnType;

/// "f64", "i64", "boolean", "text" or "bytes"; "unknown" for anything else.
EDGESYNC_EXPORT const char* name(ColumnType type) noexcept;

/// One column: a unique name of 1 to 64 bytes, and its type. A stream has 1 to 64 columns.
struct Column {
  std::string name{};
  ColumnType type{};
  bool operator==(const Column&) const = default;
};

/// One field of a record: null (monostate), bool, int64, double, string or Bytes. Json never appears here.
using Field = Value;

/// One row. `fields` are in the order of the columns.
struct Record {
  std::uint64_t sequence = 0;  ///< Dense per stream and origin, from 1.
  Timestamp at{};              ///< The origin's wall clock; it may go back. Order is by sequence.
  std::vector<Field> fields{};
};

/// Records `first` to `last`, both included, that will never arrive, because a quota, a retention or a loss took them.
struct Gap {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  bool operator==(const Gap&) const = default;
};

}  // namespace edgesync
