// SPDX-License-Identifier: Apache-2.0
#include "stream/doubles.hpp"

#include "stream/decimals.hpp"
#include "stream/integers.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <optional>

namespace edgesync::stream {
namespace {

// form: bits 0-4 scale, bits 5-6 way; or bit 7, and the shift in bits 0-5
constexpr unsigned scale_bits = 0x1f, way_shift = 5, as_bits = 0x80, shift_bits = 0x3f;
constexpr std::size_t sampled = 32;
constexpr std::size_t miss_share = 8;  // one value in so many may miss; each takes some ten bytes

using Words = std::array<std::uint64_t, block_values>;

std::array<std::uint64_t, sampled> sample(std::span<const std::uint64_t> values) {
  std::array<std::uint64_t, sampled> some;
  for (std::size_t i = 0; i < sampled; ++i) some[i] = values[i * values.size() / sampled];
  return some;
}

// The smallest scale that holds for one value; `scales` if none does.
unsigned scale_of(std::uint64_t value, Way way) {
  std::uint64_t integer = 0, miss = 0;
  Decimal tried{0, way};
  while (tried.scale < scales && to_integers(tried, {&value, 1}, {&integer, 1}, {&miss, 1}) > 0) ++tried.scale;
  return tried.scale;
}

// The way and scale that cost a sample least: a digit costs 10/3 bits in each value, a miss some 80 bits. A scale that
// holds for a value mostly holds at larger ones too.
std::optional<Decimal> guess(std::span<const std::uint64_t> some) {
  std::optional<Decimal> best;
  std::size_t least = ~std::size_t{0};
  for (const Way way : {Way::quotient, Way::product, Way::narrow}) {
    std::array<std::size_t, scales + 1> count{};
    std::size_t missed = some.size();
    for (const std::uint64_t value : some) {
      ++count[scale_of(value, way)];
      if (count[scales] * miss_share > some.size()) break;
    }
    if (count[scales] * miss_share > some.size()) continue;
    for (unsigned scale = 0; scale < scales; ++scale) {
      missed -= count[scale];
      const std::size_t cost = some.size() * scale * 10 / 3 + 80 * missed;
      if (missed * miss_share <= some.size() && cost < least) least = cost, best = Decimal{scale, way};
    }
    if (best && count[scales] == 0) return best;  // the other ways are for what this one misses
  }
  return best;
}

// A miss takes the place of the value before, which costs least whatever the order.
void fill_misses(std::span<std::uint64_t> integers, std::span<const std::uint64_t> misses) {
  const auto first = std::find(misses.begin(), misses.end(), 0) - misses.begin();
  std::uint64_t last = static_cast<std::size_t>(first) < misses.size() ? integers[static_cast<std::size_t>(first)] : 0;
  for (std::size_t i = 0; i < integers.size(); ++i) {
    if (misses[i] != 0) integers[i] = last;
    last = integers[i];
  }
}

void encode_misses(std::span<const std::uint64_t> values, std::span<const std::uint64_t> misses, Writer& writer) {
  std::size_t next = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (misses[i] == 0) continue;
    writer.varint(i - next);
    writer.u64(values[i]);
    next = i + 1;
  }
}

bool encode_decimals(std::span<const std::uint64_t> values, Bytes& out) {
  const auto some = sample(values);
  const auto decimal = guess(values.size() < sampled ? values : std::span<const std::uint64_t>(some));
  if (!decimal) return false;
  Words integers, misses;
  const std::span whole(integers.data(), values.size()), missed(misses.data(), values.size());
  const std::size_t count = to_integers(*decimal, values, whole, missed);
  if (count * miss_share > values.size()) return false;
  Writer writer(out);
  writer.u8(static_cast<std::uint8_t>(decimal->scale | static_cast<unsigned>(decimal->way) << way_shift));
  writer.varint(count);
  if (count > 0) {
    encode_misses(values, missed, writer);
    fill_misses(whole, missed);
  }
  encode_integers(whole, out);
  return true;
}

// The sign goes to the lowest bit, so that values around zero stay close.
std::uint64_t sign_last(std::uint64_t bits, unsigned shift) { return bits << 1 >> (shift + 1) << 1 | bits >> 63; }

void encode_as_bits(std::span<const std::uint64_t> values, Bytes& out) {
  std::uint64_t any = 0;
  for (const std::uint64_t bits : values) any |= bits;
  const auto shift = static_cast<unsigned>(std::min(std::countr_zero(any), 62));
  Words words;
  for (std::size_t i = 0; i < values.size(); ++i) words[i] = sign_last(values[i], shift);
  Writer(out).u8(static_cast<std::uint8_t>(as_bits | shift));
  encode_integers(std::span(words).first(values.size()), out);
}

bool decode_as_bits(Reader& in, unsigned form, std::span<std::uint64_t> values) {
  if ((form | shift_bits) != (as_bits | shift_bits) || (form & shift_bits) > 62) return false;
  if (!decode_integers(in, values)) return false;
  for (std::uint64_t& bits : values) bits = bits << 63 | bits >> 1 << (form & shift_bits);
  return true;
}

struct Miss {
  std::size_t position;
  std::uint64_t bits;
};

// Where the misses are, and that there are no more than values.
bool decode_misses(Reader& in, std::size_t count, std::size_t values, std::array<Miss, block_values>& misses) {
  std::size_t next = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t gap = in.varint();
    if (gap >= values - next) return false;
    misses[i] = {next + static_cast<std::size_t>(gap), in.u64()};
    next = misses[i].position + 1;
  }
  return !in.failed();
}

bool decode_decimals(Reader& in, unsigned form, std::span<std::uint64_t> values) {
  const Decimal decimal{form & scale_bits, static_cast<Way>(form >> way_shift)};
  const std::size_t count = in.count(9);
  if (in.failed() || decimal.scale >= scales || decimal.way > Way::narrow || count > values.size()) return false;
  std::array<Miss, block_values> misses;
  if (!decode_misses(in, count, values.size(), misses) || !decode_integers(in, values)) return false;
  std::uint64_t beyond = 0;  // the bits that an integer within the limits has not
  for (const std::uint64_t integer : values) beyond |= (integer + decimal_limit - 1) >> 52;
  if (beyond != 0) return false;
  to_doubles(decimal, values, values);
  for (std::size_t i = 0; i < count; ++i) values[misses[i].position] = misses[i].bits;
  return true;
}

}  // namespace

void encode_doubles(std::span<const std::uint64_t> values, Bytes& out) {
  if (values.empty()) return;
  if (!encode_decimals(values, out)) encode_as_bits(values, out);
}

bool decode_doubles(Reader& in, std::span<std::uint64_t> values) {
  if (values.empty()) return true;
  const unsigned form = in.u8();
  if (in.failed()) return false;
  if ((form & as_bits) != 0 ? decode_as_bits(in, form, values) : decode_decimals(in, form, values)) return true;
  return in.fail(), false;
}

}  // namespace edgesync::stream
