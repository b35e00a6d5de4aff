// SPDX-License-Identifier: Apache-2.0
#include "sync/quotas.hpp"

#include <algorithm>

namespace edgesync::sync {

std::optional<store::Room> Quotas::room(const ScopeQuota& quota, std::size_t brings, Instant now) {
  constexpr std::size_t known_max = 16'384;
  constexpr auto fresh = std::chrono::seconds(1);
  if (quota.bytes == 0) return std::nullopt;
  if (held_.size() >= known_max)
    std::erase_if(held_, [&](const auto& one) { return now - one.second.looked >= fresh; });
  const auto [at, added] = held_.try_emplace({quota.plane, quota.scopes});
  Held& held = at->second;
  if (added || now - held.looked >= fresh) held = {now, store_.bytes(quota.plane, quota.scopes)};
  const std::uint64_t left = quota.bytes - std::min(quota.bytes, held.bytes);
  held.bytes += std::min<std::uint64_t>(brings, left);
  return store::Room{quota.scopes, quota.bytes, left};
}

}  // namespace edgesync::sync
