// SPDX-License-Identifier: Apache-2.0
// Columns of texts and booleans. Texts repeat a lot in telemetry (states, units, models), so a column becomes a
// dictionary and indices whenever that is smaller than lengths and data.
#include "stream/column.hpp"
#include "stream/integers.hpp"

#include <algorithm>
#include <string_view>
#include <unordered_map>

namespace edgesync::stream {
namespace {

enum TextForm : std::uint8_t { plain = 0, dictionary = 1 };
enum BooleanForm : std::uint8_t { all_false = 0, all_true = 1, mixed = 2 };

struct Dictionary {
  std::vector<ByteView> entries{};
  std::vector<std::int64_t> indices{};
};

ByteView value_at(std::span<const std::uint64_t> ends, ByteView arena, std::size_t i) {
  const auto from = static_cast<std::size_t>(i == 0 ? 0 : ends[i - 1]);
  return arena.subspan(from, static_cast<std::size_t>(ends[i]) - from);
}

Dictionary build_dictionary(std::span<const std::uint64_t> ends, ByteView arena) {
  Dictionary result;
  result.indices.reserve(ends.size());
  std::unordered_map<std::string_view, std::int64_t> known;
  for (std::size_t i = 0; i < ends.size(); ++i) {
    const ByteView value = value_at(ends, arena, i);
    const auto [entry, added] = known.try_emplace(as_text(value), static_cast<std::int64_t>(result.entries.size()));
    if (added) result.entries.push_back(value);
    result.indices.push_back(entry->second);
  }
  return result;
}

Bytes encode_plain(std::span<const std::uint64_t> ends, ByteView arena) {
  std::vector<std::int64_t> lengths(ends.size());
  for (std::size_t i = 0; i < ends.size(); ++i) lengths[i] = static_cast<std::int64_t>(value_at(ends, arena, i).size());
  Bytes out;
  Writer writer(out);
  writer.u8(TextForm::plain);
  encode_integers(lengths, out);
  writer.raw(arena);
  return out;
}

Bytes encode_dictionary(const Dictionary& built) {
  Bytes out;
  Writer writer(out);
  writer.u8(TextForm::dictionary);
  writer.varint(built.entries.size());
  for (ByteView entry : built.entries) writer.blob(entry);
  encode_integers(built.indices, out);
  return out;
}

bool charge(std::size_t& budget, std::size_t amount) {
  if (amount > budget) return false;
  budget -= amount;
  return true;
}

bool decode_plain(Reader& in, std::span<ByteView> values, std::size_t& budget) {
  std::vector<std::int64_t> lengths(values.size());
  if (!decode_integers(in, lengths)) return false;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (lengths[i] < 0) return in.fail(), false;
    values[i] = in.raw(static_cast<std::uint64_t>(lengths[i]));
    if (in.failed() || !charge(budget, values[i].size())) return false;
  }
  return true;
}

bool decode_dictionary(Reader& in, std::span<ByteView> values, std::size_t& budget) {
  const std::size_t count = in.count();
  if (in.failed() || count > values.size()) return in.fail(), false;
  std::vector<ByteView> entries(count);
  for (ByteView& entry : entries) entry = in.blob();
  std::vector<std::int64_t> indices(values.size());
  if (in.failed() || !decode_integers(in, indices)) return false;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (indices[i] < 0 || static_cast<std::uint64_t>(indices[i]) >= count) return in.fail(), false;
    values[i] = entries[static_cast<std::size_t>(indices[i])];
    if (!charge(budget, values[i].size())) return false;
  }
  return true;
}

}  // namespace

void encode_texts(std::span<const std::uint64_t> ends, ByteView arena, Bytes& out) {
  if (ends.empty()) return;
  const Bytes lengths_and_data = encode_plain(ends, arena);
  const Dictionary built = build_dictionary(ends, arena);
  Writer writer(out);
  if (built.entries.size() < ends.size()) {
    const Bytes indexed = encode_dictionary(built);
    if (indexed.size() < lengths_and_data.size()) return writer.raw(indexed);
  }
  writer.raw(lengths_and_data);
}

bool decode_texts(Reader& in, std::span<ByteView> values, std::size_t& budget) {
  if (values.empty()) return true;
  const std::uint8_t form = in.u8();
  if (in.failed()) return false;
  if (form == TextForm::plain) return decode_plain(in, values, budget);
  if (form == TextForm::dictionary) return decode_dictionary(in, values, budget);
  return in.fail(), false;
}

void encode_booleans(std::span<const std::uint64_t> values, Bytes& out) {
  if (values.empty()) return;
  Writer writer(out);
  if (std::all_of(values.begin(), values.end(), [&](std::uint64_t v) { return v == values[0]; })) {
    return writer.u8(values[0] != 0 ? BooleanForm::all_true : BooleanForm::all_false);
  }
  writer.u8(BooleanForm::mixed);
  encode_bits(values, out);
}

bool decode_booleans(Reader& in, std::span<std::uint64_t> values) {
  if (values.empty()) return true;
  const std::uint8_t form = in.u8();
  if (in.failed() || form > BooleanForm::mixed) return in.fail(), false;
  if (form == BooleanForm::mixed) return decode_bits(in, values);
  std::fill(values.begin(), values.end(), form == BooleanForm::all_true ? 1 : 0);
  return true;
}

void encode_bits(std::span<const std::uint64_t> bits, Bytes& out) {
  const std::size_t start = out.size();
  out.resize(start + (bits.size() + 7) / 8);
  for (std::size_t i = 0; i < bits.size(); ++i) {
    if (bits[i] != 0) out[start + i / 8] |= static_cast<std::byte>(1U << (i % 8));
  }
}

bool decode_bits(Reader& in, std::span<std::uint64_t> bits) {
  const ByteView packed = in.raw((bits.size() + 7) / 8);
  if (in.failed()) return false;
  for (std::size_t i = 0; i < bits.size(); ++i) bits[i] = std::to_integer<std::uint64_t>(packed[i / 8]) >> (i % 8) & 1;
  if (bits.size() % 8 == 0) return true;
  if (std::to_integer<unsigned>(packed.back()) >> (bits.size() % 8) == 0) return true;
  return in.fail(), false;
}

}  // namespace edgesync::stream
