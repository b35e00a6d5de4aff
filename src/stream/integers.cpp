// SPDX-License-Identifier: Apache-2.0
#include "stream/integers.hpp"

#include <bit>
#include <vector>

namespace edgesync::stream {
namespace {

constexpr unsigned orders = 3;  // plain, delta, delta of delta

// Differences wrap modulo 2^64, which the running sums of the decoder undo exactly.
std::vector<std::uint64_t> transform(std::span<const std::int64_t> values, unsigned order) {
  std::vector<std::uint64_t> out(values.size());
  std::uint64_t previous = 0, previous_delta = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto value = static_cast<std::uint64_t>(values[i]);
    const std::uint64_t delta = value - previous;
    const std::uint64_t coded = order == 0 ? value : order == 1 ? delta : delta - previous_delta;
    out[i] = zigzag(static_cast<std::int64_t>(coded));
    previous = value;
    previous_delta = delta;
  }
  return out;
}

void restore(std::span<std::uint64_t> coded, unsigned order, std::span<std::int64_t> values) {
  std::uint64_t previous = 0, previous_delta = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto code = static_cast<std::uint64_t>(unzigzag(coded[i]));
    const std::uint64_t delta = order == 2 ? code + previous_delta : code;
    previous = order == 0 ? code : previous + delta;
    previous_delta = delta;
    values[i] = static_cast<std::int64_t>(previous);
  }
}

std::size_t varint_size(std::span<const std::uint64_t> values) {
  std::size_t size = 0;
  for (std::uint64_t value : values) size += (static_cast<std::size_t>(std::bit_width(value | 1)) + 6) / 7;
  return size;
}

}  // namespace

void encode_integers(std::span<const std::int64_t> values, Bytes& out) {
  if (values.empty()) return;
  std::vector<std::uint64_t> best;
  std::size_t best_size = ~std::size_t{0};
  unsigned best_form = 0;
  for (unsigned order = 0; order < orders; ++order) {
    std::vector<std::uint64_t> coded = transform(values, order);
    const std::size_t plain = varint_size(coded), packed = packed_size(coded);
    if (std::min(plain, packed) >= best_size) continue;
    best_size = std::min(plain, packed);
    best_form = order * 2 + (packed < plain ? 1 : 0);
    best = std::move(coded);
  }
  Writer writer(out);
  writer.u8(static_cast<std::uint8_t>(best_form));
  if (best_form % 2 == 1) return pack(best, out);
  for (std::uint64_t value : best) writer.varint(value);
}

bool decode_integers(Reader& in, std::span<std::int64_t> values) {
  if (values.empty()) return true;
  const unsigned form = in.u8();
  if (in.failed() || form >= orders * 2) return in.fail(), false;
  std::vector<std::uint64_t> coded(values.size());
  if (form % 2 == 1) {
    if (!unpack(in, coded)) return false;
  } else {
    for (std::uint64_t& value : coded) value = in.varint();
    if (in.failed()) return false;
  }
  restore(coded, form / 2, values);
  return true;
}

}  // namespace edgesync::stream
