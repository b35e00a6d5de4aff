// SPDX-License-Identifier: Apache-2.0
// Group: up to 128 integers at one bit width above one base. Values outside are exceptions, listed whole, so that a
// spike, a gap or an error code does not widen its neighbours.
#pragma once

#include "base/bytes.hpp"

#include <cstdint>
#include <span>

namespace edgesync::stream {

/// How a group is coded, and what that takes without its base.
struct Shape {
  std::uint64_t base = 0;
  unsigned width = 0;
  std::size_t exceptions = 0;
  std::size_t bytes = 0;
};

/// The best shape within a few guesses: exact unless there are outliers. Requires: 1 to group_values values.
Shape shape_of(std::span<const std::uint64_t> values);

/// `base` is the base of the group before, and becomes that of this one.
void encode_group(std::span<const std::uint64_t> values, std::uint64_t& base, Bytes& out);
bool decode_group(Reader& in, std::uint64_t& base, std::span<std::uint64_t> values);

}  // namespace edgesync::stream
