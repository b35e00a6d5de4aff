// SPDX-License-Identifier: Apache-2.0
#include "sync/records.hpp"

#include "base/planted.hpp"

#include <algorithm>

namespace edgesync::sync {

Records::Sending& Records::sending(wire::Channel number) {
  const auto [at, first] = sending_.try_emplace(number);
  if (first) at->second.sent = talk_.at(number).peer;
  return at->second;
}

void Records::rewind(wire::Channel number, crdt::Context to) {
  talk_.at(number).peer = std::move(to);
  forget(number);
  talk_.awaits.over(Awaited::records, number);
}

void Records::forget(wire::Channel number) {
  const auto at = sending_.find(number);
  if (at == sending_.end()) return;
  for (const auto& [last, bytes] : at->second.in_flight) unacked_ -= bytes;
  sending_.erase(at);
}

bool Records::setting_aside(wire::Channel number) const noexcept {
  return std::any_of(aside_.begin(), aside_.end(), [number](const auto& one) { return one.second == number; });
}

bool Records::refused(const wire::Refused& refused, const Error& why) {
  const Channel& channel = talk_.at(refused.channel);
  rewind(refused.channel, channel.peer);
  // No pause helps this segment. Anything else, a disk that fails among them, may pass.
  const bool for_ever =
      refused.last != 0 && (refused.code == Errc::limit_exceeded || refused.code == Errc::unsupported);
  if (!for_ever) return false;
  talk_.signal(Signal::Kind::unstored, channel.scope, {}, why);
  if (setting_aside(refused.channel)) return true;  // one after the other
  aside_.emplace(talk_.store.set_aside({channel.scope, refused.origin, refused.last, why.detail}), refused.channel);
  return true;
}

void Records::on_flushed(const store::Outcome& outcome) {
  const auto node = aside_.extract(outcome.ticket);
  if (node.empty()) return;
  const wire::Channel number = node.mapped();
  if (outcome.applied) return talk_.mark_dirty(number);
  talk_.dirty[Plane::stream].erase(number);
  talk_.refusals.by_peer(number, {Errc::limit_exceeded, "no room to set aside what the peer refuses"}, talk_.heard);
}

bool Records::fetch(wire::Channel number, Sending& sending) {
  if (talk_.store.writing()) return false;
  const store::ScopeId scope = talk_.at(number).scope;
  for (const store::StreamState& state : talk_.store.stream(scope)) {
    std::uint64_t after = sending.sent[state.origin];
    if (state.last <= after) continue;
    auto segments = talk_.store.segments(scope, state.origin, after, talk_.limits.frame_bytes * 4);
    if (!segments) {
      talk_.end_for_now(std::move(segments).error());
      return false;
    }
    for (store::StoredSegment& segment : *segments) {
      sending.ready.push_back(
          {number, state.origin, segment.first, segment.count, segment.first > after + 1, std::move(segment.body)});
      after = segment.first + segment.count - 1;
    }
    // What is left of it is trimmed, because the root has it: the peer, which has not, is not to wait for it.
    if (segments->empty()) talk_.at(number).peer.advance({state.origin, after = state.last});
    sending.sent.advance({state.origin, after});
    if (!sending.ready.empty()) return true;
  }
  return false;
}

std::optional<wire::Message> Records::next() {
  if (unacked_ >= talk_.limits.segment_window && !planted(Bug::ignore_window)) return std::nullopt;
  auto& dirty = talk_.dirty[Plane::stream];
  for (std::size_t left = dirty.size(); left > 0; --left) {
    const auto turn = dirty.upper_bound(last_turn_);
    const wire::Channel number = last_turn_ = turn != dirty.end() ? *turn : *dirty.begin();
    if (!talk_.sends(talk_.at(number))) {  // it has become one that stays here
      dirty.erase(number);
      continue;
    }
    if (setting_aside(number)) continue;
    Sending& sending = this->sending(number);
    if (sending.ready.empty() && !fetch(number, sending)) {
      if (talk_.ending) return std::nullopt;
      if (!talk_.store.writing()) dirty.erase(number);
      continue;
    }
    wire::Segment segment = std::move(sending.ready.front());
    sending.ready.pop_front();
    unacked_ += segment.body.size();
    sending.in_flight.emplace_back(crdt::Dot{segment.origin, segment.first + segment.count - 1}, segment.body.size());
    ++talk_.metrics.segments_sent;
    return segment;
  }
  return std::nullopt;
}

void Records::on(wire::StreamAck&& ack) {
  Channel* channel = talk_.find(ack.channel);
  if (channel == nullptr || channel->plane != Plane::stream || !talk_.sends(*channel))
    return talk_.end({Errc::protocol_violation, "stream ack of channel " + std::to_string(ack.channel)});
  Sending& sending = this->sending(ack.channel);
  std::erase_if(sending.in_flight, [&](const auto& sent) {
    const bool acked = sent.first.replica == ack.origin && sent.first.stamp <= ack.through;
    if (acked) unacked_ -= sent.second;
    return acked;
  });
  talk_.acknowledged();
  if (sending.in_flight.empty())
    talk_.awaits.over(Awaited::records, ack.channel);
  else
    talk_.awaits.go_on(Awaited::records, ack.channel, talk_.heard + talk_.limits.ack);
  talk_.stored(ack.channel, true);
  crdt::Context reached;
  reached.advance({ack.origin, ack.through});
  channel->peer.join(reached);
  talk_.signal(Signal::Kind::acked, channel->scope, std::move(reached));
  talk_.mark_dirty(ack.channel);
}

}  // namespace edgesync::sync
