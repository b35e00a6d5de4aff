// SPDX-License-Identifier: Apache-2.0
#include "sync/receiver.hpp"

#include "base/hash.hpp"
#include "base/planted.hpp"
#include "store/growth.hpp"
#include "stream/drops.hpp"
#include "stream/origin_signature.hpp"
#include "sync/introduction.hpp"

#include <algorithm>

namespace edgesync::sync {
namespace {

constexpr std::ptrdiff_t large_cuts_max = 2;  // one of state and one of config

}  // namespace

/// Counts what is to be stored; false, and the link ends, if it is more than a window allows.
bool Receiver::hold(std::size_t& held, std::size_t bytes, std::size_t most, const char* what) {
  held += bytes;
  held_.take(bytes);
  if (held <= most) return true;
  talk_.end({Errc::limit_exceeded, std::string("more ") + what + " in flight than the window allows"});
  return false;
}

/// The peer ships only what is durable there. What a hub sends need not be acked, of replicas that ask whether it has
/// got so far: of a relay's nodes, one of which may have gone there by itself before it came to us; and under an id
/// that was ours before, another copy may go on.
void Receiver::note_held(Channel& channel, const crdt::Context& held) {
  channel.peer.join(held);
  if (talk_.role != Role::node) return;
  const bool relay = static_cast<bool>(talk_.authorizer.connect);
  crdt::Context known = relay ? held : crdt::Context{};
  for (const ReplicaId& self : talk_.store.selves()) known.advance({self, held[self]});
  if (!talk_.store.acked(channel.scope).covers(known))
    talk_.signal(Signal::Kind::acked, channel.scope, std::move(known));
}

/// What finds no room because of others may come back when they are done.
void Receiver::took(const Result<void>& added) {
  if (!added) talk_.end(added.error(), talk_.arriving.spent() ? talk_.limits.shed : std::chrono::milliseconds(0));
}

void Receiver::on(wire::DeltaPart&& part) {
  Channel* channel = talk_.find(part.channel);
  if (!talk_.may_receive(part.channel, channel, false)) return;
  if (part.first && !audit_.own(*channel, part.delta.upto)) return;
  const std::size_t bytes = weight(part.delta);
  took(inbox_.add(std::move(part), bytes));
}

void Receiver::on(wire::PatchedPart&& part) {
  const Channel* channel = talk_.find(part.channel);
  if (!talk_.may_receive(part.channel, channel, false)) return;
  const bool good = part.base.size() == sizeof(Sha256Digest) && part.bytes <= wire::patched_bytes_max;
  if (channel->plane != Plane::config || !good)
    return talk_.end({Errc::protocol_violation, "patched part: of channel " + std::to_string(part.channel)});
  took(inbox_.add(std::move(part)));
}

void Receiver::on(wire::Staged&& staged) {
  if (!talk_.may_receive(staged.channel, talk_.find(staged.channel), false)) return;
  took(inbox_.add(staged));
}

/// Received and not yet durable. Each has a group commit to itself.
std::ptrdiff_t Receiver::large_cuts() const {
  return std::count_if(unsettled_.begin(), unsettled_.end(), [](const auto& one) {
    const auto* cut = std::get_if<ReceivedCut>(&one.second.received);
    return cut != nullptr && cut->staged;
  });
}

void Receiver::on(wire::Cut&& cut) {
  auto whole = inbox_.take(cut);
  if (!whole) return talk_.end(std::move(whole).error());
  if (!whole->stages.empty() && large_cuts() >= large_cuts_max)
    return talk_.end({Errc::limit_exceeded, "more large cuts in flight than a sender has lanes"});
  store::RemoteCut remote;
  ReceivedCut received{cut.cut, {}, !whole->stages.empty()};
  std::size_t bytes = 0;
  for (auto& [number, delta] : whole->deltas) {
    Channel& channel = talk_.at(number);
    note_held(channel, delta.upto);
    received.channels.push_back(number);
    std::size_t weighs = weight(delta);
    store::Held brings{store::listed_bytes(delta), 0};
    talk_.metrics.keys_received += delta.keys.size();
    store::RemoteDelta& added = remote.deltas.emplace_back();
    added.scope = channel.scope;
    added.delta = std::move(delta);
    added.removed = searches_.take_removed(number);
    for (wire::PatchedPart& part : whole->patches[number]) {
      weighs += part.bytes;
      brings.bytes += part.bytes;
      added.patches.push_back({std::move(part.base), part.bytes, std::move(part.patch)});
    }
    added.terms = talk_.terms(channel, brings);
    bytes += weighs;
  }
  for (const wire::Channel number : whole->stages) {
    received.channels.push_back(number);
    store::RemoteStage& added = remote.stages.emplace_back();
    added.scope = talk_.at(number).scope;
    added.from = talk_.peer.replica;
    added.removed = searches_.take_removed(number);
    const auto& stages = talk_.store.stages(added.scope);
    const auto stage = stages.find(added.from);
    added.terms = talk_.terms(talk_.at(number), {stage == stages.end() ? 0 : stage->second.bytes, 0});
    if (added.terms.room) added.terms.room->joins = talk_.quotas.may_join(talk_.peer.name, added.scope, talk_.heard);
  }
  if (!hold(unsettled_bytes_, bytes, talk_.limits.staged_bytes + talk_.limits.unsettled_bytes, "cuts")) return;
  if (planted(Bug::ack_before_commit)) talk_.send(wire::Ack{cut.cut});
  unsettled_.emplace(talk_.store.apply(std::move(remote)), Unsettled{std::move(received), bytes});
}

void Receiver::on(wire::Chunk&& told) {
  Channel* channel = talk_.find(told.channel);
  if (!talk_.may_receive(told.channel, channel, false)) return;
  auto delta = inbox_.take_one(told.cut, told.channel);
  if (!delta) return talk_.end(std::move(delta).error());
  note_held(*channel, delta->upto);
  talk_.metrics.keys_received += delta->keys.size();
  const std::size_t bytes = weight(*delta);
  if (!hold(unsettled_bytes_, bytes, talk_.limits.staged_bytes + talk_.limits.unsettled_bytes, "chunks")) return;
  const store::Terms terms = talk_.terms(*channel, {0, store::told_bytes(*delta)});
  store::RemoteChunk chunk{channel->scope,
                           talk_.peer.replica,
                           told.begin,
                           std::move(told.base),
                           std::move(told.floors),
                           {*std::move(delta), std::move(told.reached)},
                           terms};
  unsettled_.emplace(talk_.store.keep(std::move(chunk)), Unsettled{ReceivedChunk{told.cut, told.channel}, bytes});
}

/// What its origin signed to be gone right before the segment. Who is believed of nothing but its own changes may bring
/// what others signed: it counts as theirs.
std::vector<Gap> Receiver::vouched(const Channel& channel, const wire::Segment& segment, store::Terms& terms) const {
  auto signature = stream::signature_of(segment.body);
  if (!signature) return {};
  const bool proves = channel.own_only && segment.origin != talk_.peer.replica && talk_.authorizer.signer;
  if (!proves) return std::move(signature->gone);
  const std::string stream = talk_.store.scope(channel.scope).name, key = to_hex(signature->key);
  const Bytes statement =
      stream::statement_of(stream, segment.origin, signature->gone, stream::without_signature(segment.body));
  auto name = talk_.authorizer.signer(key, stream);
  if (name && signed_by(signature->key, statement, signature->signature, talk_.verifier)) {
    terms.teller = store::Teller{*std::move(name), segment.origin, true};
    return std::move(signature->gone);
  }
  terms.refused = Error(Errc::forbidden, "records of replica " + to_string(segment.origin) +
                                             ", which nobody has signed who may write them");
  return {};
}

void Receiver::on(wire::Segment&& segment) {
  Channel* channel = talk_.find(segment.channel);
  if (!talk_.may_receive(segment.channel, channel, true)) return;
  const auto info = stream::inspect(segment.body);
  // What is of a later version, or too large, is refused by the store, in its turn.
  const bool unreadable = !info && (info.error().is(Errc::unsupported) || info.error().is(Errc::limit_exceeded));
  const bool good = info && info->first == segment.first && info->count == segment.count;
  if ((!good && !unreadable) || segment.count == 0)
    return talk_.end({Errc::protocol_violation, "segment " + std::to_string(segment.first) + " of channel " +
                                                    std::to_string(segment.channel) + ": damaged"});
  const std::size_t bytes = segment.body.size();
  if (!hold(unsettled_records_, bytes, talk_.limits.unsettled_bytes, "records")) return;
  ++talk_.metrics.segments_received;
  const crdt::Dot last{segment.origin, segment.first + segment.count - 1};
  store::Terms terms = talk_.terms(*channel, {bytes, 0});
  std::vector<Gap> gone = vouched(*channel, segment, terms);
  store::RemoteSegment remote{channel->scope,          segment.origin,   segment.first,  segment.count,
                              std::move(segment.body), std::move(terms), std::move(gone)};
  unsettled_.emplace(talk_.store.apply(std::move(remote)), Unsettled{ReceivedSegment{segment.channel, last}, bytes});
}

void Receiver::on(wire::Dropped&& dropped) {
  take_gap(dropped.channel, {{}, dropped.origin, {dropped.first, dropped.last, dropped.why}, {}});
}

/// Records that a root has trimmed it never had, or has lost: they are nowhere.
void Receiver::on(wire::Trimmed&& trimmed) {
  const DropReason why = talk_.root ? DropReason::corrupt : stream::at_root;
  take_gap(trimmed.channel, {{}, trimmed.origin, {1, trimmed.through, why}, trimmed.missing});
}

/// A hub hears that records will not come.
void Receiver::take_gap(wire::Channel number, store::RemoteGap gap) {
  constexpr std::size_t bytes = 64;  // about
  const Channel* channel = talk_.find(number);
  if (!talk_.may_receive(number, channel, true)) return;
  const auto [first, last, why] = gap.gap;
  if (first == 0 || last < first || last > INT64_MAX)
    return talk_.end({Errc::protocol_violation, "records " + std::to_string(first) + " to " + std::to_string(last) +
                                                    " of channel " + std::to_string(number) + " are said to be gone"});
  if (!hold(unsettled_records_, bytes, talk_.limits.unsettled_bytes, "records")) return;
  gap.scope = channel->scope;
  gap.terms = talk_.terms(*channel, {});
  unsettled_.emplace(talk_.store.apply(gap), Unsettled{ReceivedSegment{number, {gap.origin, last}}, bytes});
}

void Receiver::on_flushed(const store::Outcome& outcome) {
  const auto node = unsettled_.extract(outcome.ticket);
  if (node.empty()) return;
  const Unsettled& unsettled = node.mapped();
  const bool records = std::holds_alternative<ReceivedSegment>(unsettled.received);
  (records ? unsettled_records_ : unsettled_bytes_) -= unsettled.bytes;
  held_.give_back(unsettled.bytes);
  if (!outcome.error)
    std::visit([&](const auto& received) { settle(received, outcome); }, unsettled.received);
  else if (!refuse(unsettled, outcome))
    talk_.end_for_now(*outcome.error);
}

void Receiver::settle(const ReceivedCut& received, const store::Outcome& outcome) {
  if (outcome.applied) {
    ++talk_.metrics.cuts_applied;
    for (const wire::Channel number : received.channels) talk_.stored(number, false);
    if (!planted(Bug::ack_before_commit)) talk_.send(wire::Ack{received.cut});
    return;
  }
  // It does not build on what is here; or what was kept aside is not there, or not complete: it is to be told again.
  if (const auto at = talk_.numbers.find(outcome.scope); at != talk_.numbers.end())
    return resync(received.cut, at->second);
  talk_.end({Errc::protocol_violation, "cut " + std::to_string(received.cut) + " cannot be applied"});
}

void Receiver::settle(const ReceivedChunk& received, const store::Outcome& outcome) {
  if (!outcome.applied) return resync(received.cut, received.channel);
  if (!planted(Bug::ack_before_commit)) talk_.send(wire::Ack{received.cut});
}

void Receiver::settle(const ReceivedSegment& received, const store::Outcome& outcome) {
  Channel& channel = talk_.at(received.channel);
  if (!outcome.applied) {
    // Everything in flight behind a missing segment is refused as well: one answer is enough.
    if (resync_sent_.insert(received.channel).second) resync(0, received.channel);
    return;
  }
  resync_sent_.erase(received.channel);
  talk_.stored(received.channel, false);
  channel.peer.advance(received.last);
  talk_.send(wire::StreamAck{received.channel, received.last.replica,
                             received.last.stamp + (planted(Bug::ack_one_more) ? 1 : 0), outcome.missing});
}

void Receiver::resync(std::uint64_t cut, wire::Channel number) {
  const Channel& channel = talk_.at(number);
  talk_.send(wire::Resync{cut, number, talk_.concerning(channel, talk_.mine(channel))});
}

/// Tells the peer what we cannot store. False if the fault is not of one scope, or is the peer's own.
bool Receiver::refuse(const Unsettled& unsettled, const store::Outcome& outcome) {
  const auto at = talk_.numbers.find(outcome.scope);
  if (at == talk_.numbers.end() || outcome.error->is(Errc::protocol_violation)) return false;
  wire::Refused refused{0, at->second, static_cast<Errc>(outcome.error->code.value()),
                        outcome.error->detail.substr(0, detail_bytes_max)};
  if (const auto* cut = std::get_if<ReceivedCut>(&unsettled.received)) {
    refused.cut = cut->cut;
    const bool overflows = cut->staged && outcome.error->is(Errc::storage_full);
    if (overflows && talk_.quotas.may_join(talk_.peer.name, outcome.scope, talk_.heard))
      talk_.quotas.overflowed(talk_.peer.name, outcome.scope, talk_.quotas.now() + talk_.limits.refused_min);
  }
  if (const auto* chunk = std::get_if<ReceivedChunk>(&unsettled.received)) refused.cut = chunk->cut;
  if (const auto* segment = std::get_if<ReceivedSegment>(&unsettled.received)) {
    refused.origin = segment->last.replica;
    refused.last = segment->last.stamp;
    // What is in flight behind a segment that was refused does not fit: this is the answer to that, too.
    resync_sent_.insert(at->second);
  }
  talk_.send(std::move(refused));
  if (talk_.refusals.by_us(at->second, *outcome.error))
    talk_.signal(Signal::Kind::unstored, outcome.scope, {},
                 {outcome.error->code, "not stored here: " + outcome.error->detail});
  return true;
}

}  // namespace edgesync::sync
