// SPDX-License-Identifier: Apache-2.0
// Reference: a second decoder of segments, written from SEGMENT.md alone and as plainly as it reads: bit by bit, value
// by value, with no code of the codec. It is for well-formed segments; anything else throws std::out_of_range.
#pragma once

#include <edgesync/records.hpp>

#include <bit>
#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <vector>

namespace edgesync::stream {

class Reference {
 public:
  explicit Reference(Bytes segment) : in_(std::move(segment)) {}

  std::vector<Record> records() {
    u8(), u8();
    const std::uint64_t first = varint();
    count_ = varint();
    const std::int64_t from = svarint();
    varint();
    for (std::uint64_t i = varint(); i > 0; --i) {
      types_.push_back(static_cast<ColumnType>(u8()));
      blob();
    }
    skip_directory();
    std::vector<Record> records(count_);
    std::vector<std::uint64_t> times;
    for (std::uint64_t row = 0; row < count_; row += 1024) append(times, integers(rows_of_block(row)));
    for (std::uint64_t i = 0; i < count_; ++i) {
      records[i].sequence = first + i;
      records[i].at =
          Timestamp(Timestamp::duration(static_cast<std::int64_t>(static_cast<std::uint64_t>(from) + times.at(i))));
    }
    for (const ColumnType type : types_) column(type, records);
    if (at_ + 8 != in_.size()) throw std::out_of_range("bytes left");
    return records;
  }

 private:
  using Numbers = std::vector<std::uint64_t>;
  static void append(Numbers& to, const Numbers& some) { to.insert(to.end(), some.begin(), some.end()); }

  std::uint8_t u8() { return std::to_integer<std::uint8_t>(in_.at(at_++)); }
  std::uint64_t u64() {
    std::uint64_t value = 0;
    for (int i = 0; i < 8; ++i) value = value << 8 | u8();
    return value;
  }
  std::uint64_t varint() {
    std::uint64_t value = 0, byte = 0x80;
    for (unsigned shift = 0; byte >= 0x80; shift += 7) byte = u8(), value |= (byte & 0x7f) << shift;
    return value;
  }
  std::int64_t svarint() {
    const std::uint64_t code = varint();
    return static_cast<std::int64_t>(code % 2 == 0 ? code / 2 : ~(code / 2));
  }
  Bytes raw(std::uint64_t size) {
    Bytes out;
    for (; size > 0; --size) out.push_back(static_cast<std::byte>(u8()));
    return out;
  }
  Bytes blob() { return raw(varint()); }
  std::uint64_t rows_of_block(std::uint64_t row) const { return std::min<std::uint64_t>(1024, count_ - row); }

  void skip_directory() {
    const auto lengths = [&] {
      for (std::uint64_t row = 0; row < count_; row += 1024) varint();
    };
    lengths();
    for (const ColumnType type : types_) {
      varint();  // the nulls, or the bytes of the dictionary
      if (type < ColumnType::text) {
        const unsigned known = u8() & 3U;  // 4: some are NaN
        if (known > 0) type == ColumnType::f64 ? doubles(2) : integers(2);
        if (known > 1) type == ColumnType::f64 ? u64() : static_cast<std::uint64_t>(svarint());
      }
      lengths();
    }
  }

  Numbers groups(std::uint64_t count) {
    Numbers out;
    std::uint64_t base = 0;
    while (out.size() < count) {
      const std::uint64_t size = std::min<std::uint64_t>(128, count - out.size()), start = out.size();
      const unsigned head = u8(), width = head & 0x7fU;
      base += static_cast<std::uint64_t>(svarint());
      const Bytes bits = raw((size * width + 7) / 8);
      for (std::uint64_t i = 0; i < size; ++i) {
        std::uint64_t value = 0;
        for (unsigned bit = 0; bit < width; ++bit) {
          const std::uint64_t position = i * width + bit;
          value |= (std::to_integer<std::uint64_t>(bits.at(position / 8)) >> position % 8 & 1) << bit;
        }
        out.push_back(base + value);
      }
      for (unsigned i = head >= 0x80 ? u8() : 0; i > 0; --i) {
        const std::uint64_t position = u8();
        out.at(start + position) = base + static_cast<std::uint64_t>(svarint());
      }
    }
    return out;
  }

