// SPDX-License-Identifier: Apache-2.0
#include "sync/records.hpp"

#include "base/planted.hpp"
#include "stream/drops.hpp"
#include "stream/origin_signature.hpp"

#include <algorithm>

namespace edgesync::sync {
namespace {

constexpr std::size_t gaps_max = 256;   // read at a time
constexpr std::size_t word_bytes = 64;  // of a message that says what became of records, about, as the window counts

struct Told {
  crdt::Dot last{};
  std::size_t bytes = 0;
};

Told told_by(const wire::Message& message) {
  if (const auto* segment = std::get_if<wire::Segment>(&message))
    return {{segment->origin, segment->first + segment->count - 1}, segment->body.size()};
  if (const auto* trimmed = std::get_if<wire::Trimmed>(&message))
    return {{trimmed->origin, trimmed->through}, word_bytes};
  const auto& dropped = std::get<wire::Dropped>(message);
  return {{dropped.origin, dropped.last}, word_bytes};
}

/// What follows `after` of one origin, from what was read of it.
class Following {
 public:
  /// `signed_gaps`: whoever hears it takes the word of an origin for what is gone.
  Following(wire::Channel channel, const store::StreamState& state, std::vector<store::StoredSegment> segments,
            std::vector<Gap> gaps, bool signed_gaps)
      : channel_(channel),
        state_(state),
        segments_(std::move(segments)),
        gaps_(std::move(gaps)),
        signed_gaps_(signed_gaps) {}

  std::optional<wire::Message> next(std::uint64_t& after) {
    if (after >= state_.last) return std::nullopt;
    const bool here = segment_ < segments_.size();
    if (here && signed_gaps_ && tells_from(segments_[segment_], after)) return segment(after, segments_[segment_++]);
    while (gap_ < gaps_.size() && gaps_[gap_].last <= after) ++gap_;
    if (gap_ < gaps_.size() && gaps_[gap_].first <= after + 1) {
      const Gap& gap = gaps_[gap_++];
      // What the root had, and tells us that it has not, it has lost.
      const DropReason why = gap.why == stream::at_root ? DropReason::corrupt : gap.why;
      return dropped(after, std::min(gap.last, state_.last), why);
    }
    if (here && segments_[segment_].first <= after + 1) return segment(after, segments_[segment_++]);
    // Nothing in the file tells of these: a disk has lost them. What has not been read is not known.
    const bool gaps_read = gap_ < gaps_.size() || gaps_.size() < gaps_max;
    if (!gaps_read || (!here && !segments_.empty())) return std::nullopt;
    const std::uint64_t next_gap = gap_ < gaps_.size() ? gaps_[gap_].first : state_.last + 1;
    const std::uint64_t next_segment = here ? segments_[segment_].first : state_.last + 1;
    return dropped(after, std::min(next_gap, next_segment) - 1, DropReason::corrupt);
  }

 private:
  /// What its origin signed tells of all that follows `after`.
  static bool tells_from(const store::StoredSegment& next, std::uint64_t after) {
    if (next.first <= after + 1) return false;
    const auto signature = stream::signature_of(next.body);
    return signature && !signature->gone.empty() && signature->gone.front().first <= after + 1;
  }
  wire::Message segment(std::uint64_t& after, store::StoredSegment& next) const {
    after = next.first + next.count - 1;
    return wire::Segment{channel_, state_.origin, next.first, next.count, std::move(next.body)};
  }
  wire::Message dropped(std::uint64_t& after, std::uint64_t last, DropReason why) const {
    const std::uint64_t first = std::exchange(after, last) + 1;
    return wire::Dropped{channel_, state_.origin, first, last, why};
  }

