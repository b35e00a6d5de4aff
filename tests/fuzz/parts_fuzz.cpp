// SPDX-License-Identifier: Apache-2.0
// The deltas of a frame, taken apart at any size and put together again through an Inbox: each part fits a frame of its
// own, every way of splitting gives the same delta, and what is out of turn is refused in words.
#include "fuzz/input.hpp"
#include "sync/inbox.hpp"

using namespace edgesync;
using fuzz::holds;

namespace {

/// A peer's parts as they stand, in the order they stand.
std::optional<std::map<wire::Channel, crdt::Delta>> collect(sync::Inbox& inbox, std::vector<wire::Message>&& messages) {
  std::uint64_t cut = 0;
  std::uint32_t scopes = 0;
  for (wire::Message& message : messages) {
    auto* part = std::get_if<wire::DeltaPart>(&message);
    if (part == nullptr) continue;
    cut = part->cut;
    scopes += part->first;
    if (const auto added = inbox.add(std::move(*part), 100); !added) return fuzz::is_told(added.error()), std::nullopt;
  }
  auto taken = inbox.take({cut, scopes});
  if (!taken) return fuzz::is_told(taken.error()), std::nullopt;
  return std::move(taken->deltas);
}

crdt::Delta through_the_wire(wire::Codec& codec, wire::Channel channel, const crdt::Delta& delta, std::size_t bytes) {
  const sync::Limits limits;
  sync::MemoryBudget budget{limits.incoming_bytes, 0};
  sync::Inbox inbox(limits, budget);
  for (wire::DeltaPart& part : wire::split(7, channel, crdt::Delta(delta), bytes)) {
    const Bytes frame = codec.encode(std::vector<wire::Message>{std::move(part)});
    auto messages = codec.decode(frame);
    holds(messages && messages->size() == 1, "a part is a message");
    holds(inbox.add(std::get<wire::DeltaPart>(std::move((*messages)[0])), frame.size()).has_value(),
          "parts are in turn");
  }
  auto whole = inbox.take({7, 1});
  holds(whole && whole->deltas.size() == 1, "all parts came");
  return std::move(whole->deltas.begin()->second);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input in(data, size);
  const std::size_t bytes = 1 + in.u16() % 5000;
  wire::Codec codec;
  auto messages = codec.decode(in.rest());
  if (!messages) return 0;
  const sync::Limits limits;
  sync::MemoryBudget budget{limits.incoming_bytes, 0};
  sync::Inbox inbox(limits, budget);
  const auto deltas = collect(inbox, *std::move(messages));
  if (!deltas) return 0;
  for (const auto& [channel, delta] : *deltas) {
    holds(through_the_wire(codec, channel, delta, bytes) == delta, "any split gives the same delta");
    holds(through_the_wire(codec, channel, delta, 32 * 1024) == delta, "so does the usual one");
  }
  return 0;
}
