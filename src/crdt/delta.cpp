// SPDX-License-Identifier: Apache-2.0
#include "crdt/delta.hpp"

#include "base/planted.hpp"
#include "crdt/range_drop.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace edgesync::crdt {
namespace {

using KeySet = std::set<Bytes, BytesLess>;

KeyState list(ByteView key, const Cell& cell, const Context& receiver) {
  KeyState state{to_bytes(key), {}};
  for (const Entry& entry : cell) {
    const bool reference = receiver.covers(entry.dot);
    state.listed.push_back({reference ? Entry{entry.dot, 0, {}} : entry, reference});
  }
  return state;
}

/// Walks the log once: keys that must be listed, and removal records.
KeySet touched_keys(ScopeTable& table, const Context& receiver, std::vector<LogItem>& removals) {
  KeySet keys;
  for (const Context::Item& item : table.context().items()) {
    table.scan_log(item.replica, receiver[item.replica], [&](const LogItem& touched) {
      if (touched.type == LogItem::Type::write) {
        if (!keys.contains(ByteView(touched.key)) && holds(table.find(touched.key), touched.dot))
          keys.insert(touched.key);
      } else {
        if (touched.type == LogItem::Type::remove) keys.insert(touched.key);
        removals.push_back(touched);
      }
      return true;
    });
  }
  return keys;
}

/// Of several removals of one thing by one replica the last says it all: who lacks an earlier one lacks the last too.
void drop_superseded(std::vector<LogItem>& removals) {
  std::vector<LogItem> kept;
  std::map<Bytes, std::size_t, BytesLess> keys, ranges;  // to the place in `kept`, of the replica at hand
  for (auto at = removals.rbegin(); at != removals.rend(); ++at) {
    if (!kept.empty() && kept.back().dot.replica != at->dot.replica) keys.clear(), ranges.clear();
    const bool ranged = at->type == LogItem::Type::remove_range;
    const auto later = (ranged ? ranges : keys).emplace(ranged ? at->range.low : at->key, kept.size());
    if (!later.second) {
      const LogItem& last = kept[later.first->second];
      if (last.range == at->range && last.observed.covers(at->observed)) continue;
    }
    kept.push_back(std::move(*at));
  }
  std::reverse(kept.begin(), kept.end());
  removals = std::move(kept);
}

void list_all(ScopeTable& table, const Context& receiver, Delta& delta) {
  table.scan({}, [&](ByteView key, const Cell& cell) {
    delta.keys.push_back(list(key, cell, receiver));
    return true;
  });
}

/// A complete delta names all keys of the sender: what it does not name and its context covers is gone.
void drop_unlisted(ScopeTable& table, const Delta& delta) {
  std::vector<std::pair<Bytes, Cell>> found;
  auto next = delta.keys.begin();
  table.scan({}, [&](ByteView key, const Cell& cell) {
    while (next != delta.keys.end() && compare(next->key, key) < 0) ++next;
    if (next == delta.keys.end() || !equal(next->key, key)) found.emplace_back(to_bytes(key), cell);
    return true;
  });
  for (const auto& [key, cell] : found) {
    const Cell rest = without(cell, delta.upto);
    if (rest.size() != cell.size()) table.replace(key, cell, rest);
  }
}

void join_key(ScopeTable& table, const KeyState& state, const Context& upto, std::vector<LogItem>& news,
              Applied& applied) {
  const Cell before = table.find(state.key);
  const Cell after = merge(before, state.listed, table.context(), upto);
  if (before == after) return;
  auto known = before.begin();  // both ascend by dot
  for (const Entry& entry : after) {
    while (known != before.end() && known->dot < entry.dot) ++known;
    if (known == before.end() || known->dot != entry.dot)
      news.push_back({entry.dot, LogItem::Type::write, state.key, {}, {}});
  }
  if (after.size() > 1) applied.conflicts.push_back(state.key);
  table.replace(state.key, before, after);
}

void drop(ScopeTable& table, ByteView key, const std::vector<Dot>& dots) {
  const Cell before = table.find(key);
  Cell after = before;
  std::erase_if(after,
                [&](const Entry& entry) { return std::find(dots.begin(), dots.end(), entry.dot) != dots.end(); });
  if (after != before) table.replace(key, before, after);
}

/// Entries that came from others after the search began were not compared. Those that the sender covers and does not
/// list it has seen go: had they lived there, their dots lie outside `base`, and they were listed.
void drop_newcomers(ScopeTable& table, const Delta& delta) {
  KeySet listed;
  for (const KeyState& state : delta.keys) listed.insert(state.key);
  Removed gone;
  for (const Context::Item& item : table.context().items())
    table.scan_log(item.replica, delta.base[item.replica], [&](const LogItem& touched) {
      const bool judged = touched.type == LogItem::Type::write && delta.upto.covers(touched.dot);
      if (judged && !listed.contains(ByteView(touched.key))) gone[touched.key].push_back(touched.dot);
      return true;
    });
  for (const auto& [key, dots] : gone) drop(table, key, dots);
}

/// After a complete delta, removals between the old and the new context have no record here.
void raise_jumped_floors(ScopeTable& table, const Context& upto) {
  Context jumped;
  for (const Context::Item& item : upto.items())
    if (item.stamp > table.context()[item.replica]) jumped.advance({item.replica, item.stamp});
  table.raise_floors(jumped);
}

Delta begin_delta(ScopeTable& table, const Context& receiver) {
  Delta delta;
  delta.base = receiver;
  delta.upto = table.context();
  delta.summary = table.summary();
  return delta;
}

}  // namespace

