// SPDX-License-Identifier: Apache-2.0
// Cuts: what is too large for one in memory.
#include "sync/cuts.hpp"

#include <algorithm>

namespace edgesync::sync {

void Cuts::on(wire::Resume&& resume) {
  Channel* channel = talk_.find(resume.channel);
  if (channel != nullptr && channel->plane == Plane::stream)
    return talk_.end({Errc::protocol_violation, "resume of channel " + std::to_string(resume.channel) + ", a stream"});
  if (channel == nullptr || resume.from != talk_.store.replica()) return;  // refused, or told by somebody else
  for (const crdt::Context* said : {&resume.base, &resume.floors, &resume.reached, &resume.upto})
    talk_.subscribed_bytes += item_bytes * said->items().size();
  if (talk_.subscribed_bytes > talk_.limits.subscribed_bytes)
    return talk_.end({Errc::limit_exceeded, "resume: the contexts of all subscribed scopes are too large"});
  // Another copy of ours may have told it, and its beginning must not be joined with our end: it left out what that one
  // had seen removed or replaced, which `upto` tells of even where nothing of it was told yet.
  if (!audit_.own(*channel, resume.upto)) return;
  crdt::Context most = talk_.mine(*channel);
  if (!most.covers(resume.upto)) return;  // we are not any more what we were
  most.join(resume.base);
  if (!most.covers(resume.reached)) return;
  telling_[resume.channel] = {std::move(resume.base), std::move(resume.floors), std::move(resume.reached), true, false};
}

/// Whether everything that was told is still true: nothing untold has left our log since the first chunk.
bool Cuts::tells_truly(const Telling& telling, const Channel& channel) const {
  crdt::Context told = telling.reached;
  told.join(telling.floors);
  return told.covers(talk_.store.floors(channel.scope));
}

/// Whether the peer must search before what is told can be joined.
bool Cuts::tells_with_search(const Telling& telling) {
  return !telling.base.empty() && !telling.base.covers(telling.floors);
}

bool Cuts::is_member(wire::Channel number) const {
  const auto at = transfers_.find(talk_.at(number).plane);
  return at != transfers_.end() && at->second.members.contains(number);
}

/// The delta of `number` is large: begins to tell it, or goes on where the peer is.
void Cuts::add_large(Outgoing& out, wire::Channel number, const Channel& channel) {
  const auto [at, begun] = transfers_.try_emplace(channel.plane);
  at->second.members.insert(number);
  if (!begun) return;
  // What was to be one cut stays one: the rest of it waits for the large part.
  for (const auto& [other, upto] : out.upto) at->second.members.insert(other);
  auto& dirty = talk_.dirty[channel.plane];
  for (auto other = dirty.begin(); other != dirty.end();) {
    const Channel& waiting = talk_.at(*other);
    const bool searching = searches_.under_way(*other);
    if (!searching && !waiting.peer.covers(talk_.store.context(waiting.scope))) at->second.members.insert(*other);
    other = searching ? std::next(other) : dirty.erase(other);
  }
  out.upto.clear(), out.parts.clear();
  out.bytes = 0;
}

bool Cuts::tell_large(Outgoing& out, wire::Channel number, const Channel& channel) {
  const bool searched = searches_.under_way(number);
  auto at = telling_.find(number);
  if (at == telling_.end()) {
    const crdt::Context base = searched ? searches_.base() : channel.peer;
    at = telling_.emplace(number, Telling{base, talk_.store.floors(channel.scope), base, false, false}).first;
  }
  at->second.searched = at->second.searched || searched;
  searches_.end(number);
  if (tells_with_search(at->second) && !at->second.searched) {
    if (!talk_.peer_can("search")) {
      telling_.erase(at);
      auto whole = talk_.store.delta(channel.scope, channel.peer);
      if (!whole) return talk_.end_for_now(std::move(whole).error()), false;
      if (!channel.peer.covers(whole->upto) && !withholds(channel, channel.peer))
        add_delta(out, number, *std::move(whole));
      return true;
    }
    // What a search finds the peer holds until the cut: one large scope below the floors at a time.
    const bool held = std::any_of(telling_.begin(), telling_.end(), [number](const auto& other) {
      return other.first != number && other.second.searched && tells_with_search(other.second);
    });
    if (!held && talk_.store.damaged(channel.scope).empty()) return searches_.begin(number, channel), true;
    if (held) searches_.later(number);
    return true;  // a damaged scope comes back when it is mended
  }
  add_large(out, number, channel);
  return true;
}

bool Cuts::read_chunk(Transfer& transfer, wire::Channel number, Telling& telling) {
  const Channel& channel = talk_.at(number);
  auto chunk = talk_.store.chunk(channel.scope, telling.reached, talk_.room(talk_.limits.chunk_bytes));
  if (!chunk) return talk_.end_for_now(std::move(chunk).error()), false;
  wait_in_doubt(number, channel);
  // The scope is damaged: the rest when it is mended.
  if (telling.reached.covers(chunk->reached) || withholds(channel, telling.reached)) {
    transfer.members.erase(number);
    return go_on(channel.plane, transfer);
  }
  wire::Chunk told{talk_.next_cut++, number, !telling.begun, {}, {}, chunk->reached};
  if (told.begin) told.base = telling.base, told.floors = telling.floors;
  telling.begun = true;
  telling.reached = std::move(chunk->reached);
  talk_.metrics.keys_sent += chunk->delta.keys.size();
  transfer.share = MemoryShare(talk_.outgoing, weight(chunk->delta));
  for (wire::DeltaPart& part : wire::split(told.cut, number, std::move(chunk->delta), talk_.limits.part_bytes))
    transfer.parts.emplace_back(std::move(part));
  transfer.in_flight.push_back({told.cut, number, transfer.parts.size() * talk_.limits.part_bytes});
  transfer.unacked += transfer.in_flight.back().bytes;
  transfer.parts.emplace_back(std::move(told));
  return true;
}

/// The next chunk of the first member that has any.
bool Cuts::go_on(Plane lane, Transfer& transfer) {
  if (talk_.store.writing() || transfer.unacked >= talk_.limits.chunk_window) return false;
  const auto members = transfer.members;
  for (const wire::Channel number : members) {
    const Channel& channel = talk_.at(number);
    const auto at = telling_.find(number);
    if (talk_.sends(channel) && at == telling_.end()) continue;
    const bool searches = talk_.sends(channel) && tells_with_search(at->second) && !at->second.searched;
    if (!talk_.sends(channel) || !tells_truly(at->second, channel) || searches) {
      if (!searches) telling_.erase(number);
      transfer.members.erase(number);  // to come back when it has been looked at again
      talk_.mark_dirty(number);
    } else if (!at->second.reached.covers(talk_.mine(channel))) {
      return read_chunk(transfer, number, at->second);
    }
  }
  if (!transfer.in_flight.empty()) return false;
  const std::size_t large = telling_.size();
  if (complete(lane, transfer)) return true;
  // A member has become large meanwhile.
  return !talk_.ending && transfers_.contains(lane) && telling_.size() > large && go_on(lane, transfer);
}

/// All that is large has been told: the cut that makes it visible, with the members that are small. False if another
/// one is under way, or has become large.
bool Cuts::complete(Plane lane, Transfer& transfer) {
  if (outgoing_.contains(lane)) return false;
  Outgoing out;
  out.id = talk_.next_cut++;
  out.ack_within = talk_.limits.join;
  for (const wire::Channel number : transfer.members) {
    Channel& channel = talk_.at(number);
    const auto at = telling_.find(number);
    if (at == telling_.end()) {
      const std::size_t members = transfer.members.size(), large = telling_.size();
      if (!add_scope(out, number, channel)) return false;
      if (telling_.size() != large || transfer.members.size() != members) return false;
    } else if (at->second.begun) {
      out.parts.emplace_back(wire::Staged{out.id, number});
      out.upto.emplace_back(number, at->second.reached);
    }
  }
  for (const wire::Channel number : std::exchange(transfer.members, {})) talk_.mark_dirty(number);
  transfers_.erase(lane);
  return send_cut(lane, std::move(out));
}

std::optional<wire::Message> Cuts::next_chunk(Plane lane) {
  const auto at = transfers_.find(lane);
  if (at == transfers_.end()) return std::nullopt;
  Transfer& transfer = at->second;
  if (transfer.parts.empty()) {
    const bool more = go_on(lane, transfer);
    if (talk_.ending) return std::nullopt;
    if (!transfers_.contains(lane)) return next_part(lane);
    if (!more) return std::nullopt;
  }
  wire::Message message = std::move(transfer.parts.front());
  transfer.share.sent_one_of(transfer.parts.size());
  transfer.parts.pop_front();
  transfer.in_flight.back().whole = transfer.parts.empty();
  return message;
}

/// The peer keeps a chunk. False if `cut` is none.
bool Cuts::chunk_acked(std::uint64_t cut) {
  for (auto& [lane, transfer] : transfers_) {
    const auto at = std::find_if(transfer.in_flight.begin(), transfer.in_flight.end(),
                                 [&](const Transfer::InFlight& chunk) { return chunk.cut == cut && chunk.whole; });
    if (at == transfer.in_flight.end()) continue;
    transfer.unacked -= at->bytes;
    transfer.in_flight.erase(at);
    return true;
  }
  return false;
}

/// The peer cannot go on with a chunk: what was told of its channel is told again. Known if it followed one that was
/// refused.
Cuts::Refusal Cuts::chunk_refused(std::uint64_t cut, wire::Channel number) {
  const auto transfer = transfers_.find(talk_.at(number).plane);
  if (transfer == transfers_.end()) return Refusal::unknown;
  auto& in_flight = transfer->second.in_flight;
  const auto at = std::find_if(in_flight.begin(), in_flight.end(), [&](const Transfer::InFlight& chunk) {
    return chunk.cut == cut && chunk.channel == number && chunk.whole;
  });
  if (at == in_flight.end()) return Refusal::unknown;
  const bool first = !at->in_vain;
  transfer->second.unacked -= at->bytes;
  in_flight.erase(at);
  if (!first) return Refusal::known;
  for (Transfer::InFlight& later : in_flight) later.in_vain = later.in_vain || later.channel == number;
  telling_.erase(number);
  transfer->second.members.erase(number);
  talk_.mark_dirty(number);
  return Refusal::news;
}

void Cuts::offer_resume(wire::Channel number, store::ScopeId scope) {
  for (const auto& [from, stage] : talk_.store.stages(scope))
    if ((talk_.role == Role::node || from == talk_.peer.replica) && talk_.store.context(scope).covers(stage.base))
      talk_.send(wire::Resume{number, from, stage.base, stage.floors, stage.reached, stage.upto});
}

}  // namespace edgesync::sync
