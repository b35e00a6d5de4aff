// SPDX-License-Identifier: Apache-2.0
// Accounting: what became of every record, and the dense numbering that makes it countable. Always
// produced = delivered + dropped + pending; sequences start at 1 and never skip, so an arriving run is either known,
// next, partly known, or proof of a gap.
#pragma once

#include <edgesync/records.hpp>

#include <cstdint>
#include <optional>

namespace edgesync::stream {

struct Accounting {
  std::uint64_t produced = 0;   ///< Records that append() accepted.
  std::uint64_t delivered = 0;  ///< Of these, durable at the root.
  std::uint64_t dropped = 0;    ///< Of these, given up by quota or retention before delivery.

  /// What is still owed. 0 rather than negative if the counters disagree; see consistent().
  std::uint64_t pending() const noexcept;
  bool consistent() const noexcept;
  bool operator==(const Accounting&) const = default;
};

/// How an arriving run of records relates to what is held.
enum class Arrival : std::uint8_t {
  duplicate,  ///< All of it is held, or the run is empty.
  next,       ///< Starts right after what is held.
  overlap,    ///< Begins inside what is held and ends after it: skip `skip` records, take the rest.
  gap,        ///< Starts later: records `missing` were lost or come by another way.
  invalid,    ///< Starts at 0, or runs past the last 64-bit number.
};

struct Classified {
  Arrival arrival = Arrival::invalid;
  std::uint64_t skip = 0;        ///< Leading records already held.
  std::optional<Gap> missing{};  ///< Set for Arrival::gap.
  bool operator==(const Classified&) const = default;
};

/// Dense per-origin bookkeeping: everything from 1 to last() is held or known as a gap.
class Sequences {
 public:
  explicit Sequences(std::uint64_t last = 0) noexcept : last_(last) {}

  std::uint64_t last() const noexcept { return last_; }
  /// The number that the next local record gets.
  std::uint64_t next() const noexcept { return last_ + 1; }

  Classified classify(std::uint64_t first, std::uint64_t count) const noexcept;

  /// Takes a run after classify(): last() becomes its end if that is later. A gap taken is a gap declared.
  void take(std::uint64_t first, std::uint64_t count) noexcept;

 private:
  std::uint64_t last_;
};

}  // namespace edgesync::stream
