// SPDX-License-Identifier: Apache-2.0
#include "store/records.hpp"

#include "base/planted.hpp"
#include "store/ledger.hpp"
#include "store/letters.hpp"
#include "store/retention.hpp"
#include "stream/origin_signature.hpp"

namespace edgesync::store {
namespace {

/// A stored segment is what was written: its own checksum, and the numbers of its row.
bool stands(std::uint64_t first, std::uint64_t count, ByteView body) {
  const auto info = stream::inspect(body);
  return info && info->first == first && info->count == count;
}

bool as_claimed(const RemoteSegment& segment) {
  const auto info = stream::inspect(segment.body);
  return info && info->first == segment.first && info->count == segment.count && info->last <= INT64_MAX;
}

}  // namespace

Hash128 segment_hash(const Hash128& key, const ReplicaId& origin, std::uint64_t first, ByteView body) noexcept {
  std::array<std::byte, 8> number;
  for (std::size_t i = 0; i < number.size(); ++i) number[i] = static_cast<std::byte>(first >> (8 * i));
  SipHash hash(key);
  hash.add(origin.bytes);
  hash.add(number);
  hash.add(stream::without_signature(body));  // its origin has none
  return hash.finish();
}

Result<void> storable(const RemoteSegment& segment) {
  const auto info = stream::inspect(segment.body);
  if (!info && (info.error().is(Errc::unsupported) || info.error().is(Errc::limit_exceeded))) return info.error();
  const std::size_t bytes = stream::without_signature(segment.body).size();
  if (bytes <= stream::encoded_segment_bytes_max) return {};  // a relay could not send a larger one on
  return Error(Errc::limit_exceeded, "segment " + std::to_string(segment.first) + ": " + std::to_string(bytes) +
                                         " bytes, more than " + std::to_string(stream::encoded_segment_bytes_max));
}

void restore_segment(SqlTable& table, const RemoteSegment& segment) {
  File& file = table.file();
  Query(file.db, Sql::segment_put)
      .bind(table.sid())
      .bind(file.origins.intern(segment.origin))
      .bind(segment.first)
      .bind(segment.count)
      .bind(file.age)
      .bind(segment.body)
      .step();
  table.count_bytes(static_cast<std::int64_t>(segment.body.size() + stream::row_overhead));
  fill_gap(table, segment.origin, segment.first, segment.first + segment.count - 1);
}

bool set_segment_aside(SqlTable& table, const RefusedSegment& refused) {
  File& file = table.file();
  const auto found = read_segments(table, refused.origin, refused.last - std::min<std::uint64_t>(refused.last, 1), 1);
  if (!found) return false;
  if (found->empty() || found->front().first + found->front().count - 1 != refused.last) return true;
  const StoredSegment& segment = found->front();
  const Oid oid = file.origins.find(refused.origin);
  const Bytes place = encode(RecordsPlace{oid, segment.first, segment.count});
  if (!put_refused_aside(file, {Quarantined::Kind::refused, table.sid(), place, refused.reason,
                                to_string(refused.origin), segment.body}))
    return false;
  drop_segment(table, {refused.origin, segment.first, segment.count, segment.body.size(), 0}, DropReason::refused);
  // The hub never counts it, and the two are to agree.
  Hash128 none{};
  none -= segment_hash(table.fingerprint_key(), refused.origin, segment.first, segment.body);
  table.count_in(none, std::uint64_t{0} - segment.count);
  return true;
}

void put_segment(SqlTable& table, const RemoteSegment& segment) {
  restore_segment(table, segment);
  table.count_in(segment_hash(table.fingerprint_key(), segment.origin, segment.first, segment.body), segment.count);
  table.advance(crdt::Context({segment.origin, segment.first + segment.count - 1}));
}

void erase_segment(SqlTable& table, const ReplicaId& origin, const StoredSegment& segment) {
  File& file = table.file();
  Query(file.db, Sql::segment_delete).bind(table.sid()).bind(file.origins.find(origin)).bind(segment.first).step();
  Hash128 none{};
  none -= segment_hash(table.fingerprint_key(), origin, segment.first, segment.body);
  table.count_in(none, std::uint64_t{0} - segment.count);
  table.count_bytes(-static_cast<std::int64_t>(segment.body.size() + stream::row_overhead));
}

bool take_segment(SqlTable& table, const RemoteSegment& segment) {
  // Nobody else numbers this replica's records.
  if (segment.origin == table.file().replica() || !as_claimed(segment)) return false;
  const std::uint64_t held = table.context()[segment.origin];
  if (segment.first + segment.count - 1 <= held && !planted(Bug::skip_dedupe)) return true;
  if (segment.first <= held && !planted(Bug::skip_dedupe)) return false;  // some of it is here, in another segment
  if (segment.first > held + 1 && !planted(Bug::apply_over_gap)) return false;
  put_segment(table, segment);
  return true;
}

void trim_records(SqlTable& table, const Trim& trim) {
  File& file = table.file();
  const Oid oid = file.origins.find(trim.origin);
  const std::uint64_t through = std::min<std::uint64_t>(trim.through, INT64_MAX);
  std::uint64_t trimmed = 0;
  while (oid != 0) {
    std::uint64_t first = 0, bytes = 0;
    {
      Query row(file.db, Sql::segments_through);
      if (!row.bind(table.sid()).bind(oid).bind(through).step()) break;
      first = row.number(0);
      bytes = row.number(2) + stream::row_overhead;
      trimmed = std::max(trimmed, first + row.number(1) - 1);
    }
    Query(file.db, Sql::segment_delete).bind(table.sid()).bind(oid).bind(first).step();
    table.count_bytes(-static_cast<std::int64_t>(bytes));
  }
  trimmed = std::max(trimmed, forget_gaps(table, trim.origin, through));
  table.raise_floors(crdt::Context({trim.origin, trimmed}));
}

std::uint64_t drop_damaged_records(SqlTable& table) {
  struct Damaged {
    Oid oid = 0;
    std::uint64_t first = 0, count = 0;
    Bytes body{};
  };
  std::vector<Damaged> damaged;
  {
    Query rows(table.file().db, Sql::segments_all);
    rows.bind(table.sid());
    while (rows.step())
      if (!stands(rows.number(1), rows.number(2), rows.blob(3)))
        damaged.push_back({rows.number(0), rows.number(1), rows.number(2), to_bytes(rows.blob(3))});
  }
  std::uint64_t records = 0;
  for (const Damaged& row : damaged) {
    const Bytes place = encode(RecordsPlace{row.oid, row.first, row.count});
    const ReplicaId* origin = table.file().origins.find(row.oid);
    const std::string name = origin != nullptr ? to_string(*origin) : std::string();
    put_aside(table.file(),
              {Quarantined::Kind::records, table.sid(), place, "its checksum does not match", name, row.body});
    Query(table.file().db, Sql::segment_delete).bind(table.sid()).bind(row.oid).bind(row.first).step();
    table.count_bytes(-static_cast<std::int64_t>(row.body.size() + stream::row_overhead));
    records += row.count;
  }
  return records;
}

Result<std::vector<StoredSegment>> read_segments(SqlTable& table, const ReplicaId& origin, std::uint64_t after,
                                                 std::size_t bytes_max) {
  File& file = table.file();
  std::vector<StoredSegment> segments;
  std::size_t bytes = 0;
  const Oid oid = file.origins.find(origin);
  if (oid != 0 && after < INT64_MAX) {
    Query rows(file.db, Sql::segments_after);
    rows.bind(table.sid()).bind(oid).bind(after + 1);
    while ((segments.empty() || bytes < bytes_max) && rows.step()) {
      const std::uint64_t first = rows.number(0), count = rows.number(1);
      if (first + count - 1 <= after) continue;
      if (!stands(first, count, rows.blob(2))) {  // its records are a gap to whoever reads on
        table.want_sweep();
        continue;
      }
      segments.push_back({first, static_cast<std::uint32_t>(count), to_bytes(rows.blob(2))});
      bytes += segments.back().body.size();
    }
  }
  if (auto good = file.check(); !good) return good.error();
  return segments;
}

}  // namespace edgesync::store
