// SPDX-License-Identifier: Apache-2.0
#include "sync/turns.hpp"

#include <utility>

namespace edgesync::sync {

void Turns::enter(wire::Channel number, Lane lane) {
  const auto [at, entered] = lanes_.emplace(number, lane);
  if (!entered && at->second != lane) queue(std::exchange(at->second, lane)).waiting.erase(number);
  queue(lane).waiting.insert(number);
}

void Turns::leave(wire::Channel number) {
  if (const auto node = lanes_.extract(number)) queue(node.mapped()).waiting.erase(number);
}

Turns::Lane Turns::due() const {
  if (!queue(Lane::urgent).waiting.empty()) return Lane::urgent;
  if (queue(Lane::live).waiting.empty()) return Lane::backfill;
  if (queue(Lane::backfill).waiting.empty()) return Lane::live;
  return owed_ > 0 || share_ >= 100 ? Lane::backfill : Lane::live;
}

std::optional<wire::Channel> Turns::next(bool urgent_only) const {
  const Queue& turn = queue(urgent_only ? Lane::urgent : due());
  if (turn.waiting.empty()) return std::nullopt;
  const auto after = turn.waiting.upper_bound(turn.last);
  return after != turn.waiting.end() ? *after : *turn.waiting.begin();
}

void Turns::had(wire::Channel number, std::size_t bytes) {
  const Lane lane = lanes_.at(number);
  queue(lane).last = number;
  if (lane == Lane::urgent) return;
  const auto sent = static_cast<std::int64_t>(bytes);
  // What one of them sends while the other has nothing to send is owed by nobody.
  const bool both = !queue(Lane::live).waiting.empty() && !queue(Lane::backfill).waiting.empty();
  if (!both)
    owed_ = 0;
  else
    owed_ += lane == Lane::live ? sent * share_ : -sent * (100 - static_cast<std::int64_t>(share_));
}

}  // namespace edgesync::sync
