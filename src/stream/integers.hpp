// SPDX-License-Identifier: Apache-2.0
// Integers: the codec under every column. A block of up to 1024 values is coded as it is, as differences, or as
// differences of differences, divided by what they all have in common, in groups of 128 that share a base and a bit
// width; what does not fit its group's width is listed beside it ("Super-Scalar RAM-CPU Cache Compression", Zukowski et
// al. 2006, calls this patched frame of reference). Arithmetic wraps modulo 2^64, so every 64-bit value survives.
#pragma once

#include "base/bytes.hpp"

#include <cstdint>
#include <span>

namespace edgesync::stream {

inline constexpr std::size_t block_values = 1024;
inline constexpr std::size_t group_values = 128;

/// Appends one block; nothing at all for no values. Requires: at most block_values.
void encode_integers(std::span<const std::uint64_t> values, Bytes& out);

/// Fills `values`, at most block_values. False, with the reader failed, if the input does not hold exactly so many.
bool decode_integers(Reader& in, std::span<std::uint64_t> values);

}  // namespace edgesync::stream
