// SPDX-License-Identifier: Apache-2.0
#include "store/sweep.hpp"

#include "store/growth.hpp"
#include "store/journal.hpp"
#include "store/ledger.hpp"
#include "store/quarantine.hpp"
#include "store/records.hpp"
#include "store/version_rows.hpp"
#include "stream/budget.hpp"

#include <algorithm>
#include <set>

namespace edgesync::store {
namespace {

using crdt::LogItem;

constexpr crdt::Stamp column_max = INT64_MAX;

class Sweep {
 public:
  Sweep(SqlTable& table, const Suspicion& suspicion) : table_(table), suspicion_(suspicion) {}

  std::string state_plane(bool versions) {
    note(drop_damaged_journal(table_), "journal entries");
    if (versions) note(drop_damaged_versions(table_), "versions");
    count_cells();
    check_log();
    recover_contexts();
    judge();
    return said_;
  }

  std::string stream_plane() {
    note(damaged_ = drop_damaged_records(table_), "records");
    recover_stream();
    std::uint64_t unknown = 0;
    for (const ReplicaId& origin : stream_origins()) unknown += explain_all(table_, origin);
    if (damaged_ == 0) note(unknown, "records without a trace");
    const auto counts = std::pair(suspicion_.lost_summary ? bytes_ : table_.state().log_items, std::uint64_t{0});
    if (suspicion_.lost_summary) note(1, "fingerprint");
    table_.swept(suspicion_.lost_summary ? sum_ : table_.state().summary, 0, counts);
    return said_;
  }

 private:
  void note(std::uint64_t count, const char* what) {
    if (count > 0) said_ += (said_.empty() ? "" : ", ") + std::to_string(count) + " " + what;
  }

  void count_cells() {
    table_.scan({}, [&](ByteView key, const crdt::Cell& cell) {
      for (const crdt::Entry& entry : cell) {
        sum_.sum += fingerprint(table_.fingerprint_key(), key, entry);
        ++sum_.count;
        bytes_ += entry_bytes(key, entry.value);
        reached_.advance(entry.dot);
      }
      return true;
    });
    note(table_.set_aside(), "cells");
  }

  void check_log() {
    std::uint64_t blocks = 0;
    std::set<ReplicaId> origins(suspicion_.lost.begin(), suspicion_.lost.end());
    for (const auto& item : table_.context().items()) origins.insert(item.replica);
    for (const ReplicaId& origin : origins) blocks += check_log(origin);
    note(blocks, "blocks of the log");
  }

  /// How many blocks of `origin` were damaged.
  std::uint64_t check_log(const ReplicaId& origin) {
    const Oid oid = table_.file().origins.find(origin);
    std::uint64_t damaged = 0;
    crdt::Stamp floor = 0;
    std::vector<std::pair<BlockKey, Bytes>> rows;
    auto items = table_.blocks().readable(oid, [&](const BlockKey& key, ByteView row, crdt::Stamp next) {
      ++damaged;
      floor = std::max(floor, next != 0 ? next : std::max(key.lo, table_.context()[origin]));
      rows.emplace_back(key, to_bytes(row));
    });
    for (const LogItem& item : items) reached_.advance(item.dot);
    if (damaged > 0 || salvaged()) {
      floor = salvaged() ? table_.context()[origin] : floor;
      for (const auto& [key, row] : rows) set_aside(origin, key, row);
      add_live(origin, items);
      table_.blocks().rewrite(oid, items);
      const crdt::Context gone({origin, floor});
      table_.raise_floors(gone);
      rewritten_ = true;
    }
    items_ += items.size();
    removals_ += static_cast<std::uint64_t>(std::count_if(
        items.begin(), items.end(), [](const LogItem& item) { return item.type != LogItem::Type::write; }));
    return damaged;
  }

  void set_aside(const ReplicaId& origin, const BlockKey& key, ByteView row) {
    Bytes place;
    Writer out(place);
    out.u64(key.lo), out.u64(key.part);
    put_aside(table_.file(),
              {Quarantined::Kind::log, table_.sid(), place, "its check does not match", to_string(origin), row});
  }

  /// Neither a summary nor any key is known for sure, as a salvage leaves a scope: whole blocks may be missing.
  bool salvaged() const {
    const auto& lost = table_.state().damaged.ranges();
    return suspicion_.lost_summary && lost.size() == 1 && lost.front() == crdt::KeyRange{};
  }