bool below_floor(ScopeTable& table, const Context& receiver) {
  return !planted(Bug::ignore_floors) && !receiver.covers(table.floors());
}

Delta make_delta(ScopeTable& table, const Context& receiver) {
  if (!receiver.empty() && !below_floor(table, receiver)) return make_fast_delta(table, receiver);
  Delta delta = begin_delta(table, receiver);
  delta.complete = true;
  list_all(table, receiver, delta);
  return delta;
}

Delta make_fast_delta(ScopeTable& table, const Context& receiver) {
  Delta delta = begin_delta(table, receiver);
  for (const Bytes& key : touched_keys(table, receiver, delta.removals))
    delta.keys.push_back(list(key, table.find(key), receiver));
  drop_superseded(delta.removals);
  if (planted(Bug::partial_delta) && delta.keys.size() > 1) delta.keys.resize(delta.keys.size() / 2);
  return delta;
}

bool applicable(const Delta& delta, const Context& mine) noexcept {
  return planted(Bug::skip_base_check) || mine.covers(delta.base);
}

Applied apply_delta(ScopeTable& table, const Delta& delta, const Removed* removed) {
  Applied applied;
  std::vector<LogItem> news;
  std::vector<RangeDrop> drops;
  for (const LogItem& removal : delta.removals)
    if (removal.type == LogItem::Type::remove_range)
      drops.push_back({&removal.range, planted(Bug::blind_range) ? &delta.upto : &removal.observed});
  drop_observed(table, std::move(drops));
  if (delta.complete) drop_unlisted(table, delta);
  if (removed != nullptr) {
    for (const auto& [key, dots] : *removed) drop(table, key, dots);
    drop_newcomers(table, delta);
  }
  for (const KeyState& state : delta.keys) join_key(table, state, delta.upto, news, applied);
  for (const LogItem& removal : delta.removals)
    if (!planted(Bug::forget_removals) && !table.context().covers(removal.dot)) news.push_back(removal);
  std::stable_sort(news.begin(), news.end(), [](const LogItem& a, const LogItem& b) { return a.dot < b.dot; });
  for (const LogItem& item : news) table.log(item);
  if (delta.complete || removed != nullptr) raise_jumped_floors(table, delta.upto);
  if (planted(Bug::forget_context)) return applied;
  table.advance(delta.upto);
  applied.diverged = table.context() == delta.upto && table.summary() != delta.summary;
  return applied;
}

}  // namespace edgesync::crdt
