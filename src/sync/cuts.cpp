// SPDX-License-Identifier: Apache-2.0
#include "sync/cuts.hpp"

#include "base/planted.hpp"
#include "crdt/chunk.hpp"
#include "sync/config_plane.hpp"

#include <algorithm>

namespace edgesync::sync {
namespace {

std::string others(std::size_t scopes) {
  if (scopes < 2) return {};
  return " and " + std::to_string(scopes - 1) + (scopes == 2 ? " other scope" : " other scopes");
}

}  // namespace

/// A hub of before may know what was lost here. If this one does not hear of it in time, none does.
void Cuts::wait_in_doubt(wire::Channel number, const Channel& channel) {
  if (talk_.role == Role::node && talk_.store.loss_in_doubt(channel.scope))
    in_doubt_.try_emplace(number, talk_.heard + talk_.limits.doubt);
  else
    in_doubt_.erase(number);
}

void Cuts::on_timer(Now now) {
  for (auto at = in_doubt_.begin(); at != in_doubt_.end();) {
    if (at->second > now.monotonic) {
      ++at;
      continue;
    }
    talk_.store.end_doubt(talk_.at(at->first).scope);
    talk_.mark_dirty(at->first);
    at = in_doubt_.erase(at);
  }
}

bool Cuts::add_scope(Outgoing& out, wire::Channel number, Channel& channel) {
  if (searches_.under_way(number)) {
    if (!searches_.done()) return true;                                      // comes back when it is
    if (!talk_.store.damaged(channel.scope).empty()) searches_.end(number);  // what is lost may pass for removed
  }
  if (channel.peer.covers(talk_.mine(channel))) {
    searches_.end(number);
    telling_.erase(number);
    return true;
  }
  if (const auto told = telling_.find(number); told != telling_.end()) {
    if (tells_truly(told->second, channel)) return tell_large(out, number, channel);
    telling_.erase(told);
  }
  const bool searched = searches_.under_way(number);
  if (searched ? searches_.floors() != talk_.store.floors(channel.scope) : searches_.needed(channel))
    return searches_.begin(number, channel), true;
  const std::size_t most = talk_.room(talk_.limits.cut_bytes), left = most - std::min(most, out.bytes);
  const bool shares = !searched && talk_.shared.wanted(channel.scope) && talk_.store.damaged(channel.scope).empty();
  const Bytes base = patch_base(out, channel);
  if (const auto* told = shares ? talk_.shared.find(channel.scope, channel.peer, talk_.mine(channel), base) : nullptr;
      told != nullptr && told->bytes <= left) {
    ++talk_.metrics.deltas_shared;
    return add_shared(out, number, *told), true;
  }
  auto delta = talk_.store.small_delta(channel.scope, searched ? searches_.base() : channel.peer, searched, left);
  if (!delta) {
    talk_.end_for_now(std::move(delta).error());
    return false;
  }
  if (!*delta) return tell_large(out, number, channel);
  searches_.end(number);
  // The scope is damaged: the rest when it is mended.
  wait_in_doubt(number, channel);
  if (channel.peer.covers((*delta)->upto) || withholds(channel, channel.peer)) return true;
  ++talk_.metrics.deltas_read;
  const bool all = (*delta)->upto == talk_.mine(channel);
  if (base.empty() && !(shares && all)) return add_delta(out, number, **std::move(delta)), true;
  SharedDelta told = pack(channel, base, **std::move(delta));
  add_shared(out, number, told);
  if (shares && all) talk_.shared.put(channel.scope, channel.peer, base, std::move(told));
  return true;
}

/// Changes of ours that a damaged scope has lost, only the hub can have: a node below must not take what is left for
/// all that we ever wrote.
bool Cuts::withholds(const Channel& channel, const crdt::Context& told) const {
  if (talk_.role == Role::node || talk_.store.damaged(channel.scope).empty()) return false;
  const auto& selves = talk_.store.selves();
  return std::any_of(selves.begin(), selves.end(),
                     [&](const ReplicaId& self) { return told[self] < talk_.mine(channel)[self]; });
}

void Cuts::add_delta(Outgoing& out, wire::Channel number, crdt::Delta delta) {
  talk_.metrics.keys_sent += delta.keys.size();
  out.upto.emplace_back(number, delta.upto);
  for (const crdt::KeyState& state : delta.keys) out.bytes += crdt::cost(state);
  for (wire::DeltaPart& part : wire::split(out.id, number, std::move(delta), talk_.limits.part_bytes))
    out.parts.emplace_back(std::move(part));
  if (planted(Bug::lose_part) && out.parts.size() > 1) out.parts.pop_back();
}

void Cuts::add_shared(Outgoing& out, wire::Channel number, const SharedDelta& told) {
  talk_.metrics.keys_sent += told.keys;
  out.upto.emplace_back(number, told.upto);
  out.bytes += told.bytes;
  for (const auto& part : told.parts)
    out.parts.emplace_back(wire::DeltaPart{out.id, number, &part == &told.parts.front(), {}, part});
  talk_.metrics.patches_sent += told.patches.size();
  out.patches += told.patches.size();
  for (wire::PatchedPart patched : told.patches) {
    patched.cut = out.id, patched.channel = number;
    out.parts.emplace_back(std::move(patched));
  }
}

bool Cuts::begin(Plane lane) {
  auto& dirty = talk_.dirty[lane];
  if (dirty.empty() || talk_.store.writing()) return false;
  Outgoing out;
  out.id = talk_.next_cut++;
  out.ack_within = talk_.limits.ack;
  while (!dirty.empty()) {
    const wire::Channel number = *dirty.begin();
    dirty.erase(dirty.begin());
    const bool searched = searches_.under_way(number);
    if (is_member(number) && !searched) continue;  // told until nothing is left
    if (is_member(number)) transfers_.at(lane).members.erase(number);
    if (!add_scope(out, number, talk_.at(number))) return false;
  }
  return send_cut(lane, std::move(out));
}

bool Cuts::send_cut(Plane lane, Outgoing out) {
  if (out.upto.empty()) return false;
  for (const auto& [number, upto] : out.upto)
    if (lane == Plane::config) talk_.at(number).offered = talk_.config.latest_content(talk_.at(number).scope);
  out.parts.emplace_back(wire::Cut{out.id, static_cast<std::uint32_t>(out.upto.size())});
  ++talk_.metrics.cuts_sent;
  out.share = MemoryShare(talk_.outgoing, out.bytes);
  outgoing_[lane] = std::move(out);
  return true;
}

std::optional<wire::Message> Cuts::next_part(Plane lane) {
  if (!outgoing_.contains(lane) && !begin(lane)) return std::nullopt;
  Outgoing& out = outgoing_[lane];
  if (out.parts.empty()) return std::nullopt;
  wire::Message message = std::move(out.parts.front());
  out.share.sent_one_of(out.parts.size());
  out.parts.pop_front();
  return message;
}

const Outgoing* Cuts::in_flight(Plane lane) const {
  const auto at = outgoing_.find(lane);
  return at == outgoing_.end() ? nullptr : &at->second;
}

void Cuts::on(wire::Ack&& ack) {
  const auto at = std::find_if(outgoing_.begin(), outgoing_.end(), [&](const auto& lane) {
    return lane.second.id == ack.cut && lane.second.parts.empty();
  });
  const bool chunk = at == outgoing_.end() && chunk_acked(ack.cut);
  if (at == outgoing_.end() && !chunk)
    return talk_.end({Errc::protocol_violation, "ack of cut " + std::to_string(ack.cut)});
  talk_.acknowledged();
  if (chunk) return;
  const auto acked = std::move(at->second.upto);
  outgoing_.erase(at);
  for (const auto& [number, upto] : acked) {
    Channel& channel = talk_.at(number);
    telling_.erase(number);
    talk_.stored(number, true);
    channel.peer.join(planted(Bug::assume_sent) ? talk_.mine(channel) : upto);
    channel.holds = std::exchange(channel.offered, {});
    talk_.signal(Signal::Kind::acked, channel.scope, upto);
    if (!channel.peer.covers(talk_.mine(channel))) talk_.mark_dirty(number);
  }
  searches_.retry_later();
}

Cuts::Refusal Cuts::resync(wire::Resync&& resync, Channel& channel) {
  if (const Refusal chunk = chunk_refused(resync.cut, resync.channel); chunk != Refusal::unknown) {
    if (chunk == Refusal::news) channel.peer = std::move(resync.context);
    return chunk;
  }
  const auto at = outgoing_.find(channel.plane);
  if (at == outgoing_.end() || at->second.id != resync.cut) return Refusal::unknown;
  send_again(at->second.upto);
  // Perhaps it lacks what a patch was on; and of other scopes as well, which it would say one by one.
  if (at->second.patches > 0)
    for (auto& [number, other] : talk_.channels) other.holds.clear();
  outgoing_.erase(at);
  telling_.erase(resync.channel);
  channel.peer = std::move(resync.context);
  return Refusal::news;
}

Cuts::Refusal Cuts::refused(const wire::Refused& refused) {
  if (const Refusal chunk = chunk_refused(refused.cut, refused.channel); chunk != Refusal::unknown) return chunk;
  return cut_refused(refused) ? Refusal::news : Refusal::unknown;
}

/// All of the cut is to be sent again, but for what was refused. False if there is no such cut.
bool Cuts::cut_refused(const wire::Refused& refused) {
  const auto at = outgoing_.find(talk_.at(refused.channel).plane);
  if (at == outgoing_.end() || at->second.id != refused.cut || !at->second.parts.empty()) return false;
  const auto upto = std::move(at->second.upto);
  if (std::none_of(upto.begin(), upto.end(), [&](const auto& one) { return one.first == refused.channel; }))
    return false;
  outgoing_.erase(at);
  send_again(upto);
  return true;
}

/// In another cut: what the peer has found by searches was for the one that it did not take.
void Cuts::send_again(const std::vector<std::pair<wire::Channel, crdt::Context>>& members) {
  for (const auto& [number, upto] : members) {
    if (const auto told = telling_.find(number); told != telling_.end()) told->second.searched = false;
    talk_.mark_dirty(number);
  }
}

void Cuts::leave_out(wire::Channel number, Errc why) {
  const Plane plane = talk_.at(number).plane;
  talk_.dirty[plane].erase(number);
  searches_.not_later(number);
  searches_.end(number);
  // A disk that was full keeps what was told; anything else is told anew, without what made it impossible.
  if (why != Errc::storage_full) telling_.erase(number);
  if (const auto at = transfers_.find(plane); at != transfers_.end()) at->second.members.erase(number);
}

void Cuts::written(Now now) {
  for (auto& [lane, outgoing] : outgoing_)
    if (outgoing.parts.empty()) outgoing.ack_due = std::min(outgoing.ack_due, now.monotonic + outgoing.ack_within);
  for (auto& [lane, transfer] : transfers_)
    for (Transfer::InFlight& chunk : transfer.in_flight)
      if (chunk.whole) chunk.due = std::min(chunk.due, now.monotonic + talk_.limits.ack);
}

Instant Cuts::deadline() const noexcept {
  Instant due = never;
  for (const auto& [number, until] : in_doubt_) due = std::min(due, until);
  for (const auto& [lane, outgoing] : outgoing_) due = std::min(due, outgoing.ack_due);
  for (const auto& [lane, transfer] : transfers_)
    if (!transfer.in_flight.empty()) due = std::min(due, transfer.in_flight.front().due);
  return due;
}

std::optional<std::string> Cuts::overdue(Instant now) const {
  for (const auto& [lane, outgoing] : outgoing_)
    if (now >= outgoing.ack_due)
      return "the ack of cut " + std::to_string(outgoing.id) + " in " + talk_.described(outgoing.upto.front().first) +
             others(outgoing.upto.size());
  for (const auto& [lane, transfer] : transfers_)
    if (!transfer.in_flight.empty() && now >= transfer.in_flight.front().due)
      return "the ack of a chunk of " + talk_.described(transfer.in_flight.front().channel);
  return std::nullopt;
}

}  // namespace edgesync::sync
