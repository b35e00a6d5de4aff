// SPDX-License-Identifier: Apache-2.0
#include "store/scope_log.hpp"

#include <algorithm>

namespace edgesync::store {

BlockKey ScopeLog::key_of(Oid oid, const Query& row) const {
  return {sid_, oid, row.number(0), static_cast<std::uint32_t>(row.number(1))};
}

std::optional<ScopeLog::Read> ScopeLog::decode(Oid oid, const Query& row) {
  const BlockKey key = key_of(oid, row);
  Read read{LogBlock(key), {}};
  auto block = LogBlock::decode(key, row.blob(2), file_.origins, &read.items);
  if (!block) {
    damaged_ = true;
    file_.db.corrupt("log: scope " + std::to_string(sid_) + ", origin " + std::to_string(oid) + ", block " +
                     std::to_string(key.lo) + ": damaged");
    return std::nullopt;
  }
  read.block = *std::move(block);
  return read;
}

std::optional<LogBlock> ScopeLog::last_block(Oid oid) {
  Query row(file_.db, Sql::log_last);
  if (!row.bind(sid_).bind(oid).step()) return std::nullopt;
  auto read = decode(oid, row);
  if (!read) return std::nullopt;
  return std::move(read->block);
}

ScopeLog::Tail& ScopeLog::tail_for(const crdt::LogItem& item) {
  const Oid oid = file_.origins.intern(item.dot.replica);
  auto at = tails_.find(oid);
  if (at == tails_.end()) {
    auto last = last_block(oid);
    const BlockKey first{sid_, oid, item.dot.stamp, 0};
    at = tails_.emplace(oid, Tail{last ? *std::move(last) : LogBlock(first), false}).first;
  }
  Tail& tail = at->second;
  if (tail.block.full_for(item)) {
    if (tail.dirty) put(tail.block);
    const BlockKey full = tail.block.key();
    const bool same = full.lo == item.dot.stamp;
    tail = {LogBlock({sid_, oid, item.dot.stamp, same ? full.part + 1 : 0}), false};
  }
  return tail;
}

void ScopeLog::append(const crdt::LogItem& item) {
  Tail& tail = tail_for(item);
  if (item.dot.stamp < tail.block.last())
    return file_.db.corrupt("log: scope " + std::to_string(sid_) + ": an item before the last one");
  tail.block.append(item, file_.origins);
  tail.dirty = true;
}

void ScopeLog::save() {
  for (auto& [oid, tail] : tails_) {
    if (tail.dirty) put(tail.block);
    tail.dirty = false;
  }
}

std::pair<std::uint64_t, std::uint64_t> ScopeLog::cut(const crdt::Dot& after) {
  std::pair<std::uint64_t, std::uint64_t> gone{};
  const Oid oid = file_.origins.find(after.replica);
  save();
  drop_tails();
  for (auto read = oid == 0 ? std::nullopt : block_at(oid, after.stamp); read;) {
    auto next = block_after(read->block.key());
    LogBlock kept(read->block.key());
    for (const crdt::LogItem& item : read->items) {
      if (item.dot.stamp <= after.stamp) {
        kept.append(item, file_.origins);
        continue;
      }
      ++gone.first;
      if (item.type != crdt::LogItem::Type::write) ++gone.second;
    }
    if (kept.empty())
      erase(read->block.key());
    else if (kept.size() != read->block.size())
      put(kept);
    read = std::move(next);
  }
  return gone;
}

std::optional<ScopeLog::Read> ScopeLog::block_at(Oid oid, crdt::Stamp stamp) {
  {
    constexpr crdt::Stamp column_max = INT64_MAX;  // a peer's context may claim more
    Query row(file_.db, Sql::log_from);
    if (row.bind(sid_).bind(oid).bind(std::min(stamp, column_max)).step()) return decode(oid, row);
  }
  return block_after({sid_, oid, 0, 0});
}

std::optional<ScopeLog::Read> ScopeLog::block_after(const BlockKey& key) {
  Query row(file_.db, Sql::log_next);
  if (!row.bind(sid_).bind(key.oid).bind(key.lo).bind(key.part).step()) return std::nullopt;
  return decode(key.oid, row);
}

std::vector<crdt::LogItem> ScopeLog::readable(Oid oid, const Damaged& damaged) {
  std::vector<crdt::LogItem> items;
  std::optional<std::pair<BlockKey, Bytes>> bad;
  Query rows(file_.db, Sql::log_all);
  rows.bind(sid_).bind(oid);
  while (rows.step()) {
    const BlockKey key = key_of(oid, rows);
    if (bad) damaged(bad->first, bad->second, key.lo);
    bad.reset();
    std::vector<crdt::LogItem> read;
    if (LogBlock::decode(key, rows.blob(2), file_.origins, &read))
      std::move(read.begin(), read.end(), std::back_inserter(items));
    else
      bad = {key, to_bytes(rows.blob(2))};
  }
  if (bad) damaged(bad->first, bad->second, 0);
  return items;
}

void ScopeLog::rewrite(Oid oid, const std::vector<crdt::LogItem>& items) {
  tails_.erase(oid);
  Query(file_.db, Sql::log_clear).bind(sid_).bind(oid).step();
  for (const crdt::LogItem& item : items) append(item);
  damaged_ = false;
}

void ScopeLog::put(const LogBlock& block) {
  const BlockKey& key = block.key();
  const Bytes row = block.row();
  Query(file_.db, Sql::log_put).bind(sid_).bind(key.oid).bind(key.lo).bind(key.part).bind(row).step();
}

void ScopeLog::erase(const BlockKey& key) {
  Query(file_.db, Sql::log_delete).bind(sid_).bind(key.oid).bind(key.lo).bind(key.part).step();
}

}  // namespace edgesync::store
