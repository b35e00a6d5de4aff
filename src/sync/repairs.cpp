// SPDX-License-Identifier: Apache-2.0
#include "sync/repairs.hpp"

#include <algorithm>

namespace edgesync::sync {
namespace {

bool within(const crdt::KeyRange& range, const crdt::KeyRange& whole) noexcept {
  const bool ends = whole.high.empty() || (!range.high.empty() && compare(range.high, whole.high) <= 0);
  return ends && compare(whole.low, range.low) <= 0;
}

}  // namespace

void Repairs::ask(wire::Channel number) {
  const auto known = asking_.find(number);
  if (known != asking_.end() && known->second.stage != Asking::Stage::idle) return;  // its answer comes, needed or not
  const Channel& channel = talk_.at(number);
  const bool may = channel.open && channel.plane != Plane::stream && (talk_.role == Role::node || channel.writable) &&
                   talk_.peer_can("repair");
  std::vector<crdt::KeyRange> damaged = may ? talk_.store.damaged(channel.scope) : std::vector<crdt::KeyRange>{};
  if (damaged.empty()) {
    asking_.erase(number);
    return;
  }
  const Backoff pause(talk_.limits.repair_retry, talk_.limits.repair_retry_max);
  Asking& asking = asking_.try_emplace(number, Asking{{}, {}, {}, {}, pause}).first->second;
  asking.stage = Asking::Stage::asked;
  asking.again = never;
  const auto first = std::find_if(damaged.begin(), damaged.end(),
                                  [&](const crdt::KeyRange& range) { return compare(range.low, asking.from) >= 0; });
  wire::Lost lost{number, {}};
  for (auto at = first == damaged.end() ? damaged.begin() : first;
       at != damaged.end() && lost.ranges.size() < talk_.limits.inspect_ranges; ++at)
    lost.ranges.push_back(*at);
  asking.from = lost.ranges.back().high;
  asking.asked = lost.ranges;
  asking.damaged = std::move(damaged);
  talk_.send(std::move(lost));
}

/// What the peer told is durable, or of no use. Who got on asks on, who did not asks later.
void Repairs::answered(wire::Channel number) {
  const auto at = asking_.find(number);
  if (at == asking_.end()) return;
  Asking& asking = at->second;
  asking.stage = Asking::Stage::idle;
  if (asking.damaged == talk_.store.damaged(talk_.at(number).scope)) {
    asking.again = talk_.heard + asking.pause.next(talk_.random, {});
    return;
  }
  asking.pause.succeeded();
  ask(number);
}

void Repairs::on_timer(Now now) {
  std::vector<wire::Channel> due;
  for (const auto& [number, asking] : asking_)
    if (asking.again <= now.monotonic) due.push_back(number);
  for (const wire::Channel number : due) ask(number);
}

Instant Repairs::deadline() const noexcept {
  Instant due = never;
  for (const auto& [number, asking] : asking_) due = std::min(due, asking.again);
  return due;
}

void Repairs::on_flushed(const store::Outcome& outcome) {
  const auto node = storing_.extract(outcome.ticket);
  if (node.empty()) return;
  if (outcome.error) return talk_.end_for_now(*outcome.error);
  answered(node.mapped());
}

void Repairs::on(wire::Lost&& lost) {
  const Channel* channel = talk_.find(lost.channel);
  const bool twice =
      std::any_of(lost_.begin(), lost_.end(), [&](const wire::Lost& other) { return other.channel == lost.channel; });
  if (channel == nullptr || !channel->open || channel->plane == Plane::stream || lost.ranges.empty() || twice)
    return talk_.end({Errc::protocol_violation, "lost: channel " + std::to_string(lost.channel)});
  if (lost.ranges.size() > talk_.limits.inspect_ranges)
    return talk_.end({Errc::limit_exceeded, "lost: too many ranges at a time"});
  lost_bytes_ += weight(lost.ranges);
  if (lost_bytes_ > talk_.limits.lost_bytes)
    return talk_.end(
        {Errc::limit_exceeded, "lost: more than " + std::to_string(talk_.limits.lost_bytes) + " bytes wait"});
  lost_.push_back(std::move(lost));
}

std::optional<wire::Message> Repairs::next() {
  if (telling_.empty() && !tell()) return std::nullopt;
  // The peer must know by then what is known here: first the cut that says it.
  const Outgoing* cut = cuts_.in_flight(lane_);
  if (cut != nullptr && !cut->parts.empty()) return std::nullopt;
  wire::Message message = std::move(telling_.front());
  share_.sent_one_of(telling_.size());
  telling_.pop_front();
  return message;
}

/// Answers the first Lost, after a cut that brings the peer to what is known here.
bool Repairs::tell() {
  if (lost_.empty() || talk_.store.writing()) return false;
  const Channel& channel = talk_.at(lost_.front().channel);
  if (cuts_.in_flight(channel.plane) != nullptr) return false;  // its ack comes
  const wire::Lost lost = std::move(lost_.front());
  lost_.pop_front();
  lost_bytes_ -= weight(lost.ranges);
  crdt::Context known = channel.peer;
  if (!known.covers(talk_.mine(channel)) && cuts_.begin(channel.plane))
    for (const auto& [number, upto] : cuts_.in_flight(channel.plane)->upto)
      if (number == lost.channel) known.join(upto);
  if (talk_.ending) return false;
  wire::Repair told{talk_.next_cut++, lost.channel, {}};
  if (known.covers(talk_.mine(channel))) {
    auto repair = talk_.store.repair(channel.scope, lost.ranges, talk_.room(talk_.limits.repair_bytes));
    if (!repair) return talk_.end_for_now(std::move(repair).error()), false;
    told.ranges = std::move(repair->ranges);
    if (!told.ranges.empty()) {
      crdt::Delta cells;
      cells.upto = std::move(repair->upto);
      cells.keys = std::move(repair->keys);
      share_ = MemoryShare(talk_.outgoing, weight(cells));
      for (wire::DeltaPart& part : wire::split(told.cut, told.channel, std::move(cells), talk_.limits.part_bytes))
        telling_.emplace_back(std::move(part));
    }
  }
  lane_ = channel.plane;
  telling_.emplace_back(std::move(told));
  return true;
}

void Repairs::on(wire::Repair&& told) {
  const Channel* channel = talk_.find(told.channel);
  if (!talk_.may_receive(told.channel, channel, false)) return;
  const auto at = asking_.find(told.channel);
  if (at == asking_.end() || at->second.stage != Asking::Stage::asked)
    return talk_.end({Errc::protocol_violation, "a repair that nobody asked for"});
  const auto asked = [&](const crdt::KeyRange& range) {
    return std::any_of(at->second.asked.begin(), at->second.asked.end(),
                       [&](const crdt::KeyRange& one) { return within(range, one); });
  };
  if (!std::all_of(told.ranges.begin(), told.ranges.end(), asked))
    return talk_.end({Errc::protocol_violation, "a repair of ranges that nobody asked for"});
  talk_.awaits.over(Awaited::repair, told.channel);
  if (told.ranges.empty()) return answered(told.channel);
  auto cells = receiver_.take_one(told.cut, told.channel);
  if (!cells) return talk_.end(std::move(cells).error());
  at->second.stage = Asking::Stage::storing;
  store::RemoteRepair remote{channel->scope, {std::move(told.ranges), std::move(cells->upto), std::move(cells->keys)}};
  storing_.emplace(talk_.store.apply(std::move(remote)), told.channel);
}

}  // namespace edgesync::sync
