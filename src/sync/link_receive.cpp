// SPDX-License-Identifier: Apache-2.0
// Link: what the peer sends us. Cuts and segments go to the store and are acknowledged when it says they are durable.
#include "base/planted.hpp"
#include "sync/link.hpp"

#include <algorithm>

namespace edgesync::sync {

std::size_t weight(const crdt::Delta& delta) {
  constexpr std::size_t overhead = 64;
  std::size_t bytes = overhead + item_bytes * (delta.base.items().size() + delta.upto.items().size());
  for (const crdt::LogItem& item : delta.removals)
    bytes += overhead + item.key.size() + item.range.low.size() + item.range.high.size() +
             item_bytes * item.observed.items().size();
  for (const crdt::KeyState& state : delta.keys) {
    bytes += overhead + state.key.size();
    for (const crdt::Listed& listed : state.listed) bytes += overhead + listed.entry.value.size();
  }
  return bytes;
}

bool Link::may_receive(wire::Channel number, const Channel* channel, bool records) {
  if (channel == nullptr || !channel->open || (channel->plane == Plane::stream) != records) {
    end({Errc::protocol_violation, "data for channel " + std::to_string(number) + ", which is not open for it"});
    return false;
  }
  if (role_ == Role::node && records) {
    end({Errc::protocol_violation, "records from a hub"});
    return false;
  }
  if (role_ == Role::hub && !channel->writable) {
    end({Errc::forbidden, context_.store.scope(channel->scope).name + ": read only"});
    return false;
  }
  return true;
}

void Link::on(wire::DeltaPart&& part) {
  Channel* channel = find(part.channel);
  if (!may_receive(part.channel, channel, false)) return;
  if (part.first && !own(*channel, part.delta.upto)) return;
  const std::size_t bytes = weight(part.delta);
  if (auto added = inbox_.add(std::move(part), bytes); !added) end(std::move(added).error());
}

void Link::on(wire::Cut&& cut) {
  auto whole = inbox_.take(cut);
  if (!whole) return end(std::move(whole).error());
  store::RemoteCut remote;
  Unsettled unsettled{cut.cut, {}, {}, 0, 0, false, {}};
  for (auto& [number, delta] : whole->deltas) {
    Channel& channel = channels_.at(number);
    channel.peer.join(delta.upto);  // it ships only what is durable there
    note_former(channel, delta.upto);
    unsettled.bases.emplace_back(number, delta.base);
    unsettled.bytes += weight(delta);
    context_.metrics.keys_received += delta.keys.size();
    store::RemoteDelta& added = remote.deltas.emplace_back();
    added.scope = channel.scope;
    added.delta = std::move(delta);
    if (auto found = searched_.extract(number); !found.empty()) added.removed = found.mapped().search.take_removed();
  }
  for (const wire::Channel number : whole->stages) {
    unsettled.stages.push_back(number);
    store::RemoteStage& added = remote.stages.emplace_back();
    added.scope = channels_.at(number).scope;
    added.from = peer_.replica;
    if (auto found = searched_.extract(number); !found.empty()) added.removed = found.mapped().search.take_removed();
  }
  unsettled_bytes_ += unsettled.bytes;
  if (unsettled_bytes_ > context_.limits.staged_bytes + context_.limits.unsettled_bytes)
    return end({Errc::limit_exceeded, "more cuts than can be stored"});
  if (planted(Bug::ack_before_commit)) send(wire::Ack{cut.cut});
  unsettled_.emplace(context_.store.apply(std::move(remote)), std::move(unsettled));
}

/// Under an id that was ours before, another copy may go on: what the hub sends of it need not be acked.
void Link::note_former(const Channel& channel, const crdt::Context& held) {
  if (role_ != Role::node) return;
  crdt::Context known;
  for (const ReplicaId& self : context_.store.selves())
    if (held[self] > context_.store.acked(channel.scope)[self]) known.advance({self, held[self]});
  if (!known.empty()) signals_.push_back({Signal::Kind::acked, channel.scope, std::move(known), {}});
}

void Link::on(wire::Segment&& segment) {
  Channel* channel = find(segment.channel);
  if (!may_receive(segment.channel, channel, true)) return;
  const auto info = stream::inspect(segment.body);
  // What is of a later version, or too large, is refused by the store, in its turn.
  const bool unreadable = !info && (info.error().is(Errc::unsupported) || info.error().is(Errc::limit_exceeded));
  const bool good = info && info->first == segment.first && info->count == segment.count;
  if ((!good && !unreadable) || segment.count == 0)
    return end({Errc::protocol_violation, "segment " + std::to_string(segment.first) + " of channel " +
                                              std::to_string(segment.channel) + ": damaged"});
  unsettled_bytes_ += segment.body.size();
  if (unsettled_bytes_ > context_.limits.unsettled_bytes)
    return end({Errc::limit_exceeded, "more records in flight than the window allows"});
  Unsettled unsettled{
      0, {}, {segment.origin, segment.first + segment.count - 1}, segment.channel, segment.body.size(), false, {}};
  ++context_.metrics.segments_received;
  unsettled_.emplace(
      context_.store.apply(store::RemoteSegment{channel->scope, segment.origin, segment.first, segment.count,
                                                segment.gap_before, std::move(segment.body)}),
      std::move(unsettled));
}

/// The first of `stages` that is not kept whole; if all are, the first.
wire::Channel Link::unkept(const std::vector<wire::Channel>& stages) const {
  for (const wire::Channel number : stages) {
    const store::Stages& kept = context_.store.stages(channels_.at(number).scope);
    const auto at = kept.find(peer_.replica);
    if (at == kept.end() || !at->second.complete()) return number;
  }
  return stages.front();
}

void Link::note_applied(const Unsettled& unsettled) {
  ++context_.metrics.cuts_applied;
  for (const auto& [number, base] : unsettled.bases) note_stored(number, false);
  for (const wire::Channel number : unsettled.stages) note_stored(number, false);
}

void Link::settle(const Unsettled& unsettled, bool applied) {
  if (unsettled.repair) return mended(unsettled.channel);
  if (unsettled.cut != 0) {
    if (applied) {
      if (!unsettled.chunk) note_applied(unsettled);
      if (!planted(Bug::ack_before_commit)) send(wire::Ack{unsettled.cut});
      return;
    }
    for (const auto& [number, base] : unsettled.bases) {
      const crdt::Context& mine = context_.store.context(channels_.at(number).scope);
      if (!mine.covers(base)) return send(wire::Resync{unsettled.cut, number, mine});
    }
    // What was kept aside is not there, or not complete: it is to be told again.
    if (unsettled.chunk || !unsettled.stages.empty()) {
      const wire::Channel number = unsettled.chunk ? unsettled.channel : unkept(unsettled.stages);
      return send(wire::Resync{unsettled.cut, number, context_.store.context(channels_.at(number).scope)});
    }
    return end({Errc::protocol_violation, "cut " + std::to_string(unsettled.cut) + " cannot be applied"});
  }
  Channel& channel = channels_.at(unsettled.channel);
  if (applied) {
    channel.resync_sent = false;
    note_stored(unsettled.channel, false);
    channel.peer.advance(unsettled.segment);
    return send(wire::StreamAck{unsettled.channel, unsettled.segment.replica,
                                unsettled.segment.stamp + (planted(Bug::ack_one_more) ? 1 : 0)});
  }
  // Everything in flight behind a missing segment is refused as well: one answer is enough.
  if (std::exchange(channel.resync_sent, true)) return;
  send(wire::Resync{0, unsettled.channel, concerning(channel, context_.store.context(channel.scope))});
}

}  // namespace edgesync::sync
