// SPDX-License-Identifier: Apache-2.0
#include "store/quarantine.hpp"

namespace edgesync::store {
namespace {

constexpr std::string_view lost_key = "quarantine_lost", replayed_key = "quarantine_replayed",
                           dropped_key = "quarantine_dropped";

void drop_aside(File& file, std::uint64_t id) { Query(file.db, Sql::aside_drop).bind(id).step(); }

std::uint64_t counted(File& file, std::string_view key) {
  Query row(file.db, Sql::meta_get);
  return row.bind_text(key).step() ? row.number(0) : 0;
}

void count(File& file, std::string_view key, std::uint64_t more) {
  if (more == 0) return;
  const std::uint64_t before = counted(file, key);
  Query(file.db, Sql::meta_put).bind_text(key).bind(before + more).step();
}

/// Makes room for one row of `bytes`. Refused segments, which are good, stay: they never take more than half.
void make_room(File& file, std::size_t bytes) {
  std::uint64_t gone = 0;
  for (;;) {
    std::uint64_t oldest = 0;
    {
      Query row(file.db, Sql::aside_size);
      if (!row.bind(static_cast<std::uint32_t>(Quarantined::Kind::refused)).step()) break;
      const bool fits = row.number(0) < quarantine_rows_max && row.number(1) + bytes <= quarantine_bytes_max;
      if (fits || row.number(2) == 0) break;
      oldest = row.number(2);
    }
    drop_aside(file, oldest);
    ++gone;
  }
  count(file, lost_key, gone);
}

void put(File& file, const Aside& aside, ByteView body) {
  Query(file.db, Sql::aside_put)
      .bind(static_cast<std::uint32_t>(aside.kind))
      .bind(aside.sid)
      .bind(aside.place)
      .bind_text(aside.reason)
      .bind_text(aside.origin)
      .bind(std::int64_t{file.now.time_since_epoch().count()})
      .bind(body)
      .step();
}

}  // namespace

void put_aside(File& file, const Aside& aside) {
  const ByteView body = aside.body.first(std::min(aside.body.size(), quarantine_bytes_max / 2));
  make_room(file, body.size());
  put(file, aside, body);
}

bool put_refused_aside(File& file, const Aside& aside) {
  {
    Query row(file.db, Sql::aside_refused_size);
    const bool fits = row.bind(static_cast<std::uint32_t>(Quarantined::Kind::refused)).step() &&
                      row.number(0) < quarantine_rows_max / 2 &&
                      row.number(1) + aside.body.size() <= quarantine_bytes_max / 2;
    if (!fits) return false;
  }
  make_room(file, aside.body.size());
  put(file, aside, aside.body);
  return true;
}

Result<std::vector<AsideRow>> read_aside(File& file, std::uint64_t id, std::size_t limit) {
  std::vector<AsideRow> rows;
  {
    Query query(file.db, Sql::aside_list);
    query.bind(id);
    while (rows.size() < limit && query.step()) {
      AsideRow& row = rows.emplace_back();
      row.sid = static_cast<std::uint32_t>(query.number(2));
      row.item.id = query.number(0);
      row.item.kind = static_cast<Quarantined::Kind>(query.number(1));
      row.item.place = to_bytes(query.blob(3));
      row.item.reason = std::string(as_text(query.blob(4)));
      row.item.origin = std::string(as_text(query.blob(5)));
      row.item.at = Timestamp(Timestamp::duration(query.integer(6)));
      row.item.body = to_bytes(query.blob(7));
    }
  }
  if (auto good = file.check(); !good) return good.error();
  return rows;
}

void release_aside(File& file, const std::vector<std::uint64_t>& ids, bool replayed) {
  for (const std::uint64_t id : ids) drop_aside(file, id);
  count(file, replayed ? replayed_key : dropped_key, ids.size());
}

Result<QuarantineCounts> count_aside(File& file) {
  QuarantineCounts counts;
  {
    Query row(file.db, Sql::aside_size);
    row.bind(std::uint32_t{0});
    if (row.step()) counts.held = row.number(0), counts.bytes = row.number(1);
  }
  counts.lost = counted(file, lost_key);
  counts.replayed = counted(file, replayed_key);
  counts.dropped = counted(file, dropped_key);
  if (auto good = file.check(); !good) return good.error();
  return counts;
}

}  // namespace edgesync::store

namespace edgesync {

const char* name(Quarantined::Kind kind) noexcept {
  switch (kind) {
    case Quarantined::Kind::cell:
      return "cell";
    case Quarantined::Kind::log:
      return "log";
    case Quarantined::Kind::records:
      return "records";
    case Quarantined::Kind::version:
      return "version";
    case Quarantined::Kind::journal:
      return "journal";
    case Quarantined::Kind::refused:
      return "refused";
  }
  return "unknown";
}

}  // namespace edgesync
