// SPDX-License-Identifier: Apache-2.0
#include "store/upkeep.hpp"

#include "base/planted.hpp"

#include <algorithm>
#include <set>

namespace edgesync::store {
namespace {

using crdt::LogItem;

constexpr std::uint64_t slack_items = 256;  // a short log is not worth sweeping
constexpr std::uint64_t step_items = 512;   // a step takes in several blocks, so that thin ones can be merged

bool is_removal(const LogItem& item) noexcept { return item.type != LogItem::Type::write; }

/// What a pass over the log drops. A later removal of the same key by the same replica, or a later entry, makes sure
/// that whoever lacks the earlier removal is told about the key.
class Filter {
 public:
  explicit Filter(SqlTable& table, crdt::Stamp evict_through = 0) : table_(table), evict_through_(evict_through) {}

  std::vector<LogItem> survivors(std::vector<LogItem> items) {
    std::set<Bytes, BytesLess> removed_later;
    std::vector<LogItem> kept;
    kept.reserve(items.size());
    for (auto item = items.rbegin(); item != items.rend(); ++item)
      if (keeps(*item, removed_later)) kept.push_back(std::move(*item));
    std::reverse(kept.begin(), kept.end());
    return kept;
  }
  const crdt::Context& evicted() const noexcept { return evicted_; }

 private:
  bool keeps(const LogItem& item, std::set<Bytes, BytesLess>& removed_later) {
    if (is_removal(item) && item.dot.stamp <= evict_through_) {
      evicted_.advance(item.dot);
      return false;
    }
    if (item.type == LogItem::Type::remove_range) return true;
    const crdt::Cell cell = table_.find(item.key);
    if (table_.unknown(item.key)) return true;  // it tells whom the damage concerns
    if (item.type == LogItem::Type::write) return holds(cell, item.dot);
    const bool rewritten = std::any_of(cell.begin(), cell.end(), [&](const crdt::Entry& entry) {
      return entry.dot.replica == item.dot.replica && entry.dot.stamp > item.dot.stamp;
    });
    return !rewritten && removed_later.insert(item.key).second;
  }

  SqlTable& table_;
  crdt::Stamp evict_through_;
  crdt::Context evicted_;
};

/// Rewrites blocks of one origin in order. Survivors are packed into the block before while they fit; a block never
/// moves to a key of its own making, so keys stay unique and ordered.
class Packer {
 public:
  Packer(SqlTable& table, Filter& filter) : table_(table), filter_(filter) {}
  ~Packer() { write(); }

  void take(ScopeLog::Read read) {
    const std::size_t before = read.items.size();
    const auto removals = std::count_if(read.items.begin(), read.items.end(), is_removal);
    const auto kept = filter_.survivors(std::move(read.items));
    const auto removals_kept = std::count_if(kept.begin(), kept.end(), is_removal);
    if (kept.size() != before)
      table_.count_log(-static_cast<std::int64_t>(before - kept.size()), -(removals - removals_kept));
    if (kept.empty()) return table_.blocks().erase(read.block.key());
    if (merge(kept)) return table_.blocks().erase(read.block.key());
    write();
    block_ = LogBlock(read.block.key());
    for (const LogItem& item : kept) block_.append(item, table_.file().origins);
    changed_ = kept.size() != before;
  }

 private:
  bool merge(const std::vector<LogItem>& kept) {
    if (block_.empty()) return false;
    LogBlock merged = block_;
    for (const LogItem& item : kept) {
      if (merged.full_for(item)) return false;
      merged.append(item, table_.file().origins);
    }
    block_ = std::move(merged);
    changed_ = true;
    return true;
  }

  void write() {
    if (!block_.empty() && changed_ && !table_.file().db.failed()) table_.blocks().put(block_);
    block_ = LogBlock({});
  }

