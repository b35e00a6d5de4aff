// SPDX-License-Identifier: Apache-2.0
#include "sync/inbox.hpp"

namespace edgesync::sync {
namespace {

Error twice(std::uint64_t cut) { return {Errc::protocol_violation, "cut " + std::to_string(cut) + ": a scope twice"}; }

}  // namespace

Result<Inbox::Staged*> Inbox::staged(std::uint64_t cut) {
  if (!staged_.contains(cut) && staged_.size() >= limits_.staged_cuts)
    return Error(Errc::limit_exceeded, "cut: more than " + std::to_string(limits_.staged_cuts) + " at once");
  return &staged_[cut];
}

/// Of its own, and of what there is for all.
Result<void> Inbox::take(std::size_t bytes) {
  if (held_.bytes() + bytes > limits_.staged_bytes)
    return Error(Errc::limit_exceeded, "cut: more than " + std::to_string(limits_.staged_bytes) + " bytes");
  if (budget_.spent() && held_.bytes() + bytes > limits_.incoming_spent)
    return Error(Errc::limit_exceeded, "cut: no room now for what all links bring");
  held_.take(bytes);
  return {};
}

/// What is held of the cut, with so many bytes more.
Result<Inbox::Staged*> Inbox::grow(std::uint64_t cut, std::size_t bytes) {
  const auto staged = this->staged(cut);
  if (!staged) return staged;
  if (auto room = take(bytes); !room) return room.error();
  (*staged)->bytes += bytes;
  return staged;
}

Result<void> Inbox::add(wire::DeltaPart&& part, std::size_t bytes) {
  const auto staged = grow(part.cut, bytes);
  if (!staged) return staged.error();
  auto& deltas = (*staged)->whole.deltas;
  const auto at = deltas.find(part.channel);
  if (part.first != (at == deltas.end()))
    return Error(Errc::protocol_violation, "delta: first part missing or repeated");
  if ((*staged)->whole.stages.contains(part.channel)) return twice(part.cut);
  if (part.first) {
    deltas.emplace(part.channel, std::move(part.delta));
    return {};
  }
  return wire::join(at->second, std::move(part));
}

Result<void> Inbox::add(wire::PatchedPart&& part) {
  constexpr std::size_t overhead = 64;
  const auto staged = grow(part.cut, overhead + part.base.size() + part.bytes + part.patch.size());
  if (!staged) return staged.error();
  if (!(*staged)->whole.deltas.contains(part.channel))
    return Error(Errc::protocol_violation, "patched part: before the first part");
  if (++(*staged)->patches > limits_.patches_max)
    return Error(Errc::limit_exceeded, "cut: more than " + std::to_string(limits_.patches_max) + " patched parts");
  auto& patches = (*staged)->whole.patches[part.channel];
  if (!patches.empty() && patches.front().base != part.base)
    return Error(Errc::protocol_violation, "patched part: of another base than the one before");
  patches.push_back(std::move(part));
  return {};
}

Result<void> Inbox::add(const wire::Staged& staged) {
  constexpr std::size_t bytes = 64;  // of a set's node
  const auto held = grow(staged.cut, bytes);
  if (!held) return held.error();
  Whole& whole = (*held)->whole;
  if (whole.deltas.contains(staged.channel) || !whole.stages.insert(staged.channel).second) return twice(staged.cut);
  return {};
}

Result<Inbox::Whole> Inbox::take(const wire::Cut& cut) {
  const auto at = staged_.find(cut.cut);
  if (at == staged_.end() || at->second.whole.deltas.size() + at->second.whole.stages.size() != cut.scopes)
    return Error(Errc::protocol_violation, "cut " + std::to_string(cut.cut) + ": parts missing");
  held_.give_back(at->second.bytes);
  Whole whole = std::move(at->second.whole);
  staged_.erase(at);
  return whole;
}

Result<crdt::Delta> Inbox::take_one(std::uint64_t cut, wire::Channel channel) {
  auto whole = take({cut, 1});
  if (!whole) return std::move(whole).error();
  const auto at = whole->deltas.find(channel);
  if (at == whole->deltas.end() || !whole->patches.empty())
    return Error(Errc::protocol_violation, "chunk " + std::to_string(cut) + ": of another channel, or patched");
  return std::move(at->second);
}

std::size_t Inbox::bytes_beside(wire::Channel channel) const noexcept {
  std::size_t bytes = 0;
  for (const auto& [cut, staged] : staged_)
    if (staged.whole.deltas.contains(channel)) bytes += staged.bytes;
  return bytes;
}

}  // namespace edgesync::sync