  wire::Channel channel_;
  store::StreamState state_;
  std::vector<store::StoredSegment> segments_;
  std::vector<Gap> gaps_;
  bool signed_gaps_;
  std::size_t segment_ = 0, gap_ = 0;
};

}  // namespace

Records::Sending& Records::sending(wire::Channel number) {
  const auto [at, first] = sending_.try_emplace(number);
  if (first) at->second.sent = talk_.at(number).peer;
  return at->second;
}

void Records::rewind(wire::Channel number, crdt::Context to) {
  talk_.at(number).peer = std::move(to);
  send_again(number);
  talk_.awaits.over(Awaited::records, number);
}

void Records::forget(wire::Channel number) {
  send_again(number);
  behind_.erase(number);
}

void Records::send_again(wire::Channel number) {
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
  if (refused.last != 0 && refused.code == Errc::forbidden && !ours(refused.origin)) {
    if (stay_behind(refused.channel, refused.origin)) talk_.signal(Signal::Kind::unstored, channel.scope, {}, why);
    talk_.mark_dirty(refused.channel);
    return true;
  }
  // No pause helps this segment. Anything else, a disk that fails among them, may pass.
  const bool for_ever =
      refused.last != 0 && (refused.code == Errc::limit_exceeded || refused.code == Errc::unsupported);
  if (!for_ever) return false;
  talk_.signal(Signal::Kind::unstored, channel.scope, {}, why);
  if (setting_aside(refused.channel)) return true;  // one after the other
  aside_.emplace(talk_.store.set_aside({channel.scope, refused.origin, refused.last, why.detail}), refused.channel);
  return true;
}

/// Nobody else's records wait for those of one who did not sign them. True if that is news.
bool Records::stay_behind(wire::Channel number, const ReplicaId& origin) {
  const bool news = behind_[number][origin] == 0;
  behind_[number].advance({origin, talk_.mine(talk_.at(number))[origin]});
  return news;
}

bool Records::stays_behind(wire::Channel number, const store::StreamState& state) const {
  const auto at = behind_.find(number);
  return at != behind_.end() && at->second[state.origin] >= state.last;
}

void Records::on_flushed(const store::Outcome& outcome) {
  const auto node = aside_.extract(outcome.ticket);
  if (node.empty()) return;
  const wire::Channel number = node.mapped();
  if (outcome.applied) return talk_.mark_dirty(number);
  turns_.leave(number);
  talk_.refusals.by_peer(number, {Errc::limit_exceeded, "no room to set aside what the peer refuses"}, talk_.heard);
}

/// A relay need not have what we trimmed once the root had it, if we were linked to the root, or to another relay.
Result<std::optional<wire::Trimmed>> Records::trimmed(wire::Channel number, const store::StreamState& state,
                                                      std::uint64_t after) const {
  const store::ScopeId scope = talk_.at(number).scope;
  const auto gaps = talk_.store.gaps(scope, state.origin, state.trimmed, SIZE_MAX);
  if (!gaps) return gaps.error();
  std::uint64_t through = state.trimmed;
  for (const Gap& gap : *gaps)
    if (gap.why == stream::at_root) through = gap.last;
  if (talk_.peer.root || after >= through) return std::optional<wire::Trimmed>();
  Drops missing = talk_.store.missing(scope, state.origin);
  for (const Gap& gap : *gaps)
    if (gap.first > through) missing[gap.why] -= std::min(missing[gap.why], gap.last - gap.first + 1);
  return std::optional(wire::Trimmed{number, state.origin, through, missing});
}

bool Records::ours(const ReplicaId& origin) const {
  const auto& selves = talk_.store.selves();
  return std::find(selves.begin(), selves.end(), origin) != selves.end();
}

/// As the peer is to have it: signed, if there are gaps to say it with, or without what it would not understand.
wire::Message Records::told(wire::Message message, const store::StreamState& state,
                            const std::vector<Gap>* signs) const {
  auto* segment = std::get_if<wire::Segment>(&message);
  if (segment == nullptr) return message;
  if (!talk_.peer_can("origin")) segment->body = to_bytes(stream::without_signature(segment->body));
  if (signs == nullptr) return message;
  stream::OriginSignature signature{talk_.key, {}, stream::gone_before(segment->first, *signs)};
  const std::string stream = talk_.store.scope(talk_.at(segment->channel).scope).name;
  if (const auto bytes = talk_.sign(stream::statement_of(stream, state.origin, signature.gone, segment->body))) {
    signature.signature = to_bytes(*bytes);
    segment->body = stream::put_before(segment->body, signature);
  }
  return message;
}

Result<void> Records::fetch(wire::Channel number, Sending& sending, const store::StreamState& state) {
  const store::ScopeId scope = talk_.at(number).scope;
  std::uint64_t after = sending.sent[state.origin];
  const auto passed = trimmed(number, state, after);
  if (!passed) return passed.error();
  if (*passed) after = (*passed)->through, sending.ready.emplace_back(**passed);
  auto segments = talk_.store.segments(scope, state.origin, after, talk_.limits.frame_bytes * 4);
  if (!segments) return segments.error();
  auto gaps = talk_.store.gaps(scope, state.origin, after, gaps_max);
  if (!gaps) return gaps.error();
  Following following(number, state, *std::move(segments), *std::move(gaps), talk_.peer_can("origin"));
  std::optional<std::vector<Gap>> signs;
  if (talk_.sign && !talk_.peer.root && talk_.peer_can("origin") && ours(state.origin)) {
    auto all = talk_.store.gaps(scope, state.origin, state.trimmed, SIZE_MAX);
    if (!all) return std::move(all).error();
    signs = *std::move(all);
  }
  while (auto message = following.next(after))
    sending.ready.push_back(told(*std::move(message), state, signs ? &*signs : nullptr));
  sending.sent.advance({state.origin, after});
  if (state.origin == talk_.store.replica()) talk_.store.freeze(scope, after);
  return {};
}

bool Records::fetch(wire::Channel number, Sending& sending) {
  if (talk_.store.writing()) return false;
  for (const store::StreamState& state : talk_.store.stream(talk_.at(number).scope)) {
    if (state.last <= sending.sent[state.origin] || stays_behind(number, state)) continue;
    if (auto read = fetch(number, sending, state); !read) {
      talk_.end_for_now(std::move(read).error());
      return false;
    }
    if (!sending.ready.empty()) return true;
  }
  return false;
}

Turns::Lane Records::lane(wire::Channel number) {
  const store::ScopeId scope = talk_.at(number).scope;
  const Priority priority = talk_.store.priority(scope);
  if (priority == Priority::urgent) return Turns::Lane::urgent;
  if (priority == Priority::bulk) return Turns::Lane::backfill;
  const crdt::Context& sent = sending(number).sent;
  std::uint64_t left = 0;
  for (const crdt::Context::Item& item : talk_.mine(talk_.at(number)).items())
    left += item.stamp - std::min(item.stamp, sent[item.replica]);
  return left > talk_.limits.backlog_records ? Turns::Lane::backfill : Turns::Lane::live;
}

/// Part of the window is kept for those who cannot wait.
bool Records::room(Turns::Lane lane) const noexcept {
  const std::size_t window = talk_.limits.segment_window;
  return unacked_ < (lane == Turns::Lane::urgent ? window : window / 4 * 3) || planted(Bug::ignore_window);
}

wire::Message Records::take(wire::Channel number, Sending& sending) {
  wire::Message message = std::move(sending.ready.front());
  sending.ready.pop_front();
  const Told told = told_by(message);
  unacked_ += told.bytes;
  sending.in_flight.emplace_back(told.last, told.bytes);
  turns_.had(number, told.bytes);
  if (planted(Bug::drop_before_ack)) talk_.store.trim(talk_.at(number).scope, told.last.replica, told.last.stamp);
  if (std::holds_alternative<wire::Segment>(message)) ++talk_.metrics.segments_sent;
  return message;
}

std::optional<wire::Message> Records::next(bool urgent_only) {
  auto& dirty = talk_.dirty[Plane::stream];
  for (const wire::Channel number : std::exchange(dirty, {})) turns_.enter(number, lane(number));
  while (const auto turn = turns_.next(urgent_only)) {
    const wire::Channel number = *turn;
    if (!room(turns_.lane(number))) return std::nullopt;
    // One that stays here now, that the hub refuses for a while, or that waits for what is being set aside.
    const bool sends = talk_.sends(talk_.at(number)) && !talk_.refusals.waits(number) && !setting_aside(number);
    Sending* sending = sends ? &this->sending(number) : nullptr;
    if (sends && (!sending->ready.empty() || fetch(number, *sending))) {
      wire::Message message = take(number, *sending);
      turns_.enter(number, lane(number));
      return message;
    }
    if (talk_.ending) return std::nullopt;
    turns_.leave(number);
    if (sends && talk_.store.writing()) dirty.insert(number);  // another may have been read already
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
  const crdt::Context reached({ack.origin, ack.through});
  channel->peer.join(reached);
  talk_.signal(Signal::Kind::acked, channel->scope, std::move(reached), {},
               std::vector<wire::Missing>{{ack.origin, ack.missing}});
  talk_.mark_dirty(ack.channel);
}

}  // namespace edgesync::sync
