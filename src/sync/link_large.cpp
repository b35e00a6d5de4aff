// SPDX-License-Identifier: Apache-2.0
// Link: what is too large for one cut in memory. Its scopes are told in chunks (crdt/chunk.hpp), each read from the
// file by itself and kept aside by the peer, who says after a reconnect how far it is; then one cut names them all, and
// they become visible together. Other scopes of the lane go on with cuts of their own meanwhile, and so do other lanes.
#include "sync/link.hpp"

#include <algorithm>

namespace edgesync::sync {

void Link::on(wire::Resume&& resume) {
  Channel* channel = find(resume.channel);
  if (channel != nullptr && channel->plane == Plane::stream)
    return end({Errc::protocol_violation, "resume of channel " + std::to_string(resume.channel) + ", a stream"});
  if (channel == nullptr || resume.from != context_.store.replica()) return;  // refused, or told by somebody else
  for (const crdt::Context* said : {&resume.base, &resume.floors, &resume.reached, &resume.upto})
    subscribed_bytes_ += item_bytes * said->items().size();
  if (subscribed_bytes_ > context_.limits.subscribed_bytes)
    return end({Errc::limit_exceeded, "resume: the contexts of all subscribed scopes are too large"});
  // Another copy of ours may have told it, and its beginning must not be joined with our end: it left out what that one
  // had seen removed or replaced, which `upto` tells of even where nothing of it was told yet.
  if (!audit(resume.channel, *channel, resume.upto)) return;
  crdt::Context most = context_.store.context(channel->scope);
  if (!most.covers(resume.upto)) return;  // we are not any more what we were
  most.join(resume.base);
  if (!most.covers(resume.reached)) return;
  telling_[resume.channel] = {std::move(resume.base), std::move(resume.floors), std::move(resume.reached), true, false};
}

/// Whether everything that was told is still true: nothing untold has left our log since the first chunk.
bool Link::tells_truly(const Telling& telling, const Channel& channel) const {
  crdt::Context told = telling.reached;
  told.join(telling.floors);
  return told.covers(context_.store.floors(channel.scope));
}

/// Whether the peer must search before what is told can be joined.
bool Link::tells_with_search(const Telling& telling) {
  return !telling.base.empty() && !telling.base.covers(telling.floors);
}

bool Link::is_member(wire::Channel number) const {
  const auto at = transfers_.find(channels_.at(number).plane);
  return at != transfers_.end() && at->second.members.contains(number);
}

/// The delta of `number` is large: begins to tell it, or goes on where the peer is.
void Link::add_large(Outgoing& out, wire::Channel number, const Channel& channel) {
  const auto [at, begun] = transfers_.try_emplace(channel.plane);
  at->second.members.insert(number);
  if (!begun) return;
  // What was to be one cut stays one: the rest of it waits for the large part.
  for (const auto& [other, upto] : out.upto) at->second.members.insert(other);
  auto& dirty = dirty_[channel.plane];
  for (auto other = dirty.begin(); other != dirty.end();) {
    const Channel& waiting = channels_.at(*other);
    const bool searching = search_ && search_->channel == *other;
    if (!searching && !waiting.peer.covers(context_.store.context(waiting.scope))) at->second.members.insert(*other);
    other = searching ? std::next(other) : dirty.erase(other);
  }
  out.upto.clear(), out.parts.clear();
  out.bytes = 0;
}

bool Link::tell_large(Outgoing& out, wire::Channel number, const Channel& channel) {
  const bool searched = search_ && search_->channel == number;
  auto at = telling_.find(number);
  if (at == telling_.end()) {
    const crdt::Context base = searched ? search_->base : channel.peer;
    at = telling_.emplace(number, Telling{base, context_.store.floors(channel.scope), base, false, false}).first;
  }
  at->second.searched = at->second.searched || searched;
  if (searched) end_search();
  if (tells_with_search(at->second) && !at->second.searched) {
    if (!peer_can("search")) {
      telling_.erase(at);
      auto whole = context_.store.delta(channel.scope, channel.peer);
      if (!whole) return end(std::move(whole).error(), std::chrono::seconds(5)), false;
      if (!channel.peer.covers(whole->upto)) add_delta(out, number, *std::move(whole));
      return true;
    }
    // What a search finds the peer holds until the cut: one large scope below the floors at a time.
    const bool held = std::any_of(telling_.begin(), telling_.end(), [number](const auto& other) {
      return other.first != number && other.second.searched && tells_with_search(other.second);
    });
    if (!held && context_.store.damaged(channel.scope).empty()) return begin_search(number, channel), true;
    if (held) search_later_.insert(number);
    return true;  // a damaged scope comes back when it is mended
  }
  add_large(out, number, channel);
  return true;
}

bool Link::read_chunk(Transfer& transfer, wire::Channel number, Telling& telling) {
  const Channel& channel = channels_.at(number);
  auto chunk = context_.store.chunk(channel.scope, telling.reached, room(context_.limits.chunk_bytes));
  if (!chunk) return end(std::move(chunk).error(), std::chrono::seconds(5)), false;
  if (telling.reached.covers(chunk->reached)) {  // the scope is damaged: the rest when it is mended
    transfer.members.erase(number);
    return go_on(channel.plane, transfer);
  }
  wire::Chunk told{next_cut_++, number, !telling.begun, {}, {}, chunk->reached};
  if (told.begin) told.base = telling.base, told.floors = telling.floors;
  telling.begun = true;
  telling.reached = std::move(chunk->reached);
  context_.metrics.keys_sent += chunk->delta.keys.size();
  transfer.share = {context_.outgoing, weight(chunk->delta)};
  for (wire::DeltaPart& part : wire::split(told.cut, number, std::move(chunk->delta), context_.limits.part_bytes))
    transfer.parts.emplace_back(std::move(part));
  transfer.in_flight.push_back({told.cut, number, transfer.parts.size() * context_.limits.part_bytes});
  transfer.unacked += transfer.in_flight.back().bytes;
  transfer.parts.emplace_back(std::move(told));
  return true;
}

/// The next chunk of the first member that has any.
bool Link::go_on(Plane lane, Transfer& transfer) {
  if (context_.store.writing() || transfer.unacked >= context_.limits.chunk_window) return false;
  const auto members = transfer.members;
  for (const wire::Channel number : members) {
    const Channel& channel = channels_.at(number);
    const auto at = telling_.find(number);
    if (sends(channel) && at == telling_.end()) continue;
    const bool searches = sends(channel) && tells_with_search(at->second) && !at->second.searched;
    if (!sends(channel) || !tells_truly(at->second, channel) || searches) {
      if (!searches) telling_.erase(number);
      transfer.members.erase(number);  // to come back when it has been looked at again
      mark_dirty(number);
    } else if (!at->second.reached.covers(context_.store.context(channel.scope))) {
      return read_chunk(transfer, number, at->second);
    }
  }
  if (!transfer.in_flight.empty()) return false;
  const std::size_t large = telling_.size();
  if (complete(lane, transfer)) return true;
  // A member has become large meanwhile.
  return !ending_ && transfers_.contains(lane) && telling_.size() > large && go_on(lane, transfer);
}

/// All that is large has been told: the cut that makes it visible, with the members that are small. False if another
/// one is under way, or has become large.
bool Link::complete(Plane lane, Transfer& transfer) {
  if (outgoing_.contains(lane)) return false;
  Outgoing out;
  out.id = next_cut_++;
  out.ack_within = context_.limits.join;
  for (const wire::Channel number : transfer.members) {
    Channel& channel = channels_.at(number);
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
  for (const wire::Channel number : std::exchange(transfer.members, {})) mark_dirty(number);
  transfers_.erase(lane);
  return send_cut(lane, std::move(out));
}

std::optional<wire::Message> Link::next_chunk(Plane lane) {
  const auto at = transfers_.find(lane);
  if (at == transfers_.end()) return std::nullopt;
  Transfer& transfer = at->second;
  if (transfer.parts.empty()) {
    const bool more = go_on(lane, transfer);
    if (ending_) return std::nullopt;
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
bool Link::chunk_acked(std::uint64_t cut) {
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

/// The peer cannot go on with a chunk: what was told of its channel is told again. Nothing if `cut` is none, false if
/// it followed one of which we know already.
std::optional<bool> Link::chunk_refused(std::uint64_t cut, wire::Channel number) {
  const auto transfer = transfers_.find(channels_.at(number).plane);
  if (transfer == transfers_.end()) return std::nullopt;
  auto& in_flight = transfer->second.in_flight;
  const auto at = std::find_if(in_flight.begin(), in_flight.end(), [&](const Transfer::InFlight& chunk) {
    return chunk.cut == cut && chunk.channel == number && chunk.whole;
  });
  if (at == in_flight.end()) return std::nullopt;
  const bool first = !at->in_vain;
  transfer->second.unacked -= at->bytes;
  in_flight.erase(at);
  if (!first) return false;
  for (Transfer::InFlight& later : in_flight) later.in_vain = later.in_vain || later.channel == number;
  telling_.erase(number);
  transfer->second.members.erase(number);
  mark_dirty(number);
  return true;
}

void Link::on(wire::Chunk&& told) {
  Channel* channel = find(told.channel);
  if (!may_receive(told.channel, channel, false)) return;
  auto delta = inbox_.take_one(told.cut, told.channel);
  if (!delta) return end(std::move(delta).error());
  channel->peer.join(delta->upto);  // it ships only what is durable there
  note_former(*channel, delta->upto);
  context_.metrics.keys_received += delta->keys.size();
  Unsettled unsettled{told.cut, {}, {}, told.channel, weight(*delta), true, {}};
  unsettled_bytes_ += unsettled.bytes;
  if (unsettled_bytes_ > context_.limits.staged_bytes + context_.limits.unsettled_bytes)
    return end({Errc::limit_exceeded, "more chunks than can be stored"});
  store::RemoteChunk chunk{channel->scope,       peer_.replica,          told.begin,
                           std::move(told.base), std::move(told.floors), {*std::move(delta), std::move(told.reached)}};
  unsettled_.emplace(context_.store.keep(std::move(chunk)), std::move(unsettled));
}

void Link::on(wire::Staged&& staged) {
  if (!may_receive(staged.channel, find(staged.channel), false)) return;
  if (auto added = inbox_.add(staged); !added) end(std::move(added).error());
}

void Link::offer_resume(wire::Channel number, store::ScopeId scope) {
  for (const auto& [from, stage] : context_.store.stages(scope))
    if ((role_ == Role::node || from == peer_.replica) && context_.store.context(scope).covers(stage.base))
      send(wire::Resume{number, from, stage.base, stage.floors, stage.reached, stage.upto});
}

}  // namespace edgesync::sync
