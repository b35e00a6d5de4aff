// SPDX-License-Identifier: Apache-2.0
#include "store/range_set.hpp"

#include <algorithm>

namespace edgesync::store {
namespace {

/// Upper ends: an empty one lies beyond every key.
bool ends_before(const Bytes& high, const Bytes& other) noexcept {
  if (high.empty()) return false;
  return other.empty() || compare(high, other) < 0;
}

bool starts_at_or_before_end(const Bytes& low, const Bytes& high) noexcept {
  return high.empty() || compare(low, high) <= 0;
}

bool void_range(const crdt::KeyRange& range) noexcept {
  return !range.high.empty() && compare(range.low, range.high) >= 0;
}

bool overlap(const crdt::KeyRange& a, const crdt::KeyRange& b) noexcept {
  return (a.high.empty() || compare(b.low, a.high) < 0) && (b.high.empty() || compare(a.low, b.high) < 0);
}

}  // namespace

crdt::KeyRange only(ByteView key) {
  crdt::KeyRange range{to_bytes(key), to_bytes(key)};
  range.high.push_back(std::byte{0});
  return range;
}

void RangeSet::add(crdt::KeyRange range) {
  if (void_range(range)) return;
  std::vector<crdt::KeyRange> kept;
  for (crdt::KeyRange& known : ranges_) {
    const bool touches =
        starts_at_or_before_end(known.low, range.high) && starts_at_or_before_end(range.low, known.high);
    if (!touches) {
      kept.push_back(std::move(known));
      continue;
    }
    if (compare(known.low, range.low) < 0) range.low = std::move(known.low);
    if (ends_before(range.high, known.high)) range.high = std::move(known.high);
  }
  const auto at = std::find_if(kept.begin(), kept.end(),
                               [&](const crdt::KeyRange& other) { return compare(range.low, other.low) < 0; });
  kept.insert(at, std::move(range));
  ranges_ = std::move(kept);
}

void RangeSet::remove(const crdt::KeyRange& range) {
  if (void_range(range)) return;
  std::vector<crdt::KeyRange> kept;
  for (const crdt::KeyRange& known : ranges_) {
    if (!overlap(known, range)) {
      kept.push_back(known);
      continue;
    }
    if (compare(known.low, range.low) < 0) kept.push_back({known.low, range.low});
    if (ends_before(range.high, known.high)) kept.push_back({range.high, known.high});
  }
  ranges_ = std::move(kept);
}

bool RangeSet::contains(ByteView key) const noexcept {
  return std::any_of(ranges_.begin(), ranges_.end(), [&](const crdt::KeyRange& known) { return known.contains(key); });
}

bool RangeSet::meets(const crdt::KeyRange& range) const noexcept {
  if (void_range(range)) return false;
  return std::any_of(ranges_.begin(), ranges_.end(),
                     [&](const crdt::KeyRange& known) { return overlap(known, range); });
}

}  // namespace edgesync::store
