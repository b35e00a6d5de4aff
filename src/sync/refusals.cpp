// SPDX-License-Identifier: Apache-2.0
#include "sync/refusals.hpp"

#include <algorithm>

namespace edgesync::sync {
namespace {

bool same(const Error& a, const Error& b) { return a.code == b.code && a.detail == b.detail; }

}  // namespace

bool Refusals::by_peer(wire::Channel channel, const Error& why, Instant now) {
  const auto [at, first] = by_peer_.try_emplace(
      channel, Refused{{}, Backoff(limits_.refused_min, limits_.refused_max), {}, {}, false, false});
  Refused& refused = at->second;
  if (!std::exchange(refused.waits, true)) {  // else it was under way with what was refused before
    const auto pause = refused.backoff.next(random_, {});
    refused.soon = now + std::min(pause, limits_.refused_changed);
    refused.late = now + pause;
    refused.changed = false;
  }
  return !same(std::exchange(refused.why, why), why) || first;
}

bool Refusals::by_us(wire::Channel channel, const Error& why) {
  const auto [at, first] = by_us_.try_emplace(channel, why);
  return !same(std::exchange(at->second, why), why) || first;
}

bool Refusals::waits(wire::Channel channel) const {
  const auto at = by_peer_.find(channel);
  return at != by_peer_.end() && at->second.waits;
}

void Refusals::changed(wire::Channel channel) {
  if (const auto at = by_peer_.find(channel); at != by_peer_.end()) at->second.changed = true;
}

std::vector<wire::Channel> Refusals::take_due(Instant now) {
  std::vector<wire::Channel> due;
  for (auto& [channel, refused] : by_peer_) {
    if (refused.due() > now || !refused.waits) continue;
    refused.waits = false;
    due.push_back(channel);
  }
  return due;
}

Instant Refusals::deadline() const noexcept {
  Instant due = never;
  for (const auto& [channel, refused] : by_peer_) due = std::min(due, refused.due());
  return due;
}

}  // namespace edgesync::sync
