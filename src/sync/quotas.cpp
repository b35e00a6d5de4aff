// SPDX-License-Identifier: Apache-2.0
#include "sync/quotas.hpp"

#include <algorithm>

namespace edgesync::sync {

namespace {

/// What is left of `most`. What fits is taken to come; what does not, to be refused.
std::uint64_t reserve(std::uint64_t most, std::uint64_t& held, std::uint64_t brings) {
  const std::uint64_t left = most - std::min(most, held);
  if (brings <= left) held += brings;
  return left;
}

}  // namespace

std::optional<store::Room> Quotas::room(const ScopeQuota& quota, const store::Held& brings, Instant now) {
  constexpr std::size_t known_max = 16'384;
  constexpr auto fresh = std::chrono::seconds(1);
  if (quota.bytes == 0) return std::nullopt;
  if (known_.size() >= known_max)
    std::erase_if(known_, [&](const auto& one) { return now - one.second.looked >= fresh; });
  const auto [at, added] = known_.try_emplace({quota.plane, quota.scopes});
  auto& [looked, held] = at->second;
  if (added || now - looked >= fresh) looked = now, held = store_.held(quota.plane, quota.scopes);
  return store::Room{quota.scopes, quota.bytes, reserve(quota.bytes, held.bytes, brings.bytes),
                     reserve(quota.bytes, held.aside, brings.aside)};
}

void Quotas::overflowed(const std::string& name, store::ScopeId scope, Instant until) {
  overflowed_.insert_or_assign({name, scope}, until);
}

bool Quotas::may_join(const std::string& name, store::ScopeId scope, Instant now) {
  passes(now);
  std::erase_if(overflowed_, [this](const auto& one) { return one.second <= now_; });
  return !overflowed_.contains({name, scope});
}

}  // namespace edgesync::sync
