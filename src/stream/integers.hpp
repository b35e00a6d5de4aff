// SPDX-License-Identifier: Apache-2.0
// Integers: the codec under every numeric column. Values are coded plain, as deltas, or as deltas of deltas, and each
// of these as varints or in bit-packed blocks: whichever of the six is smallest. Arithmetic wraps, so every int64
// survives.
#pragma once

#include "base/bytes.hpp"

#include <cstdint>
#include <span>

namespace edgesync::stream {

inline constexpr std::size_t packed_block = 128;  // values that share one bit width

/// Appends the values; nothing at all for none.
void encode_integers(std::span<const std::int64_t> values, Bytes& out);

/// Fills `values`. False, with the reader failed, if the input does not hold exactly so many.
bool decode_integers(Reader& in, std::span<std::int64_t> values);

/// Bit-packed blocks alone, for integers.cpp and its tests: the size in bytes, and the two directions.
std::size_t packed_size(std::span<const std::uint64_t> values);
void pack(std::span<const std::uint64_t> values, Bytes& out);
bool unpack(Reader& in, std::span<std::uint64_t> values);

}  // namespace edgesync::stream
