// SPDX-License-Identifier: Apache-2.0
#include "crdt/range_drop.hpp"

#include <algorithm>
#include <map>
#include <queue>
#include <span>

namespace edgesync::crdt {
namespace {

/// Whether `range` is over for keys from `key` on.
bool ends_before(const KeyRange& range, ByteView key) noexcept {
  return !range.high.empty() && compare(range.high, key) <= 0;
}

/// Whether `range` goes on at least as far as `other`.
bool reaches(const KeyRange& range, const KeyRange& other) noexcept {
  return range.high.empty() || (!other.high.empty() && compare(other.high, range.high) <= 0);
}

/// The drops that reach the key at hand, as keys ascend. Per replica the highest stamp stands first; one whose range is
/// over is taken off when it comes to stand there, so a drop costs what it states and not what it spans.
class Reach {
 public:
  void add(const RangeDrop& drop) {
    for (const Context::Item& item : drop.observed->items()) {
      Stamps& stamps = seen_[item.replica];
      const bool said =
          !stamps.empty() && stamps.top().stamp >= item.stamp && reaches(*stamps.top().range, *drop.range);
      if (!said) stamps.push({item.stamp, drop.range});
    }
  }

  bool takes(ByteView key, const Dot& dot) {
    const auto at = seen_.find(dot.replica);
    if (at == seen_.end()) return false;
    Stamps& stamps = at->second;
    while (!stamps.empty() && ends_before(*stamps.top().range, key)) stamps.pop();
    return !stamps.empty() && dot.stamp <= stamps.top().stamp;
  }

 private:
  struct Seen {
    Stamp stamp = 0;
    const KeyRange* range = nullptr;
    bool operator<(const Seen& other) const noexcept { return stamp < other.stamp; }
  };
  using Stamps = std::priority_queue<Seen>;
  std::map<ReplicaId, Stamps> seen_;
};

using Visit = Function<bool(ByteView key, const Cell& cell, Cell&& rest)>;

/// False if the visitor has seen enough. Requires: `drops` ascend by low, and `whole` spans them.
bool find_in_run(CellSource& table, const KeyRange& whole, std::span<const RangeDrop> drops, const Visit& visit) {
  Reach reach;
  bool more = true;
  table.scan(whole, [&](ByteView key, const Cell& cell) {
    for (; !drops.empty() && compare(drops.front().range->low, key) <= 0; drops = drops.subspan(1))
      reach.add(drops.front());
    Cell rest;
    for (const Entry& entry : cell)
      if (!reach.takes(key, entry.dot)) rest.push_back(entry);
    more = rest.size() == cell.size() || visit(key, cell, std::move(rest));
    return more;
  });
  return more;
}

}  // namespace

void find_observed(CellSource& table, std::vector<RangeDrop> drops, const Visit& visit) {
  std::sort(drops.begin(), drops.end(),
            [](const RangeDrop& a, const RangeDrop& b) { return compare(a.range->low, b.range->low) < 0; });
  for (std::span<const RangeDrop> rest(drops); !rest.empty();) {
    KeyRange whole = *rest.front().range;
    std::size_t run = 1;
    for (; run < rest.size() && !ends_before(whole, rest[run].range->low); ++run) {
      if (!reaches(whole, *rest[run].range)) whole.high = rest[run].range->high;
    }
    if (!find_in_run(table, whole, rest.first(run), visit)) return;
    rest = rest.subspan(run);
  }
}

void drop_observed(ScopeTable& table, std::vector<RangeDrop> drops) {
  struct Change {
    Bytes key{};
    Cell before{}, after{};
  };
  std::vector<Change> changes;  // collected first: a scan must not see its table change
  find_observed(table, std::move(drops), [&](ByteView key, const Cell& cell, Cell&& rest) {
    changes.push_back({to_bytes(key), cell, std::move(rest)});
    return true;
  });
  for (const Change& change : changes) table.replace(change.key, change.before, change.after);
}

}  // namespace edgesync::crdt
