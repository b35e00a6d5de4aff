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

/// Why records are not where they were meant to go.
enum class DropReason : std::uint8_t {
  quota = 1,  ///< A byte quota took them (Overflow::drop_oldest, drop_newest).
  age,        ///< They were older than the stream's retention.
  policy,     ///< Overflow::thin left them out, or the application gave the stream up.
  corrupt,    ///< A disk spoilt them, or lost them without a trace.
  refused,    ///< append() failed, and said so; or the hub can never store them, and they are in the quarantine.
};

/// "quota", "age", "policy", "corrupt" or "refused"; "unknown" for anything else.
EDGESYNC_EXPORT const char* name(DropReason reason) noexcept;

/// Records dropped, by reason.
struct Drops {
  std::uint64_t quota = 0, age = 0, policy = 0, corrupt = 0, refused = 0;

  std::uint64_t& operator[](DropReason reason) noexcept {
    return reason == DropReason::quota     ? quota
           : reason == DropReason::age     ? age
           : reason == DropReason::corrupt ? corrupt
           : reason == DropReason::refused ? refused
                                           : policy;
  }
  std::uint64_t total() const noexcept { return quota + age + policy + corrupt + refused; }
  Drops& operator+=(const Drops& more) noexcept {
    quota += more.quota, age += more.age, policy += more.policy, corrupt += more.corrupt, refused += more.refused;
    return *this;
  }
  bool operator==(const Drops&) const = default;
};

/// Records `first` to `last`, both included, that will never arrive.
struct Gap {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  DropReason why = DropReason::corrupt;
  bool operator==(const Gap&) const = default;
};

/// Some records of one origin: those that are within all four, ends included.
struct Range {
  std::uint64_t first = 1, last = UINT64_MAX;                ///< Sequences.
  Timestamp from = Timestamp::min(), to = Timestamp::max();  ///< By the origin's clock, which may go back.
};

/// What a column of numbers comes to. Booleans count as 0 and 1.
struct Aggregate {
  std::uint64_t records = 0;  ///< In the range.
  std::uint64_t values = 0;   ///< Fields that are neither null nor NaN.
  Value min{}, max{};         ///< int64, or double in a column of these; null if there are no values.
  Value sum{};                ///< Likewise, but a double also where an int64 has no room.
  /// NaN if there are no values.
  EDGESYNC_EXPORT double mean() const noexcept;
};

/// What of a node's streams is sent first.
enum class Priority : std::uint8_t {
  urgent = 1,  ///< Before all others, and at once whatever LinkOptions::sync_interval says.
  normal,      ///< What happens now before what has piled up, which gets its share (LinkOptions::backfill_share).
  bulk,        ///< As what has piled up.
};

/// What happens to a record for which a stream has no room.
class Overflow {
 public:
  enum class Kind : std::uint8_t { drop_oldest = 1, drop_newest, thin, reject };

  static const Overflow drop_oldest;  ///< The oldest records go, with as many others as share a segment with them.
  static const Overflow drop_newest;  ///< The record is numbered and not kept; append() succeeds.
  static const Overflow reject;       ///< append() fails with storage_full; nothing is numbered.
  /// From half the quota on one record of `of` is kept, from three quarters on one of `of` times `of`, and so on: the
  /// stream gets coarser and never full. What is left out gets no number. `of`: 2 to 1000.
  static constexpr Overflow thin(std::uint32_t of) noexcept { return {Kind::thin, of}; }

  constexpr Kind kind() const noexcept { return kind_; }
  constexpr std::uint32_t of() const noexcept { return of_; }
  bool operator==(const Overflow&) const = default;

 private:
  constexpr Overflow(Kind kind, std::uint32_t of) noexcept : kind_(kind), of_(of) {}
  Kind kind_;
  std::uint32_t of_;
};
inline constexpr Overflow Overflow::drop_oldest{Kind::drop_oldest, 1};
inline constexpr Overflow Overflow::drop_newest{Kind::drop_newest, 1};
inline constexpr Overflow Overflow::reject{Kind::reject, 1};

}  // namespace edgesync
