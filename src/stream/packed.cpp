// SPDX-License-Identifier: Apache-2.0
// Packed blocks: up to 128 values at one bit width, least significant bit first. Values wider than that are exceptions:
// their low bits stay in place and their high bits follow the width, so that one outlier does not widen its block.
#include "stream/integers.hpp"

#include <algorithm>
#include <array>
#include <bit>

namespace edgesync::stream {
namespace {

constexpr std::uint8_t has_exceptions = 0x80;

struct Shape {
  unsigned width = 0;
  std::size_t exceptions = 0;
  std::size_t bytes = 0;  // of the whole block
};

constexpr std::size_t bytes_for(std::size_t count, unsigned width) { return (count * width + 7) / 8; }
constexpr unsigned varint_bytes(unsigned bits) { return (std::max(bits, 1U) + 6) / 7; }
constexpr std::uint64_t low_mask(unsigned width) {
  return width >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << width) - 1;
}

// The width that makes the block smallest: every width in use is tried, with all wider values as exceptions.
Shape best_shape(std::span<const std::uint64_t> block) {
  std::array<std::uint8_t, 65> histogram{};
  for (std::uint64_t value : block) ++histogram[static_cast<std::size_t>(std::bit_width(value))];
  unsigned widest = 64;
  while (widest > 0 && histogram[widest] == 0) --widest;
  Shape best{widest, 0, 1 + bytes_for(block.size(), widest)};
  for (unsigned width = 0; width < widest; ++width) {
    if (histogram[width] == 0 && width != 0) continue;
    Shape shape{width, 0, 1 + bytes_for(block.size(), width)};
    for (unsigned wide = width + 1; wide <= widest; ++wide) {
      shape.exceptions += histogram[wide];
      shape.bytes += histogram[wide] * std::size_t{1 + varint_bytes(wide - width)};
    }
    if (shape.exceptions > 0) ++shape.bytes;
    if (shape.bytes < best.bytes) best = shape;
  }
  return best;
}

void pack_bits(std::span<const std::uint64_t> block, unsigned width, Bytes& out) {
  const std::size_t start = out.size();
  out.resize(start + bytes_for(block.size(), width));
  std::byte* to = out.data() + start;
  std::uint64_t pending = 0;
  unsigned filled = 0;
  const auto emit = [&](unsigned count) {
    for (unsigned i = 0; i < count; ++i) *to++ = static_cast<std::byte>(pending >> (8 * i));
  };
  for (std::uint64_t value : block) {
    value &= low_mask(width);
    pending |= value << filled;
    if (filled + width < 64) {
      filled += width;
      continue;
    }
    emit(8);
    const unsigned taken = 64 - filled;
    pending = taken < 64 ? value >> taken : 0;
    filled = filled + width - 64;
  }
  emit((filled + 7) / 8);
}

void unpack_bits(ByteView bits, unsigned width, std::span<std::uint64_t> block) {
  std::size_t at = 0;
  std::uint64_t current = 0;
  unsigned have = 0;
  for (std::uint64_t& value : block) {
    value = 0;
    for (unsigned got = 0; got < width;) {
      if (have == 0) current = std::to_integer<std::uint64_t>(bits[at++]), have = 8;
      const unsigned take = std::min(have, width - got);
      value |= (current & low_mask(take)) << got;
      current >>= take;
      have -= take;
      got += take;
    }
  }
}

void pack_block(std::span<const std::uint64_t> block, Bytes& out) {
  const Shape shape = best_shape(block);
  Writer writer(out);
  writer.u8(static_cast<std::uint8_t>(shape.width | (shape.exceptions > 0 ? has_exceptions : 0U)));
  if (shape.exceptions > 0) {
    writer.u8(static_cast<std::uint8_t>(shape.exceptions));
    for (std::size_t i = 0; i < block.size(); ++i) {
      if (static_cast<unsigned>(std::bit_width(block[i])) <= shape.width) continue;
      writer.u8(static_cast<std::uint8_t>(i));
      writer.varint(block[i] >> shape.width);
    }
  }
  if (shape.width > 0) pack_bits(block, shape.width, out);
}

bool unpack_block(Reader& in, std::span<std::uint64_t> block) {
  const std::uint8_t head = in.u8();
  const unsigned width = head & 0x7fU;
  if (in.failed() || width > 64) return false;
  std::array<std::uint64_t, packed_block> high{};
  const std::size_t exceptions = (head & has_exceptions) != 0 ? in.u8() : 0;
  if (exceptions > block.size() || (width == 64 && exceptions > 0)) return false;
  std::size_t next = 0;
  for (std::size_t i = 0; i < exceptions; ++i) {
    const std::size_t position = in.u8();
    const std::uint64_t bits = in.varint();
    if (in.failed() || position < next || position >= block.size()) return false;
    if (bits == 0 || static_cast<unsigned>(std::bit_width(bits)) + width > 64) return false;
    high[position] = bits << width;
    next = position + 1;
  }
  const ByteView bits = in.raw(bytes_for(block.size(), width));
  if (in.failed()) return false;
  unpack_bits(bits, width, block);
  for (std::size_t i = 0; i < block.size(); ++i) block[i] |= high[i];
  return true;
}

}  // namespace

std::size_t packed_size(std::span<const std::uint64_t> values) {
  std::size_t size = 0;
  for (; !values.empty(); values = values.subspan(std::min(packed_block, values.size()))) {
    size += best_shape(values.first(std::min(packed_block, values.size()))).bytes;
  }
  return size;
}

void pack(std::span<const std::uint64_t> values, Bytes& out) {
  for (; !values.empty(); values = values.subspan(std::min(packed_block, values.size()))) {
    pack_block(values.first(std::min(packed_block, values.size())), out);
  }
}

bool unpack(Reader& in, std::span<std::uint64_t> values) {
  for (; !values.empty(); values = values.subspan(std::min(packed_block, values.size()))) {
    if (!unpack_block(in, values.first(std::min(packed_block, values.size())))) return in.fail(), false;
  }
  return true;
}

}  // namespace edgesync::stream
