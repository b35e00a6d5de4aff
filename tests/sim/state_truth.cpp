// SPDX-License-Identifier: Apache-2.0
#include "sim/state_truth.hpp"

#include "crdt/value_codec.hpp"

#include <algorithm>

namespace edgesync::sim {

template <class What>
bool StateTruth::Item<What>::lives(const crdt::Context& context) const {
  return context.covers(dot) &&
         std::none_of(takers.begin(), takers.end(), [&](const crdt::Dot& taker) { return context.covers(taker); });
}

void StateTruth::touch(const crdt::KeyRange& range, const crdt::Dot& dot, const crdt::Context& seen) {
  for (auto at = writes_.lower_bound(ByteView(range.low)); at != writes_.end() && range.contains(at->first); ++at) {
    // What this very transaction wrote before is replaced as if it had never been.
    std::erase_if(at->second, [&](const auto& item) { return item.dot == dot; });
    // Also what another transaction took already: that one may turn out never to have happened.
    for (auto& item : at->second)
      if (seen.covers(item.dot)) item.takers.push_back(dot);
  }
}

void StateTruth::record(std::span<const Edit::Op> ops, const crdt::Dot& dot, const crdt::Context& seen) {
  for (const Edit::Op& op : ops) {
    switch (op.kind) {
      case Edit::Kind::add:
        adds_[op.key].push_back({dot, op.delta, {}});
        break;
      case Edit::Kind::reset:
        for (auto& item : adds_[op.key])
          if (seen.covers(item.dot)) item.takers.push_back(dot);
        break;
      case Edit::Kind::erase:
        touch(crdt::cells_at(op.key), dot, seen);
        break;
      case Edit::Kind::erase_prefix:
        touch(crdt::cells_under(op.key), dot, seen);
        break;
      default: {
        const Bytes key = laws::key_of(op);
        Bytes just_above = key;
        just_above.push_back(std::byte{0});
        touch({key, just_above}, dot, seen);
        if (op.kind != Edit::Kind::remove) writes_[key].push_back({dot, crdt::encode_value(op.value), {}});
      }
    }
  }
}

void StateTruth::forget(const crdt::Dot& dot) {
  const auto forget_in = [&](auto& lists) {
    for (auto& [key, items] : lists) {
      std::erase_if(items, [&](const auto& item) { return item.dot == dot; });
      for (auto& item : items) std::erase(item.takers, dot);
    }
  };
  forget_in(writes_);
  forget_in(adds_);
}

laws::Cells StateTruth::cells(const crdt::Context& context) const {
  laws::Cells cells;
  for (const auto& [key, items] : writes_) {
    crdt::Cell cell;
    for (const auto& item : items)
      if (item.lives(context)) cell.push_back({item.dot, 0, item.what});
    std::sort(cell.begin(), cell.end(), [](const auto& a, const auto& b) { return a.dot < b.dot; });
    if (!cell.empty()) cells.emplace_hint(cells.end(), key, std::move(cell));
  }
  return cells;
}

std::map<std::string, std::int64_t> StateTruth::counters(const crdt::Context& context) const {
  std::map<std::string, std::int64_t> sums;
  for (const auto& [path, items] : adds_)
    for (const auto& item : items)
      if (context.covers(item.dot)) sums[path] += item.lives(context) ? item.what : 0;
  return sums;
}

}  // namespace edgesync::sim
