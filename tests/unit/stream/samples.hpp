// SPDX-License-Identifier: Apache-2.0
// Samples: rows that try the codecs, drawn from a seed, and the comparison by bits that a lossless codec is held to.
#pragma once

#include "base/random.hpp"
#include "stream/segment.hpp"
#include "stream/segment_layout.hpp"

#include <bit>
#include <limits>

namespace edgesync::stream {

inline Timestamp micros(std::int64_t value) { return Timestamp(Timestamp::duration(value)); }

inline const Schema& every_type() {
  static const Schema schema{
      {{"f", edgesync::f64}, {"i", edgesync::i64}, {"b", boolean}, {"t", edgesync::text}, {"y", edgesync::bytes}}};
  return schema;
}

inline bool same_bits(const Value& a, const Value& b) {
  const auto *x = std::get_if<double>(&a), *y = std::get_if<double>(&b);
  if (x == nullptr || y == nullptr) return a == b;
  return std::bit_cast<std::uint64_t>(*x) == std::bit_cast<std::uint64_t>(*y);
}

/// Draws one kind of sequence per seed, so that every form of every codec is reached.
class Sampler {
 public:
  explicit Sampler(std::uint64_t seed) : random_(seed), style_(random_.below(5)), null_odds_(random_.below(4)) {}

  Timestamp time() {
    at_ += style_ == 0 ? 1'000'000 : static_cast<std::int64_t>(random_.below(5'000'000)) - 1'000'000;
    if (style_ == 4) at_ = static_cast<std::int64_t>(random_.next());
    return micros(at_);
  }

  std::vector<Value> row() {
    return {maybe(real()), maybe(integer()), maybe(random_.one_in(style_ + 1)), maybe(std::string(as_text(blob()))),
            maybe(blob())};
  }

  std::uint64_t below(std::uint64_t bound) { return random_.below(bound); }

 private:
  Value maybe(Value value) {
    const bool null = null_odds_ == 1 ? random_.one_in(3) : null_odds_ == 2 && random_.one_in(200);
    return null ? Value{} : std::move(value);
  }

  double real() {
    const double specials[] = {0.0,
                               -0.0,
                               std::numeric_limits<double>::infinity(),
                               -std::numeric_limits<double>::infinity(),
                               std::numeric_limits<double>::denorm_min(),
                               std::numeric_limits<double>::max(),
                               std::bit_cast<double>(0x7ff8dead0000beefU),
                               std::bit_cast<double>(0xfff0000000000001U),
                               9007199254740993.0};
    const auto count = static_cast<double>(static_cast<std::int64_t>(random_.below(20'000)) - 10'000);
    switch (style_) {
      case 0:
        return count / 10;
      case 1:
        return count / 1e6;
      case 2:
        return 20.0 + static_cast<double>(random_.below(4)) / 8;
      case 3:
        return specials[random_.below(std::size(specials))];
      default:
        return std::bit_cast<double>(random_.next());
    }
  }

  std::int64_t integer() {
    switch (style_) {
      case 0:
        return counter_ += 60;
      case 1:
        return counter_ += static_cast<std::int64_t>(random_.below(100));
      case 2:
        return static_cast<std::int64_t>(random_.below(3));
      case 3:
        return random_.one_in(2) ? std::numeric_limits<std::int64_t>::min() : std::numeric_limits<std::int64_t>::max();
      default:
        return static_cast<std::int64_t>(random_.next());
    }
  }

  Bytes blob() {
    Bytes out(style_ == 2 ? 3 : random_.below(style_ == 4 ? 300 : 6));
    for (std::byte& b : out) b = static_cast<std::byte>(random_.below(style_ == 2 ? 2 : 256));
    return out;
  }

  Xoshiro random_;
  std::uint64_t style_, null_odds_;
  std::int64_t at_ = 1'700'000'000'000'000, counter_ = 1'000'000;
};

/// `body` with the checksum that makes a decoder look at it.
inline Bytes sealed(Bytes body) {
  const std::uint64_t sum = segment_checksum(body);
  Writer(body).u64(sum);
  return body;
}

inline Bytes unsealed(const Bytes& segment) {
  return to_bytes(ByteView(segment).first(segment.size() - segment_checksum_bytes));
}

/// Five rows of every type, a few of them null.
inline Bytes small_segment() {
  SegmentBuilder builder(every_type());
  for (std::int64_t i = 0; i < 5; ++i) {
    const std::string text = i % 2 == 0 ? "on" : "off";
    std::vector<Value> row{21.5 + static_cast<double>(i) / 10, 1480 + i, i == 2, text, to_bytes(text)};
    if (i == 3) row[0] = row[4] = std::monostate{};
    builder.add(micros(1'000'000 * i), row);
  }
  return builder.finish(7);
}

}  // namespace edgesync::stream
