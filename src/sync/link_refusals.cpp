// SPDX-License-Identifier: Apache-2.0
// Link: what one side sends and the other can never store as it is, such as a cell that would outgrow its limit there.
// It concerns its scope alone: whoever cannot store it says so, and the sender leaves that scope out until it has
// changed, or a pause is over. Everything else goes on, what was in the same cut in another one.
#include "sync/link.hpp"

#include "base/text.hpp"

#include <algorithm>

namespace edgesync::sync {
namespace {

/// No pause helps this segment. Anything else, a disk that fails among them, may pass.
bool for_ever(const wire::Refused& refused) noexcept {
  return refused.last != 0 && (refused.code == Errc::limit_exceeded || refused.code == Errc::unsupported);
}

}  // namespace

/// Tells the peer what of `unsettled` we cannot store. False if the fault is not of one scope, or is the peer's own.
bool Link::refuse(const Unsettled& unsettled, const store::Outcome& outcome) {
  const auto at = numbers_.find(outcome.scope);
  if (at == numbers_.end() || outcome.error->is(Errc::protocol_violation)) return false;
  send(wire::Refused{unsettled.cut, at->second, static_cast<Errc>(outcome.error->code.value()),
                     outcome.error->detail.substr(0, detail_bytes_max), unsettled.segment.replica,
                     unsettled.segment.stamp});
  // What is in flight behind a segment that was refused does not fit: this is the answer to that, too.
  if (unsettled.cut == 0) channels_.at(at->second).resync_sent = true;
  if (refusals_.by_us(at->second, *outcome.error))
    signals_.push_back({Signal::Kind::unstored,
                        outcome.scope,
                        {},
                        {outcome.error->code, "not stored here: " + outcome.error->detail}});
  return true;
}

void Link::on(wire::Refused&& refused) {
  Channel* channel = find(refused.channel);
  if (channel == nullptr || !sends(*channel) || (channel->plane == Plane::stream) != (refused.cut == 0))
    return end({Errc::protocol_violation, "refused: channel " + std::to_string(refused.channel)});
  const Error why(refused.code, "not stored by the peer: " + printable(refused.detail));
  if (refused.cut == 0) {
    rewind(*channel, channel->peer);
    awaited(Awaited::records, refused.channel);
    if (for_ever(refused)) return segment_refused(refused, *channel, why);
  } else if (const auto chunk = chunk_refused(refused.cut, refused.channel)) {
    if (!*chunk) return;  // it followed one that had been refused
  } else if (!cut_refused(refused)) {
    return end({Errc::protocol_violation, "refused: cut " + std::to_string(refused.cut)});
  }
  leave_out(refused.channel, refused.code);
  if (refusals_.by_peer(refused.channel, why, heard_))
    signals_.push_back({Signal::Kind::unstored, channel->scope, {}, why});
}

/// The rest of the stream goes on as soon as the segment is out of the way, durably.
void Link::segment_refused(const wire::Refused& refused, Channel& channel, const Error& why) {
  signals_.push_back({Signal::Kind::unstored, channel.scope, {}, why});
  if (std::exchange(channel.setting_aside, true)) return;  // one after the other
  Unsettled unsettled{0, {}, {refused.origin, refused.last}, refused.channel, 0, false, {}};
  unsettled.aside = true;
  unsettled_.emplace(context_.store.set_aside({channel.scope, refused.origin, refused.last, why.detail}),
                     std::move(unsettled));
}

void Link::set_aside(const Unsettled& unsettled, bool done) {
  Channel& channel = channels_.at(unsettled.channel);
  channel.setting_aside = false;
  if (done) return mark_dirty(unsettled.channel);
  leave_out(unsettled.channel, Errc::limit_exceeded);
  refusals_.by_peer(unsettled.channel, {Errc::limit_exceeded, "no room to set aside what the peer refuses"}, heard_);
}

/// All of the cut is to be sent again, but for what was refused. False if there is no such cut.
bool Link::cut_refused(const wire::Refused& refused) {
  const auto at = outgoing_.find(channels_.at(refused.channel).plane);
  if (at == outgoing_.end() || at->second.id != refused.cut || !at->second.parts.empty()) return false;
  const auto upto = std::move(at->second.upto);
  if (std::none_of(upto.begin(), upto.end(), [&](const auto& one) { return one.first == refused.channel; }))
    return false;
  outgoing_.erase(at);
  for (const auto& [number, context] : upto) {
    // What the peer found was for this cut.
    if (const auto told = telling_.find(number); told != telling_.end()) told->second.searched = false;
    mark_dirty(number);
  }
  return true;
}

/// Nothing of the channel goes out before its next try.
void Link::leave_out(wire::Channel number, Errc why) {
  const Plane plane = channels_.at(number).plane;
  dirty_[plane].erase(number);
  search_later_.erase(number);
  if (search_ && search_->channel == number) end_search();
  // A disk that was full keeps what was told; anything else is told anew, without what made it impossible.
  if (why != Errc::storage_full) telling_.erase(number);
  if (const auto at = transfers_.find(plane); at != transfers_.end()) at->second.members.erase(number);
}

void Link::note_stored(wire::Channel number, bool by_peer) {
  by_peer ? refusals_.stored_by_peer(number) : refusals_.stored_by_us(number);
  if (role_ == Role::node && !refusals_.concern(number))
    signals_.push_back({Signal::Kind::stored, channels_.at(number).scope, {}, {}});
}

}  // namespace edgesync::sync
