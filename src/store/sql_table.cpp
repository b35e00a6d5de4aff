// SPDX-License-Identifier: Apache-2.0
#include "store/sql_table.hpp"

#include "base/planted.hpp"
#include "store/admission.hpp"
#include "store/cell_codec.hpp"

#include <algorithm>

namespace edgesync::store {
namespace {

constexpr std::size_t page_rows_first = 16, page_rows_max = 256;
constexpr std::size_t page_bytes_max = 256 * 1024;

}  // namespace

void SqlTable::reset(Durable state) {
  state_ = std::move(state);
  log_.drop_tails();
  risen_.clear();
  summary_dirty_ = damage_dirty_ = false;
  journal_bytes_.reset();
  begin(false);
}

void SqlTable::begin(bool remember) {
  remember_ = remember;
  replaced_.clear();
  latest_ = 0;
  logged_ = written_ = 0;
}

crdt::Cell SqlTable::decode(ByteView key, ByteView entries) {
  auto cell = decode_cell(entries, file_.origins);
  if (cell && !cell->empty()) return *std::move(cell);
  file_.db.corrupt("cell: scope " + std::to_string(sid_) + ", key " + to_hex(key) + ": damaged");
  return {};
}

crdt::Cell SqlTable::find(ByteView key) {
  Query row(file_.db, Sql::cell_find);
  return row.bind(sid_).bind(key).step() ? decode(key, row.blob(0)) : crdt::Cell{};
}

bool SqlTable::read_page(const crdt::KeyRange& range, std::size_t rows_max, Page& page) {
  Query rows(file_.db, range.high.empty() ? Sql::cell_scan : Sql::cell_scan_to);
  rows.bind(sid_).bind(range.low);
  if (!range.high.empty()) rows.bind(range.high);
  std::size_t bytes = 0;
  while (rows.step()) {
    page.emplace_back(to_bytes(rows.blob(0)), decode(rows.blob(0), rows.blob(1)));
    bytes += rows.blob(0).size() + rows.blob(1).size();
    if (page.size() >= rows_max || bytes >= page_bytes_max) return true;
  }
  return false;
}

void SqlTable::scan(const crdt::KeyRange& range, const Visit& visit) {
  // In pages, so that no statement is open while the visitor runs: it may look at the table itself.
  crdt::KeyRange rest = range;
  Page page;
  std::size_t rows_max = page_rows_first;
  for (bool more = true; more;) {
    page.clear();
    more = read_page(rest, rows_max, page);
    if (file_.db.failed()) return;
    for (const auto& [key, cell] : page)
      if (!visit(key, cell)) return;
    if (!more) return;
    rest.low = page.back().first;
    rest.low.push_back(std::byte{0});  // the very next key
    rows_max = page_rows_max;
  }
}

void SqlTable::replace(ByteView key, const crdt::Cell& before, const crdt::Cell& after) {
  if (before.empty() && after.empty()) return;
  for (const crdt::Entry& entry : before) state_.summary.sum -= fingerprint(fingerprint_key_, key, entry);
  for (const crdt::Entry& entry : after) state_.summary.sum += fingerprint(fingerprint_key_, key, entry);
  state_.summary.count += after.size();
  state_.summary.count -= before.size();
  summary_dirty_ = true;
  if (remember_ && !replaced_.contains(key)) replaced_.emplace(to_bytes(key), before);
  write(key, !before.empty(), after);
  if (planted(Bug::tear_transaction) && ++written_ == 1) tear();
}

void SqlTable::write(ByteView key, bool existed, const crdt::Cell& after) {
  if (after.empty()) {
    Query(file_.db, Sql::cell_delete).bind(sid_).bind(key).step();
    return;
  }
  scratch_.clear();
  Writer out(scratch_);
  encode_cell(out, after, file_.origins);
  oversized_ = oversized_ || after.size() > crdt::cell_entries_max || scratch_.size() > cell_bytes_max;
  Query(file_.db, existed ? Sql::cell_update : Sql::cell_insert).bind(sid_).bind(key).bind(scratch_).step();
}

void SqlTable::tear() {
  Query(file_.db, Sql::commit).step();
  Query(file_.db, Sql::begin).step();
}

void SqlTable::advance(const crdt::Context& to) {
  for (const crdt::Context::Item& item : to.items())
    if (item.stamp > state_.context[item.replica]) latest_ = std::max(latest_, item.stamp);
  raise(state_.context, to);
}

void SqlTable::raise(crdt::Context& context, const crdt::Context& to) {
  for (const crdt::Context::Item& item : to.items()) {
    if (item.stamp <= context[item.replica]) continue;
    context.advance({item.replica, item.stamp});
    risen_.push_back(item.replica);
  }
}

void SqlTable::log(const crdt::LogItem& item) {
  log_.append(item);
  ++logged_;
  count_log(1, item.type == crdt::LogItem::Type::write ? 0 : 1);
}

void SqlTable::scan_log(const ReplicaId& replica, crdt::Stamp after,
                        const Function<bool(const crdt::LogItem&)>& visit) {
  const Oid oid = file_.origins.find(replica);
  if (oid == 0) return;
  for (auto read = log_.block_at(oid, after); read; read = log_.block_after(read->block.key()))
    for (const crdt::LogItem& item : read->items)
      if (item.dot.stamp > after && !visit(item)) return;
}

void SqlTable::count_in(const Hash128& hash, std::uint64_t count) {
  state_.summary.sum += hash;
  state_.summary.count += count;
  summary_dirty_ = true;
}

void SqlTable::count_log(std::int64_t items, std::int64_t removals) {
  state_.log_items += static_cast<std::uint64_t>(items);
  state_.removals += static_cast<std::uint64_t>(removals);
  summary_dirty_ = true;
}

std::uint64_t SqlTable::next_version() {
  summary_dirty_ = true;
  return ++state_.version;
}

void SqlTable::add_damage(crdt::KeyRange range) {
  state_.damaged.add(std::move(range));
  damage_dirty_ = true;
}

void SqlTable::mend(const crdt::KeyRange& range) {
  if (!state_.damaged.meets(range)) return;
  state_.damaged.remove(range);
  damage_dirty_ = true;
}

void SqlTable::save_damage() {
  if (!std::exchange(damage_dirty_, false)) return;
  Query(file_.db, Sql::damage_clear).bind(sid_).step();
  for (const crdt::KeyRange& range : state_.damaged.ranges())
    Query(file_.db, Sql::damage_put).bind(sid_).bind(range.low).bind(range.high).step();
}

void SqlTable::save() {
  log_.save();
  save_damage();
  std::sort(risen_.begin(), risen_.end());
  risen_.erase(std::unique(risen_.begin(), risen_.end()), risen_.end());
  for (const ReplicaId& replica : risen_)
    Query(file_.db, Sql::context_put)
        .bind(sid_)
        .bind(file_.origins.intern(replica))
        .bind(state_.context[replica])
        .bind(state_.floors[replica])
        .step();
  risen_.clear();
  if (!summary_dirty_) return;
  Query(file_.db, Sql::summary_put)
      .bind(sid_)
      .bind(state_.summary.count)
      .bind(state_.removals)
      .bind(state_.log_items)
      .bind(state_.version)
      .bind(to_bytes(state_.summary.sum))
      .step();
  summary_dirty_ = false;
}

}  // namespace edgesync::store
