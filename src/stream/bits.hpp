// SPDX-License-Identifier: Apache-2.0
// Bits: runs of unsigned values of one width, least significant bit first, as every packed column stores them. Plain
// scalar code on 64-bit words; what lies in memory is the same on little and big endian machines.
#pragma once

#include "base/bytes.hpp"

#include <cstdint>
#include <span>

namespace edgesync::stream {

// Eight bytes, least significant first. Compilers make one load, or store, of each of these loops.
inline std::uint64_t load_word(const std::byte* from) noexcept {
  std::uint64_t word = 0;
  for (unsigned i = 0; i < 8; ++i) word |= std::to_integer<std::uint64_t>(from[i]) << (8 * i);
  return word;
}
inline void store_word(std::byte* to, std::uint64_t word) noexcept {
  for (unsigned i = 0; i < 8; ++i) to[i] = static_cast<std::byte>(word >> (8 * i));
}

constexpr std::size_t packed_bytes(std::size_t count, unsigned width) noexcept { return (count * width + 7) / 8; }

/// Appends the values, padded with zero bits to a whole byte. Requires: every value fits `width`, which is at most 64.
void pack_bits(std::span<const std::uint64_t> values, unsigned width, Bytes& out);

/// Requires: `bits` holds packed_bytes() of what is asked for, at most unpack_values_max values, of at most 64 bits.
inline constexpr std::size_t unpack_values_max = 128;
void unpack_bits(ByteView bits, unsigned width, std::span<std::uint64_t> values);

}  // namespace edgesync::stream