  /// Every live entry has its item.
  void add_live(const ReplicaId& origin, std::vector<LogItem>& items) {
    std::set<std::pair<crdt::Stamp, Bytes>> known;
    for (const LogItem& item : items)
      if (item.type == LogItem::Type::write) known.emplace(item.dot.stamp, item.key);
    table_.scan({}, [&](ByteView key, const crdt::Cell& cell) {
      for (const crdt::Entry& entry : cell)
        if (entry.dot.replica == origin && !known.contains({entry.dot.stamp, to_bytes(key)}))
          items.push_back({entry.dot, LogItem::Type::write, to_bytes(key), {}, {}});
      return true;
    });
    std::stable_sort(items.begin(), items.end(),
                     [](const LogItem& a, const LogItem& b) { return a.dot.stamp < b.dot.stamp; });
  }

  void recover_contexts() {
    crdt::Context proved, floors;
    for (const ReplicaId& replica : suspicion_.lost) {
      drop_row(replica);
      proved.advance({replica, reached_[replica]});
      floors.advance({replica, reached_[replica]});  // nobody knows which removals were forgotten
    }
    table_.advance(proved);
    table_.raise_floors(floors);
    note(suspicion_.lost.size(), "rows of the context");
  }

  /// Its acks go too: what they were is not known, and a hub says them again.
  void drop_row(const ReplicaId& replica) {
    Query(table_.file().db, Sql::context_drop).bind(table_.sid()).bind(table_.file().origins.find(replica)).step();
  }

  std::vector<ReplicaId> stream_origins() const {
    std::vector<ReplicaId> origins(suspicion_.lost);
    for (const auto& item : table_.context().items()) origins.push_back(item.replica);
    return origins;
  }

  void recover_stream() {
    crdt::Context proved;
    for (const ReplicaId& replica : suspicion_.lost)
      for (const Gap& gap : read_gaps(table_, replica, 0, SIZE_MAX)) proved.advance({replica, gap.last});
    for (const ReplicaId& replica : suspicion_.lost) drop_row(replica);
    Query rows(table_.file().db, Sql::segments_all);
    rows.bind(table_.sid());
    while (rows.step()) {
      const ReplicaId* origin = table_.file().origins.find(rows.number(0));
      if (origin == nullptr) continue;
      sum_.sum += segment_hash(table_.fingerprint_key(), *origin, rows.number(1), rows.blob(3));
      sum_.count += rows.number(2);
      bytes_ += rows.blob(3).size() + stream::row_overhead;
      const bool lost = std::find(suspicion_.lost.begin(), suspicion_.lost.end(), *origin) != suspicion_.lost.end();
      if (lost) proved.advance({*origin, std::min(rows.number(1) + rows.number(2) - 1, column_max)});
    }
    table_.advance(proved);
    note(suspicion_.lost.size(), "rows of the context");
  }

  /// Rows that have gone without a trace show in the fingerprint alone: then nobody knows which keys they had.
  void judge() {
    const bool vanished = !suspicion_.lost_summary && table_.set_aside() == 0 && table_.state().damaged.empty() &&
                          !(sum_ == table_.state().summary);
    if (vanished) {
      table_.add_damage({});
      said_ += (said_.empty() ? "" : ", ") + std::string("rows that left no trace");
    }
    const bool recount = rewritten_ || suspicion_.lost_summary;
    table_.swept(sum_, bytes_, recount ? std::optional(std::pair(items_, removals_)) : std::nullopt);
    if (suspicion_.lost_summary) note(1, "fingerprint");
  }

  SqlTable& table_;
  const Suspicion& suspicion_;
  std::string said_;
  crdt::Summary sum_;
  crdt::Context reached_;
  std::uint64_t items_ = 0, removals_ = 0, bytes_ = 0, damaged_ = 0;
  bool rewritten_ = false;
};

}  // namespace

std::string sweep(SqlTable& table, Plane plane, const Suspicion& suspicion) {
  Sweep sweep(table, suspicion);
  return plane == Plane::stream ? sweep.stream_plane() : sweep.state_plane(plane == Plane::config);
}

}  // namespace edgesync::store
