// SPDX-License-Identifier: Apache-2.0
#include "sync/inbox.hpp"

namespace edgesync::sync {

Result<void> Inbox::add(wire::DeltaPart&& part, std::size_t bytes) {
  if (!staged_.contains(part.cut) && staged_.size() >= limits_.staged_cuts)
    return Error(Errc::limit_exceeded, "cut: more than " + std::to_string(limits_.staged_cuts) + " at once");
  bytes_ += bytes;
  if (bytes_ > limits_.staged_bytes)
    return Error(Errc::limit_exceeded, "cut: more than " + std::to_string(limits_.staged_bytes) + " bytes");
  Staged& staged = staged_[part.cut];
  staged.bytes += bytes;
  const auto at = staged.deltas.find(part.channel);
  if (part.first != (at == staged.deltas.end()))
    return Error(Errc::protocol_violation, "delta: first part missing or repeated");
  if (part.first) {
    staged.deltas.emplace(part.channel, std::move(part.delta));
    return {};
  }
  return wire::join(at->second, std::move(part));
}

Result<Inbox::Deltas> Inbox::take(const wire::Cut& cut) {
  const auto at = staged_.find(cut.cut);
  if (at == staged_.end() || at->second.deltas.size() != cut.scopes)
    return Error(Errc::protocol_violation, "cut " + std::to_string(cut.cut) + ": parts missing");
  bytes_ -= at->second.bytes;
  Deltas deltas = std::move(at->second.deltas);
  staged_.erase(at);
  return deltas;
}

std::size_t Inbox::bytes_beside(wire::Channel channel) const noexcept {
  std::size_t bytes = 0;
  for (const auto& [cut, staged] : staged_)
    if (staged.deltas.contains(channel)) bytes += staged.bytes;
  return bytes;
}

}  // namespace edgesync::sync
