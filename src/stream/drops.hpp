// SPDX-License-Identifier: Apache-2.0
// Drops as bytes: five varints, in the order of the reasons' numbers, in files and on the wire.
#pragma once

#include "base/bytes.hpp"

#include <edgesync/records.hpp>

namespace edgesync::stream {

/// Of a gap, in place of a reason: nothing was dropped. The root has the records, and they never came by here.
inline constexpr DropReason at_root{};

inline void write_drops(Writer& out, const Drops& drops) {
  for (const std::uint64_t count : {drops.quota, drops.age, drops.policy, drops.corrupt, drops.refused})
    out.varint(count);
}

/// No count is above 2^56: sums of them do not overflow.
inline Drops read_drops(Reader& in) {
  constexpr std::uint64_t count_max = std::uint64_t{1} << 56;
  Drops drops;
  for (std::uint64_t* count : {&drops.quota, &drops.age, &drops.policy, &drops.corrupt, &drops.refused})
    if (*count = in.varint(); *count > count_max) in.fail();
  return drops;
}

}  // namespace edgesync::stream
