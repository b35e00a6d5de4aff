// SPDX-License-Identifier: Apache-2.0
// SqlTable: rows that are not what was written.
#include "store/cell_codec.hpp"
#include "store/quarantine.hpp"
#include "store/row_check.hpp"
#include "store/sql_table.hpp"

#include <algorithm>
#include <map>

namespace edgesync::store {
namespace {

/// True for the ranges that the cells of one path, or some of them, are read by (crdt/key.hpp).
bool of_one_path(const crdt::KeyRange& range) noexcept {
  const auto end = std::find(range.low.begin(), range.low.end(), std::byte{0});
  const auto path = static_cast<std::size_t>(end - range.low.begin());
  return end != range.low.end() && range.high.size() > path && range.high[path] <= std::byte{1} &&
         equal(ByteView(range.high).first(path), ByteView(range.low).first(path));
}

}  // namespace

void SqlTable::add_damage(crdt::KeyRange range) {
  state_.damaged.add(std::move(range));
  // Beyond some number it is not single rows that are lost: what lies between them is asked for as well.
  if (const auto& all = state_.damaged.ranges(); all.size() > damaged_ranges_max)
    state_.damaged.add({all.front().low, all.back().high});
  damage_dirty_ = true;
}

void SqlTable::mend(const crdt::KeyRange& range) {
  if (!state_.damaged.meets(range)) return;
  state_.damaged.remove(range);
  damage_dirty_ = true;
}

void SqlTable::mend(const std::vector<crdt::KeyRange>& ranges, const std::vector<Bytes>& left) {
  std::vector<crdt::KeyRange> still;
  for (const Bytes& key : left)
    if (unknown(key)) still.push_back(only(key));
  for (const crdt::KeyRange& range : ranges) mend(range);
  for (crdt::KeyRange& key : still) add_damage(std::move(key));
}

void SqlTable::put_cell_aside(ByteView key, const crdt::Cell& cell, std::string_view reason) {
  Bytes row;
  Writer out(row);
  encode_cell(out, cell, file_.origins);
  seal_cell(row, sid_, key);
  put_aside(file_, {Quarantined::Kind::cell, sid_, key, reason, {}, row});
}

/// A peer lists all that it holds of a key: if that is here now, the key is known again. But what was lost may be what
/// the peer had not seen yet when it made the list.
void SqlTable::mend_listed(const crdt::Delta& delta) {
  if (state_.damaged.empty() || !delta.upto.covers(state_.context)) return;
  for (const crdt::KeyState& state : delta.keys) {
    if (!unknown(state.key)) continue;
    const crdt::Cell cell = find(state.key);
    const bool all = std::all_of(state.listed.begin(), state.listed.end(),
                                 [&](const crdt::Listed& listed) { return holds(cell, listed.entry.dot); });
    if (all && !state.listed.empty()) mend(only(state.key));
  }
}

void SqlTable::restore_log(const ReplicaId& replica, std::span<const crdt::LogItem> items) {
  const Oid oid = file_.origins.intern(replica);
  bool damaged = false;
  log_.save();
  std::vector<crdt::LogItem> all = log_.readable(oid, [&](const BlockKey&, ByteView, crdt::Stamp) { damaged = true; });
  if (damaged) return want_sweep();  // which gives every live entry its item
  all.insert(all.end(), items.begin(), items.end());
  std::stable_sort(all.begin(), all.end(),
                   [](const crdt::LogItem& a, const crdt::LogItem& b) { return a.dot.stamp < b.dot.stamp; });
  log_.rewrite(oid, all);
  count_log(static_cast<std::int64_t>(items.size()), 0);
}

void SqlTable::save_damage() {
  if (!std::exchange(damage_dirty_, false)) return;
  Query(file_.db, Sql::damage_clear).bind(sid_).step();
  for (const crdt::KeyRange& range : state_.damaged.ranges())
    Query(file_.db, Sql::damage_put).bind(sid_).bind(range.low).bind(range.high).step();
}

/// What is lost with a row that may have stood under any key between those next to `key`: all of these, but for what
/// this replica removed last. Whoever removes a key has read its row, so it was another's; but what the removal had not
/// seen may have come since, so not a key that the row's check is of.
RangeSet SqlTable::around(ByteView key, ByteView row) {
  crdt::KeyRange range;
  {
    Query before(file_.db, Sql::cell_before);
    if (before.bind(sid_).bind(key).step()) range.low = only(before.blob(0)).high;
  }
  {
    Query after(file_.db, Sql::cell_after);
    if (after.bind(sid_).bind(key).step()) range.high = to_bytes(after.blob(0));
  }
  RangeSet lost, news;
  lost.add(range);
  news.add(range);
  for (const crdt::KeyRange& known : state_.damaged.ranges()) news.remove(known);
  if (news.empty()) return lost;  // of a scope that was salvaged many rows may be like this one
  for (const Bytes& removed : removed_last(range)) {
    if (lost.ranges().size() == damaged_ranges_max) break;
    if (!equal(removed, key) && !key_stands(row, sid_, removed)) lost.remove(only(removed));
  }
  return lost;
}

/// The keys in `range` that this replica removed, by the log later than anybody wrote them. None if a part of the log
/// cannot be read.
std::vector<Bytes> SqlTable::removed_last(const crdt::KeyRange& range) {
  struct Known {
    crdt::Stamp removed = 0;  ///< By this replica.
    crdt::Stamp written = 0;  ///< By anybody.
  };
  std::map<Bytes, Known, BytesLess> keys;
  bool damaged = false;
  log_.save();
  // Of all origins: the context may have lost some.
  for (Oid oid = 1; file_.origins.find(oid) != nullptr; ++oid)
    for (const crdt::LogItem& item :
         log_.readable(oid, [&](const BlockKey&, ByteView, crdt::Stamp) { damaged = true; })) {
      if (item.type == crdt::LogItem::Type::remove_range || !range.contains(item.key)) continue;
      const bool write = item.type == crdt::LogItem::Type::write;
      crdt::Stamp& last = write ? keys[item.key].written : keys[item.key].removed;
      if (write || item.dot.replica == file_.replica()) last = std::max(last, item.dot.stamp);
    }
  std::vector<Bytes> removed;
  for (const auto& [key, known] : keys)
    if (!damaged && known.removed > known.written) removed.push_back(key);
  return removed;
}

void SqlTable::meet(ByteView key, ByteView row) {
  if (!writing_ && noted_.contains(key)) return;
  RangeSet lost;
  if (key_stands(row, sid_, key))
    lost.add(only(key));
  else
    lost = around(key, row);
  wants_sweep_ = true;
  if (writing_) {
    put_aside(file_, {Quarantined::Kind::cell, sid_, key, "its check does not match", {}, row});
    Query(file_.db, Sql::cell_delete).bind(sid_).bind(key).step();
    ++aside_;
  }
  for (const crdt::KeyRange& range : lost.ranges()) writing_ ? add_damage(range) : noted_.add(range);
}

crdt::Cell SqlTable::nothing_at(ByteView key) {
  if (!writing_ && !unknown_ && unknown(key))
    unknown_ = Error(Errc::storage_corrupt, "store: " + file_.db.path() + ": the row of key " + to_hex(key) +
                                                " is damaged; a peer may still have it");
  return {};
}

void SqlTable::tell_unknown(const crdt::KeyRange& range, bool found) {
  // A scan over many paths goes on past a damaged row. Whoever asks for one path must not take part of it for all.
  if (writing_ || unknown_ || !of_one_path(range)) return;
  for (const RangeSet* set : {&state_.damaged, &noted_})
    for (const crdt::KeyRange& lost : set->ranges())
      if (RangeSet one; one.add(lost), one.meets(range) && (!found || range.contains(lost.low)))
        nothing_at(range.contains(lost.low) ? lost.low : range.low);
}

void SqlTable::swept(const crdt::Summary& summary, std::uint64_t bytes,
                     std::optional<std::pair<std::uint64_t, std::uint64_t>> logged) {
  summary_dirty_ |= !(state_.summary == summary) || state_.bytes != bytes || logged;
  state_.summary = summary;
  state_.bytes = bytes;
  if (logged) state_.log_items = logged->first, state_.removals = logged->second;
  noted_ = {};
  wants_sweep_ = false;
}

}  // namespace edgesync::store
