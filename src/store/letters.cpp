// SPDX-License-Identifier: Apache-2.0
#include "store/letters.hpp"

#include "crdt/transaction.hpp"
#include "crdt/value_codec.hpp"
#include "store/cell_codec.hpp"
#include "store/row_check.hpp"
#include "store/version_content.hpp"
#include "store/version_rows.hpp"

namespace edgesync::store {
namespace {

/// One cell that stands by itself.
class OneCell final : public crdt::CellSource {
 public:
  OneCell(ByteView key, crdt::Cell cell) : key_(key), cell_(std::move(cell)) {}
  crdt::Cell find(ByteView key) override { return equal(key, key_) ? cell_ : crdt::Cell(); }
  void scan(const crdt::KeyRange& range, const Visit& visit) override {
    if (range.contains(key_)) visit(key_, cell_);
  }

 private:
  ByteView key_;
  crdt::Cell cell_;
};

void describe_cell(std::uint32_t sid, Quarantined& item, const Origins& origins) {
  if (const auto parts = crdt::split(item.place)) item.key = parts->path;
  const auto shown = show_cell(sid, item, origins);
  item.sound = read_cell(sid, item, origins).has_value();
  if (!shown) return;
  item.values = shown->members;
  if (shown->type != crdt::Shown::Type::set) item.values.push_back(shown->value);
}

}  // namespace

Bytes encode(const VersionLetter& letter) {
  Bytes bytes;
  Writer out(bytes);
  out.varint(letter.role);
  out.blob(letter.manifest);
  out.blob(letter.base);
  out.blob(letter.content);
  return bytes;
}

std::optional<std::pair<config::Release, VersionRole>> read_version(std::uint32_t sid, const Quarantined& item) {
  Reader in(item.body);
  const std::uint64_t role = in.varint();
  const ByteView manifest = in.blob(), base = in.blob(), body = in.blob();
  if (!in.done()) return std::nullopt;
  auto proved = prove_version(sid, manifest, role);
  if (!proved) return std::nullopt;
  // A version without content is known from its peers anyway, and a patch says nothing by itself.
  auto content = open_whole(sid, {proved->manifest.number, to_hex(proved->manifest.id)}, base, body);
  if (!content) return std::nullopt;
  return std::pair(config::Release{std::move(proved->manifest), *std::move(content)}, proved->role);
}

std::optional<crdt::Cell> read_cell(std::uint32_t sid, const Quarantined& item, const Origins& origins) {
  const auto entries = open_cell(item.body, sid, item.place);
  return entries ? decode_cell(*entries, origins) : std::nullopt;
}

std::optional<crdt::Shown> show_cell(std::uint32_t sid, const Quarantined& item, const Origins& origins) {
  const auto parts = crdt::split(item.place);
  auto cell = read_cell(sid, item, origins);
  if (!parts || !cell) return std::nullopt;
  OneCell only(item.place, *std::move(cell));
  return crdt::show(only, parts->path);
}

Bytes encode(const RecordsPlace& place) {
  Bytes bytes;
  Writer out(bytes);
  out.u64(place.oid), out.u64(place.first), out.u64(place.count);
  return bytes;
}

std::optional<RecordsPlace> read_records_place(const Quarantined& item) {
  Reader in(item.place);
  RecordsPlace place;
  place.oid = in.u64(), place.first = in.u64(), place.count = in.u64();
  const auto info = stream::inspect(item.body);
  if (!in.done() || !info || info->first != place.first || info->count != place.count) return std::nullopt;
  return place;
}

void describe(std::uint32_t sid, Quarantined& item, const Origins& origins) {
  switch (item.kind) {
    case Quarantined::Kind::cell:
      return describe_cell(sid, item, origins);
    case Quarantined::Kind::records:
    case Quarantined::Kind::refused: {
      auto records =
          read_records_place(item) ? stream::decode(item.body) : Result<std::vector<Record>>(std::vector<Record>());
      item.sound = records && !records->empty();
      if (records) item.records = *std::move(records);
      return;
    }
    case Quarantined::Kind::version: {
      const auto version = read_version(sid, item);
      item.sound = version.has_value();
      if (version) item.number = version->first.manifest.number;
      return;
    }
    case Quarantined::Kind::log:
    case Quarantined::Kind::journal:
      return;
  }
}

}  // namespace edgesync::store
