// SPDX-License-Identifier: Apache-2.0
#include "sync/quotas.hpp"

#include <algorithm>

namespace edgesync::sync {

namespace {

/// What is left of `most`. What fits is taken to come; what does not, to be refused.
std::uint64_t reserve(std::uint64_t most, std::uint64_t& held, std::uint64_t& since, std::uint64_t brings) {
  const std::uint64_t left = most - std::min(most, held);
  if (brings <= left) held += brings, since += brings;
  return left;
}

}  // namespace

std::optional<store::Room> Quotas::room(const ScopeQuota& quota, const store::Held& brings, Instant now) {
  constexpr std::size_t known_max = 16'384;
  constexpr auto fresh = std::chrono::seconds(1);
  if (quota.bytes == 0) return std::nullopt;
  if (known_.size() >= known_max)
    std::erase_if(known_, [&](const auto& one) {
      return now - one.second.looked >= fresh && store_.durable() >= one.second.last;
    });
  const auto [at, added] = known_.try_emplace({quota.plane, quota.scopes});
  Known& known = at->second;
  if (added || (now - known.looked >= fresh && store_.durable() >= known.before)) look(known, quota, now);
  known.last = store_.accepted() + 1;
  const std::uint64_t left = reserve(quota.bytes, known.held.bytes, known.since.bytes, brings.bytes);
  const std::uint64_t left_aside = reserve(quota.bytes, known.held.aside, known.since.aside, brings.aside);
  return store::Room{quota.scopes, quota.bytes, left, left_aside};
}

/// A batch may take longer than a second. What may still wait for one is not in what the store holds; of the rest of
/// what came since the last look some may count twice, until the next.
void Quotas::look(Known& known, const ScopeQuota& quota, Instant now) const {
  const store::Held waits = store_.durable() >= known.last ? store::Held{} : known.since;
  const auto [bytes, aside] = store_.held(quota.plane, quota.scopes);
  known = {now, {bytes + waits.bytes, aside + waits.aside}, {}, known.last, known.last};
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
