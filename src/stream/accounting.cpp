// SPDX-License-Identifier: Apache-2.0
#include "stream/accounting.hpp"

#include <algorithm>
#include <limits>

namespace edgesync::stream {

bool Accounting::consistent() const noexcept { return delivered <= produced && dropped <= produced - delivered; }

std::uint64_t Accounting::pending() const noexcept { return consistent() ? produced - delivered - dropped : 0; }

Classified Sequences::classify(std::uint64_t first, std::uint64_t count) const noexcept {
  if (first == 0 || (count > 0 && count - 1 > std::numeric_limits<std::uint64_t>::max() - first)) return {};
  if (count == 0) return {Arrival::duplicate, 0, std::nullopt};
  const std::uint64_t end = first + (count - 1);
  if (end <= last_) return {Arrival::duplicate, count, std::nullopt};
  if (first <= last_) return {Arrival::overlap, last_ - first + 1, std::nullopt};
  if (first == last_ + 1) return {Arrival::next, 0, std::nullopt};
  return {Arrival::gap, 0, Gap{last_ + 1, first - 1}};
}

void Sequences::take(std::uint64_t first, std::uint64_t count) noexcept {
  if (classify(first, count).arrival == Arrival::invalid || count == 0) return;
  last_ = std::max(last_, first + (count - 1));
}

}  // namespace edgesync::stream
