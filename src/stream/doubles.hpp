// SPDX-License-Identifier: Apache-2.0
// Doubles: sensors mostly send short decimals, so a column whose every value is an integer divided by a power of ten is
// coded as those integers; else each value is XORed with the one before and trimmed; else raw. Values are handled as
// IEEE 754 bits throughout: what comes back is the same to the bit.
#pragma once

#include "base/bytes.hpp"

#include <cstdint>
#include <span>

namespace edgesync::stream {

/// Appends the values, given as bits; nothing at all for none.
void encode_doubles(std::span<const std::uint64_t> values, Bytes& out);

/// Fills `values`. False, with the reader failed, if the input does not hold exactly so many.
bool decode_doubles(Reader& in, std::span<std::uint64_t> values);

}  // namespace edgesync::stream
