// SPDX-License-Identifier: Apache-2.0
#include "stream/bits.hpp"

#include <algorithm>
#include <array>

namespace edgesync::stream {
namespace {

constexpr std::size_t word_bytes = 8;

// Whole words of values that do not cross one.
void pack_words(std::span<const std::uint64_t> values, unsigned width, std::byte* to) {
  const std::size_t per_word = 64 / width;
  for (std::size_t at = 0; at < values.size(); at += per_word, to += word_bytes) {
    std::uint64_t word = 0;
    for (std::size_t i = per_word; i-- > 0;) word = word << (width % 64) | values[at + i];
    store_word(to, word);
  }
}

void pack_any(std::span<const std::uint64_t> values, unsigned width, std::byte* to) {
  std::uint64_t pending = 0;
  unsigned filled = 0;
  for (const std::uint64_t value : values) {
    pending |= value << filled;
    filled += width;
    if (filled < 64) continue;
    store_word(to, pending);
    to += word_bytes;
    filled -= 64;
    pending = filled > 0 ? value >> (width - filled) : 0;
  }
  store_word(to, pending);
}

}  // namespace

void pack_bits(std::span<const std::uint64_t> values, unsigned width, Bytes& out) {
  if (width == 0) return;
  const std::size_t start = out.size(), bytes = packed_bytes(values.size(), width);
  out.resize(start + bytes + word_bytes);  // the last word is stored whole
  std::byte* to = out.data() + start;
  const std::size_t per_word = 64 % width == 0 ? 64 / width : 0;
  if (per_word > 0 && values.size() % per_word == 0) {
    pack_words(values, width, to);
  } else {
    pack_any(values, width, to);
  }
  out.resize(start + bytes);
}

void unpack_bits(ByteView bits, unsigned width, std::span<std::uint64_t> values) {
  // A copy with room behind it lets every value be read as one word, and one byte more above 56 bits.
  std::array<std::byte, unpack_values_max * word_bytes + word_bytes + 1> padded;
  std::fill(std::copy(bits.begin(), bits.end(), padded.begin()), padded.end(), std::byte{0});
  const std::uint64_t mask = width >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << width) - 1;
  std::size_t at = 0;
  for (std::uint64_t& value : values) {
    const std::byte* from = padded.data() + at / 8;
    const unsigned skip = at % 8;
    value = load_word(from) >> skip;
    if (width > 56) value |= std::to_integer<std::uint64_t>(from[word_bytes]) << 1 << (63 - skip);
    value &= mask;
    at += width;
  }
}

}  // namespace edgesync::stream
