// SPDX-License-Identifier: Apache-2.0
#include "stream/group.hpp"

#include "stream/bits.hpp"
#include "stream/extent.hpp"
#include "stream/integers.hpp"

#include <algorithm>
#include <array>
#include <bit>

namespace edgesync::stream {
namespace {

constexpr std::uint8_t has_exceptions = 0x80;
constexpr std::size_t sampled = 16;  // of a group, to see whether it has outliers

unsigned bits_of(std::uint64_t value) { return static_cast<unsigned>(std::bit_width(value)); }
std::size_t varint_bytes(unsigned bits) { return (std::max(bits, 1U) + 6) / 7; }
std::uint64_t signed_code(std::uint64_t value) { return zigzag(static_cast<std::int64_t>(value)); }

// Where most values lie: a sample without its lowest and its highest.
Extent core_of(std::span<const std::uint64_t> values) {
  std::array<std::int64_t, sampled> some;
  for (std::size_t i = 0; i < sampled; ++i) {
    const auto value = static_cast<std::int64_t>(values[i * values.size() / sampled]);
    std::size_t at = i;
    for (; at > 0 && some[at - 1] > value; --at) some[at] = some[at - 1];
    some[at] = value;
  }
  return {some[1], some[sampled - 2]};
}

// The width above `base` that makes the group smallest, with all that lies elsewhere as exceptions.
Shape fitted(std::span<const std::uint64_t> values, std::uint64_t base) {
  std::array<std::uint16_t, 65> count{};  // of each width above the base; 64 is for what is below it
  std::size_t bytes = 0;                  // that exceptions take
  for (const std::uint64_t value : values) {
    const std::uint64_t above = value - base;
    ++count[bits_of(above)];
    if (above >> 63 != 0) bytes += 1 + varint_bytes(bits_of(signed_code(above)));
  }
  std::size_t outside = count[64];
  Shape best{base, 64, 0, ~std::size_t{0}};
  unsigned width = 63;
  while (width > 0 && count[width] == 0) --width;
  for (;; --width) {
    const std::size_t size = packed_bytes(values.size(), width) + bytes + (outside > 0 ? 1 : 0);
    if (size <= best.bytes) best = {base, width, outside, size};
    if (width == 0) return best;
    outside += count[width], bytes += std::size_t{count[width]} * (1 + varint_bytes(width + 1));
  }
}

void encode_exceptions(std::span<const std::uint64_t> values, const Shape& shape, Writer& writer) {
  writer.u8(static_cast<std::uint8_t>(shape.exceptions));
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i] >> shape.width == 0) continue;
    writer.u8(static_cast<std::uint8_t>(i));
    writer.varint(signed_code(values[i]));
  }
}

bool decode_exceptions(Reader& in, std::uint64_t base, std::span<std::uint64_t> values) {
  const std::size_t count = in.u8();
  std::size_t next = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t position = in.u8();
    const std::int64_t above = in.svarint();
    if (in.failed() || position < next || position >= values.size()) return false;
    values[position] = base + static_cast<std::uint64_t>(above);
    next = position + 1;
  }
  return !in.failed();
}

}  // namespace

Shape shape_of(std::span<const std::uint64_t> values) {
  const Extent all = extent_of(values);
  const unsigned width = all.width();
  const auto low = static_cast<std::uint64_t>(all.low);
  const Shape whole{low, width, 0, packed_bytes(values.size(), width)};
  if (values.size() < sampled || width < 3) return whole;  // nothing to win
  const Extent core = core_of(values);
  if (core.width() + 1 >= width) return whole;
  Shape best = fitted(values, low);
  // Room of the core's own size below it; what is lower still is an outlier.
  const auto core_low = static_cast<std::uint64_t>(core.low);
  const std::uint64_t spread = static_cast<std::uint64_t>(core.high) - core_low;
  if (core_low - low > 2 * spread) {
    const Shape raised = fitted(values, core_low - spread);
    if (raised.bytes < best.bytes) best = raised;
  }
  return best.bytes < whole.bytes ? best : whole;
}

void encode_group(std::span<const std::uint64_t> values, std::uint64_t& base, Bytes& out) {
  const Shape shape = shape_of(values);
  Writer writer(out);
  writer.u8(static_cast<std::uint8_t>(shape.width | (shape.exceptions > 0 ? has_exceptions : 0U)));
  writer.varint(signed_code(shape.base - base));
  base = shape.base;
  if (shape.width == 0 && shape.exceptions == 0) return;
  std::array<std::uint64_t, group_values> above, low;
  for (std::size_t i = 0; i < values.size(); ++i) {
    above[i] = values[i] - shape.base;
    low[i] = shape.exceptions == 0 || above[i] >> shape.width == 0 ? above[i] : 0;
  }
  pack_bits(std::span(low).first(values.size()), shape.width, out);
  if (shape.exceptions > 0) encode_exceptions(std::span(above).first(values.size()), shape, writer);
}

bool decode_group(Reader& in, std::uint64_t& base, std::span<std::uint64_t> values) {
  const std::uint8_t head = in.u8();
  const unsigned width = head & 0x7fU;
  base += static_cast<std::uint64_t>(in.svarint());
  if (in.failed() || width > 64) return false;
  const ByteView bits = in.raw(packed_bytes(values.size(), width));
  if (in.failed()) return false;
  if (width == 0) {
    std::fill(values.begin(), values.end(), base);
  } else {
    unpack_bits(bits, width, values);
    for (std::uint64_t& value : values) value += base;
  }
  return (head & has_exceptions) == 0 || decode_exceptions(in, base, values);
}

}  // namespace edgesync::stream
