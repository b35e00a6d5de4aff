// SPDX-License-Identifier: Apache-2.0
#include "sync/interests.hpp"

namespace edgesync::sync {

void Interests::remove(Link link) {
  const auto node = by_link_.extract(link);
  if (!node) return;
  for (const store::ScopeId scope : node.mapped()) {
    const auto at = by_scope_.find(scope);
    at->second.erase(link);
    if (at->second.empty()) by_scope_.erase(at);
  }
}

const std::set<Interests::Link>& Interests::of(store::ScopeId scope) const {
  static const std::set<Link> nobody;
  const auto at = by_scope_.find(scope);
  return at == by_scope_.end() ? nobody : at->second;
}

std::map<Interests::Link, Settled> Interests::settle(const store::Flushed& flushed) const {
  std::map<Link, Settled> concerned;
  for (const store::Outcome& outcome : flushed.outcomes) {
    const auto at = given_.lower_bound(outcome.ticket);
    if (at != given_.end() && at->second.first <= outcome.ticket)
      concerned[at->second.link].outcomes.push_back(&outcome);
  }
  if (flushed.error)  // then there may be none
    for (auto at = given_.begin(); at != given_.end() && at->first <= flushed.through; ++at) concerned[at->second.link];
  for (const store::ScopeId scope : flushed.advanced)
    for (const Link link : of(scope)) concerned[link].advanced.push_back(scope);
  return concerned;
}

}  // namespace edgesync::sync
