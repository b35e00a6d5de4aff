// SPDX-License-Identifier: Apache-2.0
#include "store/sealing.hpp"

#include "base/planted.hpp"
#include "store/records.hpp"
#include "stream/segment.hpp"

namespace edgesync::store {
namespace {

constexpr std::size_t fold_bytes = stream::segment_cut_bytes / 4;  // decoded; on a slow link others wait for one
constexpr std::uint64_t full_bytes = fold_bytes / 4;               // encoded; to fold these gains little

struct Found {
  std::uint64_t first = 0, count = 0, bytes = 0, at = 0;
};

std::vector<Found> rows_after(SqlTable& table, std::uint64_t after) {
  std::vector<Found> rows;
  Query row(table.file().db, Sql::segments_beyond);
  row.bind(table.sid()).bind(table.file().origins.find(table.file().replica())).bind(after);
  while (row.step()) rows.push_back({row.number(0), row.number(1), row.number(2), row.number(3)});
  return rows;
}

/// Consecutive small segments, on their way to be one.
class Fold {
 public:
  Fold(SqlTable& table, const stream::Schema& schema) : table_(table), rows_(schema) {}

  /// False if the file is not what it was.
  bool take(const Found& row) {
    auto read = read_segments(table_, self(), row.first - 1, 1);
    if (!read || read->empty() || read->front().first != row.first) return false;
    const auto records = stream::decode(read->front().body);
    if (!records) return false;
    std::size_t bytes = 0;
    for (const Record& record : *records) bytes += stream::record_bytes(record.fields);
    if (next_ != row.first || rows_.bytes_estimate() + bytes > fold_bytes) write();
    const bool lost =
        planted(Bug::lose_tail_row) && !segments_.empty() && row.first + row.count > table_.context()[self()];
    if (!lost)
      for (const Record& record : *records) rows_.add(record.at, record.fields);
    next_ = row.first + (lost ? 0 : row.count);
    segments_.push_back(std::move(read->front()));
    return true;
  }

  void write() {
    const auto count = static_cast<std::uint32_t>(rows_.size());
    const std::uint64_t first = next_ - count;
    const Bytes body = count > 0 ? rows_.finish(first) : Bytes{};
    if (segments_.size() > 1) {
      for (const StoredSegment& segment : segments_) erase_segment(table_, self(), segment);
      put_segment(table_, {{}, self(), first, count, body});
    }
    segments_.clear();
  }

 private:
  const ReplicaId& self() const noexcept { return table_.file().replica(); }

  SqlTable& table_;
  stream::SegmentBuilder rows_;
  std::vector<StoredSegment> segments_;  // what is in `rows_`
  std::uint64_t next_ = 0;
};

}  // namespace

std::uint64_t seal_records(SqlTable& table, const Sealing& sealing, const stream::Schema& schema) {
  const std::vector<Found> rows = rows_after(table, sealing.after);
  if (sealing.segments == 0 || rows.size() < sealing.segments) return sealing.after;
  Fold fold(table, schema);
  for (const Found& row : rows) {
    if (row.bytes >= full_bytes || row.at < sealing.at_least)
      fold.write();
    else if (!fold.take(row))
      break;
  }
  fold.write();
  return table.context()[table.file().replica()];
}

}  // namespace edgesync::store
