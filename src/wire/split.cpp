// SPDX-License-Identifier: Apache-2.0
#include "wire/frame.hpp"

#include <iterator>

namespace edgesync::wire {
namespace {

// Upper bounds of what an item takes in a frame, without the prefixes it may share: so that a part's size bounds its
// memory at the receiver too.
constexpr std::size_t entry_bytes = 24, context_item_bytes = 30, removal_bytes = 24;
// Well below the receiver's limit on elements.
constexpr std::size_t items_max = 16'384;

std::size_t cost(const crdt::Context& context) noexcept { return 4 + context.items().size() * context_item_bytes; }

std::size_t cost(const crdt::Listed& listed) noexcept { return entry_bytes + listed.entry.value.size(); }

std::size_t cost(const crdt::LogItem& item) noexcept {
  return removal_bytes + item.key.size() + item.range.low.size() + item.range.high.size() + cost(item.observed);
}

class Splitter {
 public:
  Splitter(std::uint64_t cut, Channel channel, std::size_t part_bytes)
      : cut_(cut), channel_(channel), part_bytes_(part_bytes) {}

  std::vector<DeltaPart> split(crdt::Delta&& delta) {
    std::vector<crdt::KeyState> keys = std::move(delta.keys);
    std::vector<crdt::LogItem> removals = std::move(delta.removals);
    delta.keys.clear(), delta.removals.clear();
    bytes_ = cost(delta.base) + cost(delta.upto);
    parts_.push_back({cut_, channel_, true, std::move(delta)});
    for (crdt::KeyState& state : keys) add(std::move(state));
    for (crdt::LogItem& removal : removals) part_for(cost(removal)).removals.push_back(std::move(removal));
    return std::move(parts_);
  }

 private:
  void add(crdt::KeyState&& state) {
    const std::size_t key_bytes = 8 + state.key.size();
    const auto begin = [&](std::size_t bytes) { part_for(key_bytes + bytes).keys.push_back({state.key, {}}); };
    begin(state.listed.empty() ? 0 : cost(state.listed.front()));
    for (crdt::Listed& listed : state.listed) {
      const bool first = &listed == &state.listed.front();
      if (!first && full_for(cost(listed)))
        begin(cost(listed));
      else if (!first)
        take(cost(listed));
      parts_.back().delta.keys.back().listed.push_back(std::move(listed));
    }
  }

  bool full_for(std::size_t item_bytes) const noexcept {
    return items_ == items_max || (items_ > 0 && bytes_ + item_bytes > part_bytes_);
  }

  void take(std::size_t item_bytes) noexcept {
    ++items_;
    bytes_ += item_bytes;
  }

  crdt::Delta& part_for(std::size_t item_bytes) {
    if (full_for(item_bytes)) {
      parts_.push_back({cut_, channel_, false, {}});
      items_ = bytes_ = 0;
    }
    take(item_bytes);
    return parts_.back().delta;
  }

  std::uint64_t cut_;
  Channel channel_;
  std::size_t part_bytes_;
  std::size_t items_ = 0, bytes_ = 0;  // of the last part
  std::vector<DeltaPart> parts_{};
};

template <class T>
void append(std::vector<T>& to, std::vector<T>&& from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

/// Whether `later` is the rest of a key whose part before was `state`: entries go on ascending, and none is in both.
bool continues(const crdt::KeyState& state, const crdt::KeyState& later) noexcept {
  return equal(state.key, later.key) && !state.listed.empty() && !later.listed.empty() &&
         state.listed.back().entry.dot < later.listed.front().entry.dot;
}

}  // namespace

std::vector<DeltaPart> split(std::uint64_t cut, Channel channel, crdt::Delta&& delta, std::size_t part_bytes) {
  return Splitter(cut, channel, part_bytes).split(std::move(delta));
}

Result<void> join(crdt::Delta& whole, DeltaPart&& part) {
  const auto violation = [&part](const char* what) {
    return Error(Errc::protocol_violation,
                 "cut " + std::to_string(part.cut) + ": channel " + std::to_string(part.channel) + ": " + what);
  };
  if (part.first) return violation("a second first part");
  std::vector<crdt::KeyState>& keys = part.delta.keys;
  const bool meet = !whole.keys.empty() && !keys.empty();
  const bool continued = meet && continues(whole.keys.back(), keys.front());
  if (meet && !continued && compare(whole.keys.back().key, keys.front().key) >= 0)
    return violation("keys do not ascend across parts");
  if (continued) {
    append(whole.keys.back().listed, std::move(keys.front().listed));
    keys.erase(keys.begin());
  }
  append(whole.keys, std::move(keys));
  append(whole.removals, std::move(part.delta.removals));
  return {};
}

}  // namespace edgesync::wire
