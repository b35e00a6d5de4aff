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

std::size_t cost(const crdt::KeyState& state) noexcept {
  std::size_t bytes = 8 + state.key.size();
  for (const crdt::Listed& listed : state.listed) bytes += entry_bytes + listed.entry.value.size();
  return bytes;
}

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
    for (crdt::KeyState& state : keys) part_for(cost(state)).keys.push_back(std::move(state));
    for (crdt::LogItem& removal : removals) part_for(cost(removal)).removals.push_back(std::move(removal));
    return std::move(parts_);
  }

 private:
  crdt::Delta& part_for(std::size_t item_bytes) {
    if (items_ == items_max || (items_ > 0 && bytes_ + item_bytes > part_bytes_)) {
      parts_.push_back({cut_, channel_, false, {}});
      items_ = bytes_ = 0;
    }
    ++items_;
    bytes_ += item_bytes;
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
  const bool ascending =
      whole.keys.empty() || part.delta.keys.empty() || compare(whole.keys.back().key, part.delta.keys.front().key) < 0;
  if (!ascending) return violation("keys do not ascend across parts");
  append(whole.keys, std::move(part.delta.keys));
  append(whole.removals, std::move(part.delta.removals));
  return {};
}

}  // namespace edgesync::wire
