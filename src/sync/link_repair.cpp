// SPDX-License-Identifier: Apache-2.0
// Link: repairs (crdt/repair.hpp). Who has lost rows asks the peer for the ranges, a few at a time, until nothing is
// damaged any more; what cannot be told yet is asked for again later. A hub asks only nodes that may write the scope:
// to all others it owes the truth, not they to it.
#include "sync/link.hpp"

#include <algorithm>

namespace edgesync::sync {
namespace {

std::size_t weight(const wire::Lost& lost) {
  std::size_t bytes = sizeof lost;
  for (const crdt::KeyRange& range : lost.ranges) bytes += sizeof range + range.low.size() + range.high.size();
  return bytes;
}

bool within(const crdt::KeyRange& range, const crdt::KeyRange& whole) noexcept {
  const bool ends = whole.high.empty() || (!range.high.empty() && compare(range.high, whole.high) <= 0);
  return ends && compare(whole.low, range.low) <= 0;
}

}  // namespace

/// Asks for what was lost of a channel, if anything was and the peer can be asked.
void Link::mend(wire::Channel number) {
  const Channel& channel = channels_.at(number);
  const bool may =
      channel.open && channel.plane != Plane::stream && (role_ == Role::node || channel.writable) && peer_can("repair");
  std::vector<crdt::KeyRange> damaged = may ? context_.store.damaged(channel.scope) : std::vector<crdt::KeyRange>{};
  if (damaged.empty()) {
    mending_.erase(number);
    return;
  }
  const Backoff pause(context_.limits.repair_retry, context_.limits.repair_retry_max);
  Mending& mending = mending_.try_emplace(number, Mending{{}, {}, {}, {}, pause}).first->second;
  if (mending.stage != Mending::Stage::idle) return;
  mending.stage = Mending::Stage::asked;
  mending.again = never;
  const auto first = std::find_if(damaged.begin(), damaged.end(),
                                  [&](const crdt::KeyRange& range) { return compare(range.low, mending.from) >= 0; });
  wire::Lost lost{number, {}};
  for (auto at = first == damaged.end() ? damaged.begin() : first;
       at != damaged.end() && lost.ranges.size() < context_.limits.inspect_ranges; ++at)
    lost.ranges.push_back(*at);
  mending.from = lost.ranges.back().high;
  mending.asked = lost.ranges;
  mending.damaged = std::move(damaged);
  send(std::move(lost));
}

/// What the peer told is durable, or of no use. Who got on asks on, who did not asks later.
void Link::mended(wire::Channel number) {
  Mending& mending = mending_.at(number);
  mending.stage = Mending::Stage::idle;
  if (mending.damaged == context_.store.damaged(channels_.at(number).scope)) {
    mending.again = heard_ + mending.pause.next(context_.random, {});
    return;
  }
  mending.pause.succeeded();
  mend(number);
}

void Link::mend_on(Now now) {
  std::vector<wire::Channel> due;
  for (const auto& [number, mending] : mending_)
    if (mending.again <= now.monotonic) due.push_back(number);
  for (const wire::Channel number : due) mend(number);
}

void Link::on(wire::Lost&& lost) {
  const Channel* channel = find(lost.channel);
  const bool twice =
      std::any_of(lost_.begin(), lost_.end(), [&](const wire::Lost& other) { return other.channel == lost.channel; });
  if (channel == nullptr || !channel->open || channel->plane == Plane::stream || lost.ranges.empty() || twice)
    return end({Errc::protocol_violation, "lost: channel " + std::to_string(lost.channel)});
  if (lost.ranges.size() > context_.limits.inspect_ranges)
    return end({Errc::limit_exceeded, "lost: too many ranges at a time"});
  lost_bytes_ += weight(lost);
  if (lost_bytes_ > context_.limits.lost_bytes)
    return end({Errc::limit_exceeded, "lost: more than " + std::to_string(context_.limits.lost_bytes) + " bytes wait"});
  lost_.push_back(std::move(lost));
}

std::optional<wire::Message> Link::next_repair() {
  if (repair_.empty() && !tell_lost()) return std::nullopt;
  // The peer must know by then what is known here: first the cut that says it.
  const auto out = outgoing_.find(repair_lane_);
  if (out != outgoing_.end() && !out->second.parts.empty()) return std::nullopt;
  wire::Message message = std::move(repair_.front());
  repair_share_.sent_one_of(repair_.size());
  repair_.pop_front();
  return message;
}

bool Link::tell_lost() {
  if (lost_.empty() || context_.store.writing()) return false;
  const Channel& channel = channels_.at(lost_.front().channel);
  if (outgoing_.contains(channel.plane)) return false;  // its ack comes
  const wire::Lost lost = std::move(lost_.front());
  lost_.pop_front();
  lost_bytes_ -= weight(lost);
  crdt::Context known = channel.peer;
  if (!known.covers(context_.store.context(channel.scope)) && begin_cut(channel.plane))
    for (const auto& [number, upto] : outgoing_.at(channel.plane).upto)
      if (number == lost.channel) known.join(upto);
  if (ending_) return false;
  wire::Repair told{next_cut_++, lost.channel, {}};
  if (known.covers(context_.store.context(channel.scope))) {
    auto repair = context_.store.repair(channel.scope, lost.ranges, room(context_.limits.repair_bytes));
    if (!repair) return end(std::move(repair).error(), std::chrono::seconds(5)), false;
    told.ranges = std::move(repair->ranges);
    if (!told.ranges.empty()) {
      crdt::Delta cells;
      cells.upto = std::move(repair->upto);
      cells.keys = std::move(repair->keys);
      repair_share_ = {context_.outgoing, weight(cells)};
      for (wire::DeltaPart& part : wire::split(told.cut, told.channel, std::move(cells), context_.limits.part_bytes))
        repair_.emplace_back(std::move(part));
    }
  }
  repair_lane_ = channel.plane;
  repair_.emplace_back(std::move(told));
  return true;
}

void Link::on(wire::Repair&& told) {
  const Channel* channel = find(told.channel);
  if (!may_receive(told.channel, channel, false)) return;
  const auto at = mending_.find(told.channel);
  if (at == mending_.end() || at->second.stage != Mending::Stage::asked)
    return end({Errc::protocol_violation, "a repair that nobody asked for"});
  const auto asked = [&](const crdt::KeyRange& range) {
    return std::any_of(at->second.asked.begin(), at->second.asked.end(),
                       [&](const crdt::KeyRange& one) { return within(range, one); });
  };
  if (!std::all_of(told.ranges.begin(), told.ranges.end(), asked))
    return end({Errc::protocol_violation, "a repair of ranges that nobody asked for"});
  awaited(Awaited::repair, told.channel);
  if (told.ranges.empty()) return mended(told.channel);
  auto cells = inbox_.take_one(told.cut, told.channel);
  if (!cells) return end(std::move(cells).error());
  at->second.stage = Mending::Stage::storing;
  Unsettled unsettled{};
  unsettled.channel = told.channel;
  unsettled.repair = true;
  unsettled.bytes = weight(*cells);
  unsettled_bytes_ += unsettled.bytes;
  store::RemoteRepair remote{channel->scope, {std::move(told.ranges), std::move(cells->upto), std::move(cells->keys)}};
  unsettled_.emplace(context_.store.apply(std::move(remote)), std::move(unsettled));
}

}  // namespace edgesync::sync
