// SPDX-License-Identifier: Apache-2.0
// Faults: the kinds of trouble that a seed may have, and something for each of them: whether the plan asks for it, how
// often it struck. A fault counts where it takes effect, not where it is asked for: a campaign whose faults stopped
// striking is one that proves nothing.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace edgesync::sim {

enum class Fault : std::uint8_t {
  crashes,         ///< Processes end.
  power_cuts,      ///< Machines do.
  crashes_inside,  ///< ... at a chosen disk operation.
  cuts,            ///< Connections end at a byte.
  half_open,       ///< ... and not everybody is told.
  stalls,          ///< What is under way arrives late, in a burst.
  isolation,       ///< Nobody answers for a while.
  clock_jumps,
  disk_full,
  sync_errors,
  write_errors,
};

inline constexpr std::array<const char*, 11> fault_names{"crashes",   "power",       "inside",      "cuts",
                                                         "half-open", "stalls",      "isolation",   "clocks",
                                                         "full",      "sync-errors", "write-errors"};

template <class T>
class PerFault {
 public:
  static constexpr std::size_t size = fault_names.size();
  T& operator[](Fault fault) noexcept { return values_[static_cast<std::size_t>(fault)]; }
  const T& operator[](Fault fault) const noexcept { return values_[static_cast<std::size_t>(fault)]; }
  T& at(std::size_t number) noexcept { return values_.at(number); }
  const T& at(std::size_t number) const noexcept { return values_.at(number); }

 private:
  std::array<T, size> values_{};
};

using Faults = PerFault<bool>;
using FaultCounts = PerFault<std::uint64_t>;

inline void add(FaultCounts& sum, const FaultCounts& more) noexcept {
  for (std::size_t i = 0; i < FaultCounts::size; ++i) sum.at(i) += more.at(i);
}

}  // namespace edgesync::sim
