// SPDX-License-Identifier: Apache-2.0
// Budget: how long a stream's records are kept, how many bytes they may take, what happens to a record for which there
// is no room, and which of them go first. Rules only: whoever stores the records asks, and does. What is held counts as
// it lies in the file, what is not written yet as it is in memory.
#pragma once

#include <edgesync/error.hpp>
#include <edgesync/records.hpp>

#include <chrono>
#include <cstdint>

namespace edgesync::stream {

struct Budget {
  std::chrono::microseconds retention{};  ///< 0: for ever.
  std::uint64_t quota = 0;                ///< Bytes; 0: any number.
  Overflow overflow = Overflow::drop_oldest;
  Priority priority = Priority::normal;
  bool operator==(const Budget&) const = default;
};

inline constexpr std::uint32_t thin_of_max = 1'000;
inline constexpr std::uint64_t row_overhead = 32;  // of a segment's row in the file, beside its body

/// Fails with: invalid_argument.
Result<void> validate(const Budget& budget);

/// What a stream holds, and what it may; 0: any number.
struct Usage {
  std::uint64_t held = 0, quota = 0;
  /// True if `more` bytes are too many.
  bool full(std::uint64_t more) const noexcept { return quota != 0 && (more > quota || held > quota - more); }
};

/// Which records of a stream that is running full are kept. One record in of^level is, where the level is how often the
/// free part of the quota has been halved: so the first half holds every record, and the last bytes are never reached.
class Thinner {
 public:
  static unsigned level(const Usage& usage) noexcept;
  /// Whether the next record is kept.
  bool keeps(std::uint32_t of, unsigned level) noexcept;

 private:
  std::uint64_t skipped_ = 0;  // since the last that was kept
};

/// True if what was stored at age `at` is older than `retention`.
constexpr bool expired(std::uint64_t at, std::uint64_t now, std::chrono::microseconds retention) noexcept {
  return retention.count() > 0 && now > at && now - at > static_cast<std::uint64_t>(retention.count());
}

}  // namespace edgesync::stream
