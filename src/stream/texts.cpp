// SPDX-License-Identifier: Apache-2.0
#include "stream/texts.hpp"

#include "stream/bits.hpp"
#include "stream/integers.hpp"

#include <algorithm>
#include <array>
#include <bit>

namespace edgesync::stream {
namespace {

// Slots looked at before a value is taken for a new one. A value that is in the dictionary twice only costs bytes, so
// whoever makes hashes collide wins nothing.
constexpr std::size_t probes_max = 8;
constexpr std::size_t slots_min = 64;

// Multiply and fold, eight bytes at a time. The same on every machine, because what collides is what is written twice.
std::uint64_t hash_of(ByteView value) noexcept {
  std::uint64_t hash = value.size() * 0x9e3779b97f4a7c15U;
  const auto mix = [&](std::uint64_t word) { hash = (hash ^ word) * 0xff51afd7ed558ccdU, hash ^= hash >> 32; };
  std::size_t at = 0;
  for (; at + 8 <= value.size(); at += 8) mix(load_word(value.data() + at));
  std::uint64_t rest = 0;
  for (; at < value.size(); ++at) rest = rest << 8 | std::to_integer<std::uint64_t>(value[at]);
  mix(rest);
  return hash;
}

bool same(ByteView a, ByteView b) noexcept {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0);
}

}  // namespace

ByteView Texts::entry(std::size_t index) const noexcept {
  const std::size_t from = index == 0 ? 0 : ends_[index - 1];
  return ByteView(arena_).subspan(from, ends_[index] - from);
}

void Texts::add(ByteView value) {
  plain_bytes_ += value.size();
  const bool repeated = !indices_.empty() && same(value, entry(indices_.back()));
  indices_.push_back(repeated ? indices_.back() : find_or_add(value));
}

void Texts::clear() noexcept {
  arena_.clear();
  ends_.clear();
  indices_.clear();
  std::fill(slots_.begin(), slots_.end(), 0U);
  plain_bytes_ = 0;
}

std::uint32_t Texts::append(ByteView value) {
  arena_.insert(arena_.end(), value.begin(), value.end());
  ends_.push_back(arena_.size());
  return static_cast<std::uint32_t>(ends_.size() - 1);
}

std::uint32_t Texts::find_or_add(ByteView value) {
  if (ends_.size() * 2 >= slots_.size()) grow();
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = hash_of(value) & mask;
  for (std::size_t probe = 0; probe < probes_max; ++probe, at = (at + 1) & mask) {
    if (slots_[at] == 0) return slots_[at] = append(value) + 1, slots_[at] - 1;
    if (same(entry(slots_[at] - 1), value)) return slots_[at] - 1;
  }
  return append(value);
}

void Texts::grow() {
  slots_.assign(std::max(slots_min, slots_.size() * 2), 0);
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t i = 0; i < ends_.size(); ++i) {
    std::size_t at = hash_of(entry(i)) & mask;
    for (std::size_t probe = 0; probe < probes_max && slots_[at] != 0; ++probe) at = (at + 1) & mask;
    if (slots_[at] == 0) slots_[at] = static_cast<std::uint32_t>(i + 1);
  }
}

bool Texts::repeats() const noexcept {
  const std::size_t entries = ends_.size();
  const std::size_t index_bits = static_cast<std::size_t>(std::bit_width(entries));
  return arena_.size() + entries + indices_.size() * index_bits / 8 < plain_bytes_ + indices_.size() / 2;
}

void Texts::encode_entries(Bytes& out) const {
  Writer writer(out);
  writer.varint(ends_.size());
  for (std::size_t i = 0; i < ends_.size(); ++i) writer.blob(entry(i));
}

void Texts::encode_indices(std::size_t from, std::size_t count, Bytes& out) const {
  encode_integers(std::span(indices_).subspan(from, count), out);
}

void Texts::encode_plain(std::size_t from, std::size_t count, Bytes& out) const {
  std::array<std::uint64_t, block_values> lengths;
  const auto some = std::span(indices_).subspan(from, count);
  for (std::size_t i = 0; i < count; ++i) lengths[i] = entry(some[i]).size();
  encode_integers(std::span(lengths).first(count), out);
  Writer writer(out);
  for (const std::uint64_t index : some) writer.raw(entry(index));
}

bool decode_entries(Reader& in, std::size_t entries_max, std::vector<ByteView>& entries) {
  const std::size_t count = in.count();
  if (count > entries_max) return in.fail(), false;
  entries.resize(count);
  for (ByteView& entry : entries) entry = in.blob();
  return !in.failed();
}

bool decode_indices(Reader& in, std::span<const ByteView> entries, std::span<ByteView> values) {
  std::array<std::uint64_t, block_values> indices;
  const auto some = std::span(indices).first(values.size());
  if (!decode_integers(in, some)) return false;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (some[i] >= entries.size()) return in.fail(), false;
    values[i] = entries[some[i]];
  }
  return true;
}

bool decode_plain(Reader& in, std::span<ByteView> values) {
  std::array<std::uint64_t, block_values> lengths;
  const auto some = std::span(lengths).first(values.size());
  if (!decode_integers(in, some)) return false;
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = in.raw(some[i]);
  return !in.failed();
}

}  // namespace edgesync::stream
