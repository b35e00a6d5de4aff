// SPDX-License-Identifier: Apache-2.0
// Link: what we send the peer. Nothing is queued ahead of what the connection can take, except the parts of a cut.
#include "crdt/chunk.hpp"
#include "sync/link.hpp"

#include "base/planted.hpp"

#include <algorithm>

namespace edgesync::sync {

bool Link::sends(const Channel& channel) const noexcept {
  if (!channel.open || channel.refused || channel.proving || context_.store.local_only(channel.scope)) return false;
  return role_ == Role::node ? channel.writable : channel.plane != Plane::stream;
}

void Link::mark_dirty(wire::Channel number) {
  const Channel& channel = channels_.at(number);
  if (refusals_.waits(number))
    refusals_.changed(number);
  else if (sends(channel))
    dirty_[channel.plane].insert(number);
}

/// How much to take from the file at a time.
std::size_t Link::room(std::size_t usual) const noexcept {
  return context_.outgoing.spent() ? std::min(usual, context_.limits.outgoing_spent) : usual;
}

bool Link::add_scope(Outgoing& out, wire::Channel number, Channel& channel) {
  bool searched = search_ && search_->channel == number;
  if (searched && !search_->done) return true;                       // comes back when it is
  if (searched && !context_.store.damaged(channel.scope).empty()) {  // what is lost may have been taken for removed
    end_search();
    searched = false;
  }
  if (channel.peer.covers(context_.store.context(channel.scope))) {
    if (searched) end_search();
    telling_.erase(number);
    return true;
  }
  if (const auto told = telling_.find(number); told != telling_.end()) {
    if (tells_truly(told->second, channel)) return tell_large(out, number, channel);
    telling_.erase(told);
  }
  if (searched ? search_->floors != context_.store.floors(channel.scope) : needs_search(channel))
    return begin_search(number, channel), true;
  const std::size_t most = room(context_.limits.cut_bytes);
  auto delta = context_.store.small_delta(channel.scope, searched ? search_->base : channel.peer, searched,
                                          most - std::min(most, out.bytes));
  if (!delta) {
    end(std::move(delta).error(), std::chrono::seconds(5));
    return false;
  }
  if (!*delta) return tell_large(out, number, channel);
  if (searched) end_search();
  if (channel.peer.covers((*delta)->upto)) return true;  // the scope is damaged: the rest when it is mended
  add_delta(out, number, **std::move(delta));
  return true;
}

void Link::add_delta(Outgoing& out, wire::Channel number, crdt::Delta delta) {
  context_.metrics.keys_sent += delta.keys.size();
  out.upto.emplace_back(number, delta.upto);
  for (const crdt::KeyState& state : delta.keys) out.bytes += crdt::cost(state);
  for (wire::DeltaPart& part : wire::split(out.id, number, std::move(delta), context_.limits.part_bytes))
    out.parts.emplace_back(std::move(part));
  if (planted(Bug::lose_part) && out.parts.size() > 1) out.parts.pop_back();
}

bool Link::begin_cut(Plane lane) {
  auto& dirty = dirty_[lane];
  if (dirty.empty() || context_.store.writing()) return false;
  Outgoing out;
  out.id = next_cut_++;
  out.ack_within = context_.limits.ack;
  while (!dirty.empty()) {
    const wire::Channel number = *dirty.begin();
    dirty.erase(dirty.begin());
    const bool searched = search_ && search_->channel == number;
    if (is_member(number) && !searched) continue;  // told until nothing is left
    if (is_member(number)) transfers_.at(lane).members.erase(number);
    if (!add_scope(out, number, channels_.at(number))) return false;
  }
  return send_cut(lane, std::move(out));
}

bool Link::send_cut(Plane lane, Outgoing out) {
  if (out.upto.empty()) return false;
  out.parts.emplace_back(wire::Cut{out.id, static_cast<std::uint32_t>(out.upto.size())});
  ++context_.metrics.cuts_sent;
  out.share = {context_.outgoing, out.bytes};
  outgoing_[lane] = std::move(out);
  return true;
}

std::optional<wire::Message> Link::next_part(Plane lane) {
  if (!outgoing_.contains(lane) && !begin_cut(lane)) return std::nullopt;
  Outgoing& out = outgoing_[lane];
  if (out.parts.empty()) return std::nullopt;
  wire::Message message = std::move(out.parts.front());
  out.share.sent_one_of(out.parts.size());
  out.parts.pop_front();
  return message;
}

void Link::on(wire::Ack&& ack) {
  const auto at = std::find_if(outgoing_.begin(), outgoing_.end(), [&](const auto& lane) {
    return lane.second.id == ack.cut && lane.second.parts.empty();
  });
  const bool chunk = at == outgoing_.end() && chunk_acked(ack.cut);
  if (at == outgoing_.end() && !chunk) return end({Errc::protocol_violation, "ack of cut " + std::to_string(ack.cut)});
  acknowledged_ = true;
  resyncs_ = 0;
  if (chunk) return;
  const auto acked = std::move(at->second.upto);
  outgoing_.erase(at);
  for (const auto& [number, upto] : acked) {
    Channel& channel = channels_.at(number);
    telling_.erase(number);
    note_stored(number, true);
    channel.peer.join(planted(Bug::assume_sent) ? context_.store.context(channel.scope) : upto);
    signals_.push_back({Signal::Kind::acked, channel.scope, upto, {}});
    if (!channel.peer.covers(context_.store.context(channel.scope))) mark_dirty(number);
  }
  for (const wire::Channel number : std::exchange(search_later_, {})) mark_dirty(number);
}

void Link::on(wire::Resync&& resync) {
  Channel* channel = find(resync.channel);
  if (channel == nullptr || !sends(*channel))
    return end({Errc::protocol_violation, "resync of channel " + std::to_string(resync.channel)});
  if (++resyncs_ > context_.limits.resyncs)
    return end({Errc::protocol_violation, "the peer keeps refusing channel " + std::to_string(resync.channel)});
  if (planted(Bug::ignore_resync)) return;
  if (!own(*channel, resync.context)) return;
  if (resync.cut == 0) {
    rewind(*channel, resync.context);
    awaited(Awaited::records, resync.channel);
  } else if (const auto chunk = chunk_refused(resync.cut, resync.channel)) {
    if (*chunk) channel->peer = std::move(resync.context);
  } else {
    const auto at = outgoing_.find(channel->plane);
    if (at == outgoing_.end() || at->second.id != resync.cut)
      return end({Errc::protocol_violation, "resync of cut " + std::to_string(resync.cut)});
    for (const auto& [number, upto] : at->second.upto) mark_dirty(number);
    outgoing_.erase(at);
    telling_.erase(resync.channel);
    channel->peer = std::move(resync.context);
  }
  if (search_ && search_->channel == resync.channel) end_search();
  mark_dirty(resync.channel);
}

void Link::rewind(Channel& channel, const crdt::Context& to) {
  channel.peer = to;
  channel.sent = to;
  channel.in_flight.clear();
  channel.ready.clear();
  channel.unacked = 0;
}

bool Link::fetch_segments(wire::Channel number, Channel& channel) {
  if (context_.store.writing()) return false;
  for (const store::StreamState& state : context_.store.stream(channel.scope)) {
    std::uint64_t after = channel.sent[state.origin];
    if (state.last <= after) continue;
    auto segments = context_.store.segments(channel.scope, state.origin, after, context_.limits.frame_bytes * 4);
    if (!segments) {
      end(std::move(segments).error(), std::chrono::seconds(5));
      return false;
    }
    for (store::StoredSegment& segment : *segments) {
      channel.ready.push_back(
          {number, state.origin, segment.first, segment.count, segment.first > after + 1, std::move(segment.body)});
      after = segment.first + segment.count - 1;
    }
    channel.sent.advance({state.origin, segments->empty() ? state.last : after});
    if (!channel.ready.empty()) return true;
  }
  return false;
}

std::optional<wire::Message> Link::next_segment() {
  auto& dirty = dirty_[Plane::stream];
  for (auto at = dirty.begin(); at != dirty.end();) {
    const wire::Channel number = *at;
    Channel& channel = channels_.at(number);
    if (!sends(channel)) {  // it has become one that stays here
      at = dirty.erase(at);
      continue;
    }
    const bool full = channel.unacked >= context_.limits.segment_window && !planted(Bug::ignore_window);
    if (full || channel.setting_aside) {
      ++at;
      continue;
    }
    if (channel.ready.empty() && !fetch_segments(number, channel)) {
      if (ending_) return std::nullopt;
      at = context_.store.writing() ? std::next(at) : dirty.erase(at);
      continue;
    }
    wire::Segment segment = std::move(channel.ready.front());
    channel.ready.pop_front();
    channel.unacked += segment.body.size();
    channel.in_flight.emplace_back(crdt::Dot{segment.origin, segment.first + segment.count - 1}, segment.body.size());
    ++context_.metrics.segments_sent;
    return segment;
  }
  return std::nullopt;
}

void Link::on(wire::StreamAck&& ack) {
  Channel* channel = find(ack.channel);
  if (channel == nullptr || channel->plane != Plane::stream || !sends(*channel))
    return end({Errc::protocol_violation, "stream ack of channel " + std::to_string(ack.channel)});
  std::erase_if(channel->in_flight, [&](const auto& sent) {
    const bool acked = sent.first.replica == ack.origin && sent.first.stamp <= ack.through;
    if (acked) channel->unacked -= sent.second;
    return acked;
  });
  resyncs_ = 0;
  acknowledged_ = true;
  if (channel->in_flight.empty())
    awaited(Awaited::records, ack.channel);
  else
    awaits_[{Awaited::records, ack.channel}] = heard_ + context_.limits.ack;
  note_stored(ack.channel, true);
  crdt::Context reached;
  reached.advance({ack.origin, ack.through});
  channel->peer.join(reached);
  signals_.push_back({Signal::Kind::acked, channel->scope, std::move(reached), {}});
  mark_dirty(ack.channel);
}

void Link::on(wire::Stable&& stable) {
  Channel* channel = find(stable.channel);
  if (role_ != Role::node || channel == nullptr)
    return end({Errc::protocol_violation, "stable: channel " + std::to_string(stable.channel)});
  signals_.push_back({Signal::Kind::stable, channel->scope, std::move(stable.context), {}});
}

void Link::forward_stable(store::ScopeId scope) {
  const auto at = numbers_.find(scope);
  if (ending_ || role_ != Role::hub || at == numbers_.end()) return;
  send(wire::Stable{at->second, concerning(channels_.at(at->second), context_.store.stable(scope))});
}

}  // namespace edgesync::sync