  Numbers integers(std::uint64_t count) {
    if (count == 0) return {};
    const unsigned form = u8(), order = form & 3;
    Numbers out;
    std::uint64_t delta = 0;
    if (order >= 1) out.push_back(static_cast<std::uint64_t>(svarint()));
    if (order == 2) delta = static_cast<std::uint64_t>(svarint()), out.push_back(out[0] + delta);
    std::uint64_t offset = 0, divisor = 1;
    if ((form & 8) != 0) offset = static_cast<std::uint64_t>(svarint()), divisor = varint();
    Numbers coded;
    if ((form & 4) != 0) {
      coded.assign(count - order, static_cast<std::uint64_t>(svarint()));
    } else {
      coded = groups(count - order);
    }
    for (const std::uint64_t number : coded) {
      const std::uint64_t value = offset + divisor * number;
      delta = order == 2 ? delta + value : value;
      out.push_back(order == 0 ? value : out.back() + delta);
    }
    return out;
  }

  static double power(unsigned scale) { return std::stod("1e" + std::to_string(scale)); }
  static double restored(std::int64_t n, unsigned scale, unsigned way) {
    const auto number = static_cast<double>(n);
    if (way == 1) return number * std::stod("1e-" + std::to_string(scale));
    const double quotient = number / power(scale);
    return way == 2 ? static_cast<double>(static_cast<float>(quotient)) : quotient;
  }

  Numbers doubles(std::uint64_t count) {
    if (count == 0) return {};
    const unsigned form = u8();
    if (form >= 0x80) {
      Numbers out = integers(count);
      for (std::uint64_t& bits : out) bits = ((bits / 2) << (form & 63)) | (bits % 2) << 63;
      return out;
    }
    std::vector<std::pair<std::uint64_t, std::uint64_t>> misses;
    std::uint64_t next = 0;
    for (std::uint64_t left = varint(); left > 0; --left) {
      next += varint();
      misses.emplace_back(next++, u64());
    }
    Numbers out = integers(count);
    for (std::uint64_t& word : out) {
      word = std::bit_cast<std::uint64_t>(restored(static_cast<std::int64_t>(word), form & 31, form >> 5));
    }
    for (const auto& [position, bits] : misses) out.at(position) = bits;
    return out;
  }

  void column(ColumnType type, std::vector<Record>& records) {
    std::vector<Bytes> entries;
    bool dictionary = false;
    if (type >= ColumnType::text) {
      dictionary = u8() == 1;
      for (std::uint64_t i = dictionary ? varint() : 0; i > 0; --i) entries.push_back(blob());
    }
    for (std::uint64_t row = 0; row < count_; row += 1024) {
      const unsigned form = u8();
      Numbers null(rows_of_block(row), form == 2 ? 1 : 0);
      if (form == 1) null = integers(null.size());
      const std::vector<Value> values = block(type, dictionary, entries, null);
      std::size_t next = 0;
      for (std::uint64_t i = 0; i < null.size(); ++i)
        records.at(row + i).fields.push_back(null[i] != 0 ? Value{} : values.at(next++));
    }
  }

  std::vector<Value> block(ColumnType type, bool dictionary, const std::vector<Bytes>& entries, const Numbers& null) {
    std::uint64_t count = 0;
    for (const std::uint64_t flag : null) count += 1 - flag;
    std::vector<Value> out;
    for (const std::uint64_t word : type == ColumnType::f64 ? doubles(count) : integers(count)) {
      if (type == ColumnType::f64) out.emplace_back(std::bit_cast<double>(word));
      if (type == ColumnType::i64) out.emplace_back(static_cast<std::int64_t>(word));
      if (type == ColumnType::boolean) out.emplace_back(word == 1);
      if (type >= ColumnType::text) out.emplace_back(dictionary ? entries.at(word) : Bytes(word));
    }
    if (type < ColumnType::text) return out;
    for (Value& value : out) {
      Bytes bytes = std::get<Bytes>(value);
      if (!dictionary) bytes = raw(bytes.size());
      value = std::move(bytes);
      if (type == ColumnType::text) {
        const Bytes& held = std::get<Bytes>(value);
        value = std::string(reinterpret_cast<const char*>(held.data()), held.size());
      }
    }
    return out;
  }

  Bytes in_;
  std::size_t at_ = 0;
  std::uint64_t count_ = 0;
  std::vector<ColumnType> types_{};
};

}  // namespace edgesync::stream
