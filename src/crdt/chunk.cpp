// SPDX-License-Identifier: Apache-2.0
#include "crdt/chunk.hpp"

#include "base/planted.hpp"
#include "crdt/range_drop.hpp"

#include <algorithm>
#include <map>

namespace edgesync::crdt {
namespace {

constexpr std::size_t overhead_bytes = 24;  // of a key, an entry or a removal on the wire, about

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

/// Walks the log once: keys that must be listed, and removal records.
class ChunkReader {
 public:
  ChunkReader(ScopeTable& table, const Context& told, std::size_t bytes_max)
      : table_(table), told_(told), bytes_max_(bytes_max) {}

  Chunk read() {
    chunk_.delta.base = chunk_.reached = told_;
    chunk_.delta.upto = table_.context();
    chunk_.delta.summary = table_.summary();
    for (const Context::Item& item : table_.context().items()) {
      if (full()) break;
      chunk_.reached.advance({item.replica, read(item)});
    }
    for (auto& [key, state] : keys_) chunk_.delta.keys.push_back(std::move(state));
    drop_superseded(chunk_.delta.removals);
    if (planted(Bug::partial_delta) && chunk_.delta.keys.size() > 1)
      chunk_.delta.keys.resize(chunk_.delta.keys.size() / 2);
    return std::move(chunk_);
  }

 private:
  bool full() const noexcept { return bytes_ >= bytes_max_; }

  /// Whole transactions of one replica; the stamp of the last one, or what the table covers if none is left.
  Stamp read(const Context::Item& item) {
    Stamp last = 0;
    bool left = false;
    table_.scan_log(item.replica, told_[item.replica], [&](const LogItem& touched) {
      left = full() && touched.dot.stamp != last;
      if (left) return false;
      last = touched.dot.stamp;
      take(touched);
      return true;
    });
    return left ? last : item.stamp;
  }

  void take(const LogItem& touched) {
    if (touched.type != LogItem::Type::write) {
      chunk_.delta.removals.push_back(touched);
      bytes_ += overhead_bytes * (1 + touched.observed.items().size()) + touched.key.size() + touched.range.low.size() +
                touched.range.high.size();
    }
    if (touched.type == LogItem::Type::remove_range || keys_.contains(ByteView(touched.key))) return;
    const Cell cell = table_.find(touched.key);
    if (touched.type == LogItem::Type::write && !holds(cell, touched.dot)) return;
    KeyState state = list(touched.key, cell, told_);
    bytes_ += cost(state);
    keys_.emplace(touched.key, std::move(state));
  }

  ScopeTable& table_;
  const Context& told_;
  std::size_t bytes_max_, bytes_ = 0;
  Chunk chunk_{};
  std::map<Bytes, KeyState, BytesLess> keys_{};
};

std::uint64_t hash_of(ByteView key, const Dot& dot) noexcept { return fingerprint({1, 2}, key, {dot, 0, {}}).a; }

}  // namespace

std::size_t cost(const KeyState& state) noexcept {
  std::size_t bytes = overhead_bytes + state.key.size();
  for (const Listed& listed : state.listed) bytes += overhead_bytes + listed.entry.value.size();
  return bytes;
}

KeyState list(ByteView key, const Cell& cell, const Context& told) {
  KeyState state{to_bytes(key), {}};
  for (const Entry& entry : cell) {
    const bool reference = told.covers(entry.dot);
    state.listed.push_back({reference ? Entry{entry.dot, 0, {}} : entry, reference});
  }
  return state;
}

void drop(ScopeTable& table, ByteView key, const std::vector<Dot>& dots) {
  const Cell before = table.find(key);
  Cell after = before;
  std::erase_if(after,
                [&](const Entry& entry) { return std::find(dots.begin(), dots.end(), entry.dot) != dots.end(); });
  if (after != before) table.replace(key, before, after);
}

void raise_jumped_floors(ScopeTable& table, const Context& upto) {
  Context jumped;
  for (const Context::Item& item : upto.items())
    if (item.stamp > table.context()[item.replica]) jumped.advance({item.replica, item.stamp});
  table.raise_floors(jumped);
}

Chunk make_chunk(ScopeTable& table, const Context& told, std::size_t bytes_max) {
  return ChunkReader(table, told, bytes_max).read();
}

Joining::Joining(ScopeTable& table, const Context& base, bool judge, const Removed* removed)
    : table_(table), base_(base), judge_(judge || removed != nullptr) {
  if (removed == nullptr) return;
  for (const auto& [key, dots] : *removed) drop(table_, key, dots);
}

void Joining::add(const Delta& delta, const Context& reached) {
  std::vector<RangeDrop> drops;
  for (const LogItem& removal : delta.removals)
    if (removal.type == LogItem::Type::remove_range)
      drops.push_back({&removal.range, planted(Bug::blind_range) ? &delta.upto : &removal.observed});
  drop_observed(table_, std::move(drops));
  std::vector<LogItem> news;
  for (const KeyState& state : delta.keys) join(state, delta, reached, news);
  for (const LogItem& removal : delta.removals)
    if (!planted(Bug::forget_removals) && !table_.context().covers(removal.dot)) news.push_back(removal);
  std::stable_sort(news.begin(), news.end(), [](const LogItem& a, const LogItem& b) { return a.dot < b.dot; });
  for (const LogItem& item : news) table_.log(item);
}

/// The log is told each write with the chunk that reaches its dot: a list may name it before, beside another.
void Joining::join(const KeyState& state, const Delta& delta, const Context& reached, std::vector<LogItem>& news) {
  const Cell before = table_.find(state.key);
  const Cell after = merge(before, state.listed, table_.context(), delta.upto);
  if (judge_) note(state);
  for (const Entry& entry : after)
    if (!table_.context().covers(entry.dot) && !delta.base.covers(entry.dot) && reached.covers(entry.dot))
      news.push_back({entry.dot, LogItem::Type::write, state.key, {}, {}});
  if (before == after) return;
  if (after.size() > 1) applied_.conflicts.push_back(state.key);
  table_.replace(state.key, before, after);
}

void Joining::note(const KeyState& state) {
  for (const Listed& listed : state.listed)
    if (table_.context().covers(listed.entry.dot) && !base_.covers(listed.entry.dot))
      listed_.insert(hash_of(state.key, listed.entry.dot));
}

/// Entries that came from others after the first chunk was asked for were not compared. Those that the sender covers
/// and lists nowhere it has seen go: had they lived there, their dots lie outside base_, and they were listed.
void Joining::drop_unlisted(const Context& upto) {
  Removed gone;
  for (const Context::Item& item : table_.context().items())
    table_.scan_log(item.replica, base_[item.replica], [&](const LogItem& touched) {
      if (touched.dot.stamp > item.stamp) return false;  // logged just now
      const bool judged = touched.type == LogItem::Type::write && upto.covers(touched.dot);
      if (judged && !listed_.contains(hash_of(touched.key, touched.dot))) gone[touched.key].push_back(touched.dot);
      return true;
    });
  for (const auto& [key, dots] : gone) drop(table_, key, dots);
}

Applied Joining::finish(const Context& upto, const Summary& summary) {
  if (judge_) {
    drop_unlisted(upto);
    raise_jumped_floors(table_, upto);
  }
  if (planted(Bug::forget_context)) return std::move(applied_);
  table_.advance(upto);
  applied_.diverged = table_.context() == upto && table_.summary().contradicts(summary);
  return std::move(applied_);
}

}  // namespace edgesync::crdt
