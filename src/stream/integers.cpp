// SPDX-License-Identifier: Apache-2.0
#include "stream/integers.hpp"

#include "stream/divisor.hpp"
#include "stream/group.hpp"

#include <algorithm>
#include <array>

namespace edgesync::stream {
namespace {

constexpr unsigned orders = 3;                     // as they are, differences, differences of differences
constexpr std::size_t sampled = group_values / 2;  // in a run, to choose an order by
constexpr std::uint8_t order_bits = 0x03, constant = 0x04, scaled = 0x08;

std::span<const std::uint64_t> group_at(std::span<const std::uint64_t> values, std::size_t from) {
  return values.subspan(from, std::min(group_values, values.size() - from));
}

// `out` gets a number for each value from `order` on.
void difference(std::span<const std::uint64_t> values, unsigned order, std::span<std::uint64_t> out) {
  const std::uint64_t* at = values.data();
  if (order == 0) std::copy(values.begin(), values.end(), out.begin());
  if (order == 1)
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = at[i + 1] - at[i];
  if (order == 2)
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = at[i + 2] - 2 * at[i + 1] + at[i];
}

void restore(std::span<std::uint64_t> values, unsigned order) {
  if (order == 0) return;
  std::uint64_t value = values[order - 1], delta = order == 2 ? values[1] - values[0] : 0;
  for (std::uint64_t& next : values.subspan(order)) {
    if (order == 2) delta += next;
    next = value += order == 2 ? delta : next;
  }
}

// What four runs, or all of a short block, would take.
std::size_t estimate(std::span<const std::uint64_t> values, unsigned order) {
  std::array<std::uint64_t, sampled> coded;
  std::size_t size = 2 * order;
  for (std::size_t at = 0; at + order < values.size(); at += std::max(sampled, values.size() / 4)) {
    const std::span<std::uint64_t> some(coded.data(), std::min(sampled, values.size() - at - order));
    difference(values.subspan(at, order + some.size()), order, some);
    size += shape_of(some).bytes;
  }
  return size;
}

// Ties go to what is quicker to decode.
unsigned best_order(std::span<const std::uint64_t> values) {
  if (values.size() < orders) return 0;
  unsigned best = 0;
  std::size_t least = ~std::size_t{0};
  for (unsigned order = 0; order < orders; ++order) {
    const std::size_t size = estimate(values, order);
    if (size >= least) break;  // where differences do not help, theirs do not either
    best = order, least = size;
  }
  return best;
}

bool all_same(std::span<const std::uint64_t> values) {
  std::uint64_t different = 0;
  for (const std::uint64_t value : values) different |= value ^ values[0];
  return different == 0;
}

void encode_groups(std::span<const std::uint64_t> values, Bytes& out) {
  std::uint64_t base = 0;
  for (std::size_t at = 0; at < values.size(); at += group_values) encode_group(group_at(values, at), base, out);
}

bool decode_groups(Reader& in, std::span<std::uint64_t> values) {
  std::uint64_t base = 0;
  for (std::size_t at = 0; at < values.size(); at += group_values) {
    if (!decode_group(in, base, values.subspan(at, std::min(group_values, values.size() - at)))) return false;
  }
  return true;
}

bool decode_form(Reader& in, unsigned form, std::span<std::uint64_t> values) {
  std::uint64_t offset = 0, divisor = 1;
  if ((form & scaled) != 0) offset = static_cast<std::uint64_t>(in.svarint()), divisor = in.varint();
  if ((form & constant) != 0) {
    std::fill(values.begin(), values.end(), static_cast<std::uint64_t>(in.svarint()));
  } else if (!decode_groups(in, values)) {
    return false;
  }
  if (divisor != 1 || offset != 0)
    for (std::uint64_t& value : values) value = offset + divisor * value;
  return !in.failed();
}

}  // namespace

void encode_integers(std::span<const std::uint64_t> values, Bytes& out) {
  if (values.empty()) return;
  const unsigned order = all_same(values) ? 0 : best_order(values);
  std::array<std::uint64_t, block_values> buffer;
  const std::span<std::uint64_t> coded(buffer.data(), values.size() - order);
  difference(values, order, coded);
  Writer writer(out);
  const auto start = [&](unsigned flags) {
    writer.u8(static_cast<std::uint8_t>(order | flags));
    for (unsigned i = 0; i < order; ++i)
      writer.svarint(static_cast<std::int64_t>(values[i] - (i == 0 ? 0 : values[i - 1])));
  };
  if (all_same(coded)) {
    start(constant);
    return writer.svarint(static_cast<std::int64_t>(coded[0]));
  }
  const std::uint64_t offset = coded[0];
  if (const Divisor divisor = common_divisor(coded); divisor.value() > 1) {
    start(scaled);
    writer.svarint(static_cast<std::int64_t>(offset));
    writer.varint(divisor.value());
    for (std::uint64_t& value : coded) value = divisor.quotient(value - offset);
  } else {
    start(0);
  }
  encode_groups(coded, out);
}

bool decode_integers(Reader& in, std::span<std::uint64_t> values) {
  if (values.empty()) return true;
  const unsigned form = in.u8(), order = form & order_bits;
  if (in.failed() || form > (order_bits | constant | scaled) || order >= orders || order >= values.size())
    return in.fail(), false;
  for (unsigned i = 0; i < order; ++i)
    values[i] = (i == 0 ? 0 : values[i - 1]) + static_cast<std::uint64_t>(in.svarint());
  if (!decode_form(in, form, values.subspan(order))) return in.fail(), false;
  restore(values, order);
  return true;
}

}  // namespace edgesync::stream
