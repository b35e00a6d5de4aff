// SPDX-License-Identifier: Apache-2.0
#include "stream/budget.hpp"

#include <algorithm>
#include <limits>
#include <string>

namespace edgesync {

const char* name(DropReason reason) noexcept {
  switch (reason) {
    case DropReason::quota:
      return "quota";
    case DropReason::age:
      return "age";
    case DropReason::policy:
      return "policy";
    case DropReason::corrupt:
      return "corrupt";
    case DropReason::refused:
      return "refused";
  }
  return "unknown";
}

namespace stream {

Result<void> validate(const Budget& budget) {
  if (budget.retention.count() < 0) return Error(Errc::invalid_argument, "stream: retention: below zero");
  const Overflow& overflow = budget.overflow;
  if (overflow.kind() < Overflow::Kind::drop_oldest || overflow.kind() > Overflow::Kind::reject)
    return Error(Errc::invalid_argument, "stream: overflow: no such rule");
  if (budget.priority < Priority::urgent || budget.priority > Priority::bulk)
    return Error(Errc::invalid_argument, "stream: priority: no such one");
  if (overflow.kind() == Overflow::Kind::thin && (overflow.of() < 2 || overflow.of() > thin_of_max))
    return Error(Errc::invalid_argument, "stream: overflow: thin: one of " + std::to_string(overflow.of()) +
                                             ", and not of 2 to " + std::to_string(thin_of_max));
  return {};
}

unsigned Thinner::level(const Usage& usage) noexcept {
  if (usage.quota == 0) return 0;
  unsigned level = 0;
  const std::uint64_t free = usage.quota - std::min(usage.held, usage.quota);
  for (std::uint64_t part = std::max<std::uint64_t>(free, 1); part <= usage.quota / 2; part *= 2) ++level;
  return level;
}

bool Thinner::keeps(std::uint32_t of, unsigned level) noexcept {
  std::uint64_t every = 1;
  for (; level > 0 && every <= std::numeric_limits<std::uint32_t>::max(); --level) every *= of;
  if (++skipped_ < every) return false;
  skipped_ = 0;
  return true;
}

}  // namespace stream
}  // namespace edgesync
