// SPDX-License-Identifier: Apache-2.0
#include "stream/masking.hpp"

#include "base/hash.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace edgesync::stream {
namespace {

constexpr std::size_t key_bytes_max = 64;  // a longer one would have to be hashed first, and is no better
constexpr std::size_t hash_bytes = 16;
constexpr double whole_steps_max = 9007199254740992.0;  // 2^53: beyond, a double is no nearer to a multiple than to any

/// Why the mask is none for a column of that type; null: it is one.
const char* fault(const Mask& mask, ColumnType type) noexcept {
  const bool texts = type == ColumnType::text || type == ColumnType::bytes;
  switch (mask.kind()) {
    case Mask::Kind::drop:
      return nullptr;
    case Mask::Kind::hash:
      if (!texts) return "hash is for text and bytes";
      return mask.key().empty() || mask.key().size() > key_bytes_max ? "the key is not 1 to 64 bytes" : nullptr;
    case Mask::Kind::round:
      if (type != ColumnType::f64 && type != ColumnType::i64) return "round is for f64 and i64";
      if (!(mask.step() > 0) || !std::isfinite(mask.step()) || !std::isfinite(1 / mask.step()))
        return "the step is not above 0 and finite";
      if (type == ColumnType::i64 && (mask.step() != std::floor(mask.step()) || mask.step() > whole_steps_max))
        return "the step is not whole";
      return nullptr;
  }
  return "there is no such mask";
}

/// HMAC (RFC 2104). Requires: a key of at most one block.
Sha256Digest hmac(std::string_view key, std::initializer_list<ByteView> parts) {
  std::array<std::byte, 64> inner{}, outer{};
  for (std::size_t i = 0; i < inner.size(); ++i) {
    const auto byte = i < key.size() ? static_cast<std::byte>(key[i]) : std::byte{};
    inner[i] = byte ^ std::byte{0x36};
    outer[i] = byte ^ std::byte{0x5c};
  }
  Sha256 first, second;
  first.add(inner);
  for (const ByteView part : parts) first.add(part);
  second.add(outer);
  second.add(first.finish());
  return second.finish();
}

Value hashed(const Column& column, const std::string& key, const Value& value) {
  constexpr std::byte zero{};
  const auto* held = std::get_if<std::string>(&value);
  const ByteView bytes = held != nullptr ? as_view(*held) : ByteView(std::get<Bytes>(value));
  const Sha256Digest digest = hmac(key, {as_view(column.name), ByteView(&zero, 1), bytes});
  const ByteView half = ByteView(digest).first(hash_bytes);
  return held != nullptr ? Value(to_hex(half)) : Value(to_bytes(half));
}

double rounded(double step, double value) noexcept {
  if (!(std::abs(value / step) < whole_steps_max)) return value;  // NaN and the infinities among them
  // Division by a whole number gives short decimals back, multiplication by a tenth does not.
  const double inverse = 1 / step;
  if (inverse == std::floor(inverse)) return std::round(value * inverse) / inverse;
  const double nearest = std::round(value / step) * step;
  return std::isfinite(nearest) ? nearest : std::trunc(value / step) * step;
}

std::int64_t rounded(std::int64_t step, std::int64_t value) noexcept {
  const std::int64_t rest = value % step, nearer = value - rest;
  if (std::abs(rest) < step - std::abs(rest)) return nearer;
  std::int64_t further = 0;
  return __builtin_add_overflow(nearer, value < 0 ? -step : step, &further) ? nearer : further;
}

Value masked(const Column& column, const Mask& mask, const Value& value) {
  if (std::holds_alternative<std::monostate>(value)) return value;
  if (mask.kind() == Mask::Kind::hash) return hashed(column, mask.key(), value);
  const auto* whole = std::get_if<std::int64_t>(&value);
  if (column.type == ColumnType::i64) return rounded(static_cast<std::int64_t>(mask.step()), *whole);
  return rounded(mask.step(), whole != nullptr ? static_cast<double>(*whole) : std::get<double>(value));
}

}  // namespace

Result<void> validate(const Masks& masks, const Schema& whole) {
  const auto& columns = whole.columns;
  std::size_t dropped = 0;
  for (const auto& [name, mask] : masks) {
    const std::string& named = name;
    const auto bad = [&](const char* why) {
      return Error(Errc::invalid_argument, "masks: column '" + printable(named) + "': " + why);
    };
    const auto column =
        std::find_if(columns.begin(), columns.end(), [&](const Column& one) { return one.name == named; });
    if (column == columns.end()) return bad("there is none");
    if (const char* why = fault(mask, column->type)) return bad(why);
    dropped += mask.kind() == Mask::Kind::drop ? 1 : 0;
  }
  if (dropped < columns.size()) return {};
  return Error(Errc::invalid_argument, "masks: no column is left: such a stream is local_only");
}

void write_masks(Writer& out, const Masks& masks) {
  out.varint(masks.size());
  for (const auto& [name, mask] : masks) {
    out.blob(as_view(name));
    out.u8(static_cast<std::uint8_t>(mask.kind()));
    if (mask.kind() == Mask::Kind::hash) out.blob(as_view(mask.key()));
    if (mask.kind() == Mask::Kind::round) out.u64(std::bit_cast<std::uint64_t>(mask.step()));
  }
}

Masks read_masks(Reader& in) {
  Masks masks;
  for (std::size_t left = in.count(2); left > 0 && !in.failed(); --left) {
    const std::string name(as_text(in.blob()));
    const auto kind = static_cast<Mask::Kind>(in.u8());
    Mask mask = Mask::drop();
    if (kind == Mask::Kind::hash) mask = Mask::hash(std::string(as_text(in.blob())));
    if (kind == Mask::Kind::round) mask = Mask::round(std::bit_cast<double>(in.u64()));
    if (mask.kind() != kind || !masks.emplace(name, std::move(mask)).second) in.fail();
  }
  return masks;
}

Masking::Masking(Schema whole, const Masks& masks) : whole_(std::move(whole)) {
  for (const Column& column : whole_.columns) {
    const auto mask = masks.find(column.name);
    masks_.push_back(mask == masks.end() ? std::nullopt : std::optional(mask->second));
    if (!masks_.back() || masks_.back()->kind() != Mask::Kind::drop) shipped_.columns.push_back(column);
  }
}

std::vector<Value> Masking::apply(std::span<const Value> row) const {
  std::vector<Value> fields;
  fields.reserve(shipped_.columns.size());
  for (std::size_t i = 0; i < row.size(); ++i) {
    if (!masks_[i])
      fields.push_back(row[i]);
    else if (masks_[i]->kind() != Mask::Kind::drop)
      fields.push_back(masked(whole_.columns[i], *masks_[i], row[i]));
  }
  return fields;
}

}  // namespace edgesync::stream
