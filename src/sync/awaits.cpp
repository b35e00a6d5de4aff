// SPDX-License-Identifier: Apache-2.0
#include "sync/awaits.hpp"

#include <algorithm>

namespace edgesync::sync {
namespace {

const char* name(Awaited awaited) {
  switch (awaited) {
    case Awaited::subscribed:
      return "the answer to subscribe ";
    case Awaited::proof:
      return "the proof of records in ";
    case Awaited::records:
      return "the ack of records in ";
    case Awaited::search:
      return "the end of a search in ";
    case Awaited::repair:
      return "the repair of ";
  }
  return "";
}

}  // namespace

void Awaits::sent(const wire::Message& message) {
  const auto begin = [&](Awaited what, wire::Channel channel) { due_.try_emplace({what, channel}, never); };
  if (const auto* subscribe = std::get_if<wire::Subscribe>(&message)) begin(Awaited::subscribed, subscribe->channel);
  if (const auto* prove = std::get_if<wire::Prove>(&message)) begin(Awaited::proof, prove->channel);
  if (const auto* segment = std::get_if<wire::Segment>(&message)) begin(Awaited::records, segment->channel);
  if (const auto* dropped = std::get_if<wire::Dropped>(&message)) begin(Awaited::records, dropped->channel);
  if (const auto* trimmed = std::get_if<wire::Trimmed>(&message)) begin(Awaited::records, trimmed->channel);
  if (const auto* findings = std::get_if<wire::Findings>(&message)) begin(Awaited::search, findings->channel);
  if (const auto* lost = std::get_if<wire::Lost>(&message)) begin(Awaited::repair, lost->channel);
}

void Awaits::written(Instant due) {
  for (auto& [what, at] : due_) at = std::min(at, due);
}

void Awaits::forget(wire::Channel channel) {
  std::erase_if(due_, [channel](const auto& one) { return one.first.second == channel; });
}

bool Awaits::answers() const noexcept {
  return std::any_of(due_.begin(), due_.end(), [](const auto& one) { return one.first.first != Awaited::records; });
}

Instant Awaits::deadline() const noexcept {
  Instant first = never;
  for (const auto& [what, due] : due_) first = std::min(first, due);
  return first;
}

std::optional<std::pair<std::string, wire::Channel>> Awaits::overdue(Instant now) const {
  for (const auto& [what, due] : due_)
    if (now >= due) return std::pair(std::string(name(what.first)), what.second);
  return std::nullopt;
}

}  // namespace edgesync::sync
