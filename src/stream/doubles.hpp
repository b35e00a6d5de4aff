// SPDX-License-Identifier: Apache-2.0
// Doubles: sensors mostly send short decimals, so a block is coded as the integers whose division by a power of ten
// gives the values back to the bit, with those that it does not beside it (after ALP: Afroozeh, Kuffo and Boncz,
// "Adaptive Lossless floating-Point compression", SIGMOD 2023). Else the bits themselves are integers, without the
// trailing zeros that they share. Values are handled as IEEE 754 bits: what comes back is the same to the bit.
#pragma once

#include "base/bytes.hpp"

#include <cstdint>
#include <span>

namespace edgesync::stream {

/// Appends one block of values, given as bits; nothing at all for none. Requires: at most block_values.
void encode_doubles(std::span<const std::uint64_t> values, Bytes& out);

/// Fills `values`, at most block_values. False, with the reader failed, if the input does not hold exactly so many.
bool decode_doubles(Reader& in, std::span<std::uint64_t> values);

}  // namespace edgesync::stream