  SqlTable& table_;
  Filter& filter_;
  LogBlock block_{BlockKey{}};  // empty: none
  bool changed_ = false;
};

std::optional<ScopeLog::Read> next_block(SqlTable& table, Oid oid, const std::optional<BlockKey>& done) {
  if (done && done->oid == oid) return table.blocks().block_after(*done);
  return table.blocks().block_at(oid, 0);
}

/// Walks one origin's blocks after `done`, at least `items_max` items if there are; true when its end is reached.
/// The tail block is left alone unless `tail`: its copy in memory is what appends go to.
bool sweep_origin(SqlTable& table, Filter& filter, Oid oid, std::uint64_t items_max, bool tail,
                  std::uint64_t& examined) {
  Packer packer(table, filter);
  auto read = next_block(table, oid, table.sweep().done);
  while (read) {
    auto next = table.blocks().block_after(read->block.key());
    if (!next && !tail) return true;
    examined += read->items.size();
    table.sweep().done = read->block.key();
    packer.take(*std::move(read));
    if (examined >= items_max) return false;
    read = std::move(next);
  }
  return true;
}

std::vector<Oid> origins_of(const SqlTable& table, const Origins& origins) {
  std::vector<Oid> oids;
  for (const auto& item : table.context().items())
    if (const Oid oid = origins.find(item.replica)) oids.push_back(oid);
  std::sort(oids.begin(), oids.end());
  return oids;
}

void sweep_some(SqlTable& table, std::uint64_t items_max) {
  Filter filter(table);
  std::uint64_t examined = 0;
  const auto oids = origins_of(table, table.file().origins);
  const Oid from = table.sweep().done ? table.sweep().done->oid : 0;
  for (auto oid = std::lower_bound(oids.begin(), oids.end(), from); oid != oids.end(); ++oid)
    if (!sweep_origin(table, filter, *oid, items_max, false, examined)) return;
  table.sweep().done.reset();  // begin again from the front
}

void rewrite_all(SqlTable& table, Filter& filter) {
  table.blocks().drop_tails();
  std::uint64_t examined = 0;
  for (const Oid oid : origins_of(table, table.file().origins)) {
    table.sweep().done.reset();
    sweep_origin(table, filter, oid, UINT64_MAX, true, examined);
  }
  table.sweep().done.reset();
}

/// The stamp up to which removals must go so that at most `keep` stay.
crdt::Stamp eviction_bound(SqlTable& table, std::uint64_t keep) {
  std::vector<crdt::Stamp> stamps;
  for (const crdt::Context::Item& origin : table.context().items())
    table.scan_log(origin.replica, 0, [&](const LogItem& item) {
      if (is_removal(item)) stamps.push_back(item.dot.stamp);
      return true;
    });
  if (stamps.size() <= keep) return 0;
  const auto last = stamps.begin() + static_cast<std::ptrdiff_t>(stamps.size() - keep - 1);
  std::nth_element(stamps.begin(), last, stamps.end());
  return *last;
}

void evict(SqlTable& table, std::uint64_t keep) {
  if (table.damaged()) return;  // a repair must not bring back what was removed since a row was lost
  const crdt::Stamp through = eviction_bound(table, keep);
  if (through == 0) return;
  Filter filter(table, through);
  rewrite_all(table, filter);
  if (!planted(Bug::evict_silently)) table.raise_floors(filter.evicted());
}

}  // namespace

void upkeep(SqlTable& table) {
  const Durable& state = table.state();
  if (state.removals > removals_max_default + removals_max_default / 8) evict(table, removals_max_default);
  SqlTable::Sweep& sweep = table.sweep();
  // With a log of L times the live items, L / (L - 1) items must be looked at to drop one: 1.5 holds it at three times.
  sweep.owed = std::min(sweep.owed + table.logged() + table.logged() / 2 + 1, state.log_items);
  const bool worth_it = state.log_items > 3 * state.summary.count + state.removals + slack_items;
  if (!worth_it || sweep.owed < step_items) return;
  sweep_some(table, sweep.owed);
  sweep.owed = 0;
}

void compact_log(SqlTable& table, std::uint64_t removals_max) {
  Filter filter(table);
  rewrite_all(table, filter);
  if (table.state().removals > removals_max) evict(table, removals_max);
}

}  // namespace edgesync::store
