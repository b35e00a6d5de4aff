// SPDX-License-Identifier: Apache-2.0
#include "store/journal.hpp"

#include "crdt/hlc.hpp"
#include "store/cell_codec.hpp"
#include "store/quarantine.hpp"
#include "store/row_check.hpp"

#include <algorithm>
#include <set>

namespace edgesync::store {
namespace {

std::uint32_t check_of(SqlTable& table, std::uint64_t version, std::int64_t at, ByteView images) {
  return row_check({table.sid(), version, static_cast<std::uint64_t>(at)}, images);
}

Bytes encode_images(const CellMap& images, Origins& origins) {
  Bytes bytes, cell;
  Writer out(bytes), entries(cell);
  out.varint(images.size());
  for (const auto& [key, before] : images) {
    cell.clear();
    encode_cell(entries, before, origins);
    out.blob(key);
    out.blob(cell);
  }
  return bytes;
}

struct Image {
  JournalEntry entry{};
  CellMap before{};
};

/// The newest entry below `version`. A damaged one is none, and said to be.
std::optional<Image> read_entry(SqlTable& table, std::uint64_t version,
                                std::optional<std::pair<std::uint64_t, Bytes>>& damaged) {
  Query row(table.file().db, Sql::history);
  if (!row.bind(table.sid()).bind(version).step()) return std::nullopt;
  Image image;
  image.entry.version = row.number(0);
  image.entry.at = Timestamp(Timestamp::duration(row.integer(1)));
  const ByteView body = row.blob(2);
  const ByteView images = body.first(body.size() - std::min(body.size(), check_bytes));
  const bool stands = check_at_end(body) == check_of(table, image.entry.version, row.integer(1), images);
  auto before = stands ? decode_images(images, table.file().origins) : std::nullopt;
  if (!before) {
    damaged = {image.entry.version, to_bytes(body)};
    return std::nullopt;
  }
  image.before = *std::move(before);
  return image;
}

std::uint64_t stored_bytes(SqlTable& table) {
  Query sum(table.file().db, Sql::history_bytes);
  return sum.bind(table.sid()).step() ? sum.number(0) : 0;
}

/// Forgets entries through version `through`, and older ones first until no more than journal_bytes_max are left.
void forget(SqlTable& table, std::uint64_t through, std::uint64_t& bytes) {
  for (;;) {
    std::uint64_t version = 0;
    {
      Query oldest(table.file().db, Sql::history_oldest);
      if (!oldest.bind(table.sid()).step()) return;
      version = oldest.number(0);
      if (version > through && bytes <= journal_bytes_max) return;
      bytes -= std::min(bytes, oldest.number(1));
    }
    Query(table.file().db, Sql::history_trim).bind(table.sid()).bind(version).step();
  }
}

std::vector<PathChange> changes_between(ScopeId id, crdt::CellSource& before, crdt::CellSource& after,
                                        const CellMap& touched) {
  std::set<std::string> paths;
  for (const auto& [key, cell] : touched)
    if (auto parts = crdt::split(key)) paths.insert(std::move(parts->path));
  std::vector<PathChange> changes;
  for (const std::string& path : paths)
    changes.push_back({id, path, crdt::show(before, path), crdt::show(after, path)});
  return changes;
}

}  // namespace

crdt::Cell BeforeView::find(ByteView key) {
  const auto at = replaced_.find(key);
  return at == replaced_.end() ? now_.find(key) : at->second;
}

void BeforeView::scan(const crdt::KeyRange& range, const Visit& visit) {
  auto next = replaced_.lower_bound(ByteView(range.low));
  const auto end = replaced_.end();
  bool more = true;
  const auto emit_until = [&](const ByteView* key) {
    for (; more && next != end && (key != nullptr ? compare(next->first, *key) < 0 : range.contains(next->first));
         ++next)
      more = next->second.empty() || visit(next->first, next->second);
  };
  now_.scan(range, [&](ByteView key, const crdt::Cell& cell) {
    emit_until(&key);
    const bool was = next != end && equal(next->first, key);
    const crdt::Cell& before = was ? (next++)->second : cell;
    if (more && !before.empty()) more = visit(key, before);
    return more;
  });
  emit_until(nullptr);
}

std::optional<CellMap> decode_images(ByteView bytes, const Origins& origins) {
  CellMap images;
  Reader in(bytes);
  for (std::size_t left = in.count(2); left > 0; --left) {
    Bytes key = to_bytes(in.blob());
    auto cell = decode_cell(in.blob(), origins);
    if (in.failed() || !cell) return std::nullopt;
    images.emplace(std::move(key), *std::move(cell));
  }
  if (!in.done()) return std::nullopt;
  return images;
}

void write_journal(SqlTable& table, std::uint32_t versions) {
  SqliteDb& db = table.file().db;
  if (versions == 0) {
    // An entry left out here would make walking back across it wrong.
    if (table.state().version != 0) Query(db, Sql::history_trim).bind(table.sid()).bind(table.state().version).step();
    table.journal_bytes().reset();
    return;
  }
  if (table.replaced().empty() && !table.forgot()) return;
  const std::uint64_t version = table.next_version();
  const auto at = crdt::Hlc::wall(table.latest()).time_since_epoch().count();
  Bytes body = encode_images(table.replaced(), table.file().origins);
  append_check(body, check_of(table, version, at, body));
  std::optional<std::uint64_t>& known = table.journal_bytes();
  std::uint64_t bytes = known ? *known : stored_bytes(table);
  if (body.size() > journal_bytes_max || table.forgot()) {
    forget(table, version, bytes);  // walking back ends where an entry is missing
  } else {
    Query(db, Sql::history_put).bind(table.sid()).bind(version).bind(std::int64_t{at}).bind(body).step();
    bytes += body.size();
  }
  forget(table, version > versions ? version - versions : 0, bytes);
  known = bytes;
}

Result<std::vector<JournalEntry>> read_journal(SqlTable& table, ScopeId id, std::size_t limit) {
  std::vector<JournalEntry> entries;
  CellMap later;  // the oldest image of each key touched by the entries read so far
  std::uint64_t below = INT64_MAX;
  while (entries.size() < limit) {
    std::optional<std::pair<std::uint64_t, Bytes>> damaged;
    auto image = read_entry(table, below, damaged);
    if (damaged) table.want_sweep();
    if (!image) break;
    below = image->entry.version;
    BeforeView after(table, later), before(after, image->before);
    image->entry.changes = changes_between(id, before, after, image->before);
    entries.push_back(std::move(image->entry));
    for (auto& [key, cell] : image->before) later.insert_or_assign(key, std::move(cell));
  }
  if (auto good = table.file().check(); !good) return good.error();
  return entries;
}

std::size_t drop_damaged_journal(SqlTable& table) {
  std::uint64_t below = INT64_MAX;
  std::optional<std::pair<std::uint64_t, Bytes>> damaged;
  while (const auto image = read_entry(table, below, damaged)) below = image->entry.version;
  if (!damaged) return 0;
  Bytes place;
  Writer(place).u64(damaged->first);
  put_aside(table.file(),
            {Quarantined::Kind::journal, table.sid(), place, "its check does not match", {}, damaged->second});
  Query(table.file().db, Sql::history_trim).bind(table.sid()).bind(damaged->first).step();
  table.journal_bytes().reset();
  return 1;
}

}  // namespace edgesync::store
