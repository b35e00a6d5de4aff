// SPDX-License-Identifier: Apache-2.0
#include "store/sql_table.hpp"

#include "base/planted.hpp"
#include "store/admission.hpp"
#include "store/cell_codec.hpp"
#include "store/growth.hpp"
#include "store/row_check.hpp"

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
  told_.reset();
  begin(false);
  end();
}

void SqlTable::begin(bool remember) {
  remember_ = remember;
  writing_ = true;
  mending_ = healing_ = false;
  aside_ = 0;
  replaced_.clear();
  replaced_bytes_ = 0;
  latest_ = 0;
  logged_ = written_ = 0;
}

std::optional<crdt::Cell> SqlTable::decode(ByteView key, ByteView row) {
  const auto entries = open_cell(row, sid_, key);
  auto cell = entries ? decode_cell(*entries, file_.origins) : std::nullopt;
  return cell && !cell->empty() ? std::move(cell) : std::nullopt;
}

crdt::Cell SqlTable::find(ByteView key) {
  Bytes damaged;
  {
    Query row(file_.db, Sql::cell_find);
    if (!row.bind(sid_).bind(key).step()) return nothing_at(key);
    if (auto cell = decode(key, row.blob(0))) return *std::move(cell);
    damaged = to_bytes(row.blob(0));
  }
  meet(key, damaged);
  return nothing_at(key);
}

void SqlTable::add(Page& page, ByteView key, ByteView row) {
  if (auto cell = decode(key, row))
    page.cells.emplace_back(to_bytes(key), *std::move(cell));
  else
    page.damaged.emplace_back(to_bytes(key), to_bytes(row));
  page.last = to_bytes(key);
  page.bytes += key.size() + row.size();
}

bool SqlTable::read_page(const crdt::KeyRange& range, std::size_t rows_max, Page& page) {
  Query rows(file_.db, range.high.empty() ? Sql::cell_scan : Sql::cell_scan_to);
  rows.bind(sid_).bind(range.low);
  if (!range.high.empty()) rows.bind(range.high);
  while (rows.step()) {
    add(page, rows.blob(0), rows.blob(1));
    if (page.cells.size() + page.damaged.size() >= rows_max || page.bytes >= page_bytes_max) return true;
  }
  return false;
}

void SqlTable::scan(const crdt::KeyRange& range, const Visit& visit) {
  // In pages, so that no statement is open while the visitor runs: it may look at the table itself.
  crdt::KeyRange rest = range;
  std::size_t rows_max = page_rows_first;
  bool found = false;
  for (bool more = true; more; rows_max = page_rows_max) {
    Page page;
    more = read_page(rest, rows_max, page);
    if (file_.db.failed()) return;
    for (const auto& [key, row] : page.damaged) meet(key, row);
    found = found || !page.cells.empty();
    if (!std::all_of(page.cells.begin(), page.cells.end(), [&](const auto& at) { return visit(at.first, at.second); }))
      break;
    rest.low = page.last;
    rest.low.push_back(std::byte{0});  // the very next key
  }
  tell_unknown(range, found);
}

void SqlTable::replace(ByteView key, const crdt::Cell& before, const crdt::Cell& after) {
  // It may divide a range, of which there must not be any number.
  if (mending_ && state_.damaged.ranges().size() < damaged_ranges_max) mend(only(key));
  if (before.empty() && after.empty()) return;
  for (const crdt::Entry& entry : before) state_.summary.sum -= fingerprint(fingerprint_key_, key, entry);
  for (const crdt::Entry& entry : after) state_.summary.sum += fingerprint(fingerprint_key_, key, entry);
  state_.summary.count += after.size();
  state_.summary.count -= before.size();
  state_.bytes += cell_bytes(key, after);
  state_.bytes -= cell_bytes(key, before);
  summary_dirty_ = true;
  if (remember_ && !healing_ && !forgot() && !replaced_.contains(key)) remember(key, before);
  write(key, !before.empty(), after);
  if (crdt::is_counter_of(key, file_.replica())) remember_counter(key, before, after);
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
  seal_cell(scratch_, sid_, key);
  oversized_ = oversized_ || after.size() > crdt::cell_entries_max || scratch_.size() > cell_bytes_max;
  Query(file_.db, existed ? Sql::cell_update : Sql::cell_insert).bind(sid_).bind(key).bind(scratch_).step();
}

void SqlTable::remember_counter(ByteView key, const crdt::Cell& before, const crdt::Cell& after) {
  const auto own = [&](const crdt::Cell& cell) {
    const auto at = std::find_if(cell.rbegin(), cell.rend(),
                                 [&](const crdt::Entry& entry) { return entry.dot.replica == file_.replica(); });
    return at == cell.rend() ? nullptr : &*at;
  };
  const crdt::Entry *was = own(before), *is = own(after);
  if (was == nullptr || (is != nullptr && is->dot == was->dot)) return;
  if (is == nullptr) return void(Query(file_.db, Sql::counter_delete).bind(sid_).bind(key).step());
  auto versions = counter_versions(key).value_or(crdt::CounterVersions{});
  const Bytes known = versions.encode();
  versions.replaced(*was, is->dot.stamp, stable_own_);
  if (const Bytes now = versions.encode(); now != known)
    Query(file_.db, Sql::counter_put).bind(sid_).bind(key).bind(now).step();
}

std::optional<crdt::CounterVersions> SqlTable::counter_versions(ByteView key) {
  Query row(file_.db, Sql::counter_find);
  if (!row.bind(sid_).bind(key).step()) return std::nullopt;
  auto versions = crdt::CounterVersions::decode(row.blob(0));
  if (!versions) file_.db.corrupt("counter: scope " + std::to_string(sid_) + ", key " + to_hex(key) + ": damaged");
  return versions;
}

void SqlTable::rewind(const crdt::Dot& to) {
  state_.context = crdt::lowered(state_.context, to);
  state_.floors = crdt::lowered(state_.floors, to);
  risen_.push_back(to.replica);
  const auto [items, removals] = log_.cut(to);
  count_log(-static_cast<std::int64_t>(items), -static_cast<std::int64_t>(removals));
}

void SqlTable::remember(ByteView key, const crdt::Cell& before) {
  constexpr std::size_t overhead = 64;  // of a map's node, or of an entry
  replaced_bytes_ += 2 * (overhead + key.size());
  for (const crdt::Entry& entry : before) replaced_bytes_ += overhead + entry.value.size();
  if (forgot())
    replaced_.clear();
  else
    replaced_.emplace(to_bytes(key), before);
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
  log_.save();  // what an earlier part of the same batch appended counts as well
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

/// Over the numbers of the row as the statements' row_check() takes them, and over the sum.
std::uint32_t SqlTable::summary_check(ByteView sum) const {
  Bytes numbers;
  Writer out(numbers);
  for (const std::uint64_t number :
       {std::uint64_t{sid_}, std::uint64_t{0}, state_.summary.count, state_.removals, state_.log_items, state_.version})
    out.u64(number);
  return row_check({row_check({}, numbers)}, sum);
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
  Bytes sum = to_bytes(state_.summary.sum);
  Writer(sum).u64(state_.bytes);
  append_check(sum, summary_check(sum));
  Query(file_.db, Sql::summary_put)
      .bind(sid_)
      .bind(state_.summary.count)
      .bind(state_.removals)
      .bind(state_.log_items)
      .bind(state_.version)
      .bind(sum)
      .step();
  summary_dirty_ = false;
}

}  // namespace edgesync::store
