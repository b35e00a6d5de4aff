// SPDX-License-Identifier: Apache-2.0
#include "stream/doubles.hpp"

#include "stream/integers.hpp"

#include <array>
#include <bit>
#include <optional>
#include <vector>

namespace edgesync::stream {
namespace {

enum Form : std::uint8_t { raw = 0, xored = 1, decimal = 2 };

constexpr std::array<double, 7> powers{1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6};
constexpr double integer_limit = 9007199254740992.0;  // 2^53: below it every integer is a double

// The integer whose quotient by powers[scale] is this double to the bit. -0.0, NaN and infinities have none.
std::optional<std::int64_t> scaled(std::uint64_t bits, std::size_t scale) {
  const double shifted = std::bit_cast<double>(bits) * powers[scale];
  if (!(shifted > -integer_limit && shifted < integer_limit)) return std::nullopt;
  const auto whole = static_cast<std::int64_t>(shifted + (shifted < 0 ? -0.5 : 0.5));
  if (std::bit_cast<std::uint64_t>(static_cast<double>(whole) / powers[scale]) != bits) return std::nullopt;
  return whole;
}

// The smallest scale for all values. One that holds for a value holds at larger scales too, unless it grows too large.
std::optional<std::size_t> common_scale(std::span<const std::uint64_t> values) {
  std::size_t scale = 0;
  for (std::uint64_t bits : values) {
    while (!scaled(bits, scale)) {
      if (++scale == powers.size()) return std::nullopt;
    }
  }
  return scale;
}

std::optional<Bytes> encode_decimal(std::span<const std::uint64_t> values) {
  const auto scale = common_scale(values);
  if (!scale) return std::nullopt;
  std::vector<std::int64_t> integers(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto whole = scaled(values[i], *scale);
    if (!whole) return std::nullopt;
    integers[i] = *whole;
  }
  Bytes out{static_cast<std::byte>(*scale)};
  encode_integers(integers, out);
  return out;
}

struct Trim {
  unsigned leading = 8, trailing = 0;  // zero bytes; leading + trailing <= 8
  unsigned kept() const { return 8 - leading - trailing; }
};

Trim trim(std::uint64_t difference) {
  if (difference == 0) return {};
  return {static_cast<unsigned>(std::countl_zero(difference)) / 8,
          static_cast<unsigned>(std::countr_zero(difference)) / 8};
}

std::size_t xored_size(std::span<const std::uint64_t> values) {
  std::size_t size = 0;
  std::uint64_t previous = 0;
  for (std::uint64_t bits : values) size += 1 + trim(bits ^ previous).kept(), previous = bits;
  return size;
}

void encode_xored(std::span<const std::uint64_t> values, Writer& writer) {
  std::uint64_t previous = 0;
  for (std::uint64_t bits : values) {
    const Trim cut = trim(bits ^ previous);
    writer.u8(static_cast<std::uint8_t>(cut.leading << 4 | cut.trailing));
    for (unsigned i = cut.kept(); i > 0; --i) {
      writer.u8(static_cast<std::uint8_t>((bits ^ previous) >> (8 * (cut.trailing + i - 1))));
    }
    previous = bits;
  }
}

bool decode_xored(Reader& in, std::span<std::uint64_t> values) {
  std::uint64_t previous = 0;
  for (std::uint64_t& bits : values) {
    const unsigned control = in.u8();
    const Trim cut{control >> 4, control & 15};
    if (cut.leading + cut.trailing > 8 || (cut.leading == 8 && cut.trailing > 0)) return in.fail(), false;
    std::uint64_t difference = 0;
    for (std::byte b : in.raw(cut.kept())) difference = difference << 8 | std::to_integer<std::uint64_t>(b);
    if (in.failed()) return false;
    if (cut.kept() > 0) difference <<= 8 * cut.trailing;
    previous ^= difference;
    bits = previous;
  }
  return true;
}

bool decode_decimal(Reader& in, std::span<std::uint64_t> values) {
  const std::size_t scale = in.u8();
  if (in.failed() || scale >= powers.size()) return in.fail(), false;
  std::vector<std::int64_t> integers(values.size());
  if (!decode_integers(in, integers)) return false;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto whole = static_cast<double>(integers[i]);
    if (!(whole > -integer_limit && whole < integer_limit)) return in.fail(), false;
    values[i] = std::bit_cast<std::uint64_t>(whole / powers[scale]);
  }
  return true;
}

}  // namespace

void encode_doubles(std::span<const std::uint64_t> values, Bytes& out) {
  if (values.empty()) return;
  Writer writer(out);
  const std::size_t raw_size = values.size() * 8, xor_size = xored_size(values);
  const auto decimals = encode_decimal(values);
  if (decimals && decimals->size() <= std::min(raw_size, xor_size)) {
    writer.u8(Form::decimal);
    writer.raw(*decimals);
  } else if (xor_size < raw_size) {
    writer.u8(Form::xored);
    encode_xored(values, writer);
  } else {
    writer.u8(Form::raw);
    for (std::uint64_t bits : values) writer.u64(bits);
  }
}

bool decode_doubles(Reader& in, std::span<std::uint64_t> values) {
  if (values.empty()) return true;
  const std::uint8_t form = in.u8();
  if (in.failed()) return false;
  if (form == Form::decimal) return decode_decimal(in, values);
  if (form == Form::xored) return decode_xored(in, values);
  if (form != Form::raw) return in.fail(), false;
  for (std::uint64_t& bits : values) bits = in.u64();
  return !in.failed();
}

}  // namespace edgesync::stream
