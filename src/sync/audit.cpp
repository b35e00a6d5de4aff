// SPDX-License-Identifier: Apache-2.0
#include "sync/audit.hpp"

#include "base/hash.hpp"
#include "base/planted.hpp"
#include "stream/origin_signature.hpp"

#include <algorithm>

namespace edgesync::sync {

void Audit::fork(const ReplicaId& self, std::string reason) {
  Error error(Errc::identity_clash, "this database is a copy of one that went on: " + std::move(reason));
  talk_.signals.push_back({Signal::Kind::forked, {}, {}, error, self, {}});
  talk_.end(std::move(error), talk_.limits.settle_retry);
}

/// Whether the peer's `told` of our replica can be ours. Of records, which are numbered and not stamped, more is to
/// ask.
bool Audit::own(const Channel& channel, crdt::Stamp told) const {
  const ReplicaId& self = talk_.store.replica();
  if (planted(Bug::skip_audit)) return true;
  const crdt::Stamp mine = talk_.mine(channel)[self];
  const crdt::Stamp given_up = talk_.store.former_own(channel.scope);
  if (told > std::max(mine, given_up)) return false;
  const bool known = told == 0 || told == given_up || told == talk_.store.acked(channel.scope)[self];
  return known || channel.plane == Plane::stream || talk_.store.minted(self, told);
}

/// Whether the peer's `told` of an id that we went by before, until we were noticed to be a copy, can be of one history
/// with what we did under it. It can not if we were copied from a copy that nobody had noticed. What is stable is
/// everybody's; of records, each number is taken once, whoever brings it.
bool Audit::own(const Channel& channel, const store::Former& self, crdt::Stamp told) const {
  const store::Store& store = talk_.store;
  const crdt::Stamp ours = std::min(store.context(channel.scope)[self.id], self.last);
  return planted(Bug::skip_former) || channel.plane == Plane::stream || ours <= store.stable(channel.scope)[self.id] ||
         told == 0 || told == store.acked(channel.scope)[self.id] || store.minted(self.id, told, self.last);
}

/// Whether all that is `told` of us can be ours: of this id, and of those before.
bool Audit::own(const Channel& channel, const crdt::Context& told) {
  const ReplicaId& self = talk_.store.replica();
  const std::string& name = talk_.store.scope(channel.scope).name;
  if (!own(channel, told[self])) {
    fork(self, "the peer knows later transactions of it in scope " + name);
    return false;
  }
  for (const store::Former& former : talk_.store.former()) {
    if (own(channel, former, told[former.id])) continue;
    fork(former.id, "the peer knows other transactions of it in scope " + name);
    return false;
  }
  return true;
}

bool Audit::meet(wire::Channel number, Channel& channel, const crdt::Context& told) {
  const ReplicaId& self = talk_.store.replica();
  if (!own(channel, told)) return false;
  if (talk_.role == Role::hub || channel.plane != Plane::stream) return true;
  const std::uint64_t sequence = told[self];
  const bool certain = sequence <= talk_.store.acked(channel.scope)[self] ||
                       sequence <= talk_.store.floors(channel.scope)[self] || !talk_.peer_can("proof");
  if (certain) return true;
  channel.proving = true;
  talk_.send(wire::Prove{number, sequence});
  return true;
}

void Audit::on(wire::Prove&& prove) {
  Channel* channel = talk_.find(prove.channel);
  if (talk_.role != Role::hub || channel == nullptr || !channel->open || channel->plane != Plane::stream ||
      std::exchange(channel->proved, true))
    return talk_.end({Errc::protocol_violation, "prove: channel " + std::to_string(prove.channel)});
  proofs_.push_back(prove);
}

void Audit::on(wire::Proof&& proof) {
  const Channel* channel = talk_.find(proof.channel);
  if (talk_.role != Role::node || channel == nullptr || !channel->proving)
    return talk_.end({Errc::protocol_violation, "proof: channel " + std::to_string(proof.channel)});
  talk_.awaits.over(Awaited::proof, proof.channel);
  proofs_.push_back(std::move(proof));
}

void Audit::work() {
  const wire::Message message = std::move(proofs_.front());
  proofs_.pop_front();
  if (const auto* asked = std::get_if<wire::Prove>(&message)) prove(*asked);
  if (const auto* answer = std::get_if<wire::Proof>(&message)) check(*answer);
}

Result<Bytes> Audit::segment_hash(const Channel& channel, const ReplicaId& origin, std::uint64_t last) const {
  auto segments = talk_.store.segments(channel.scope, origin, last - 1, 1);
  if (!segments) return std::move(segments).error();
  for (const store::StoredSegment& segment : *segments)
    if (segment.first + segment.count - 1 == last)
      return to_bytes(siphash(talk_.store.fingerprint_key(channel.scope), stream::without_signature(segment.body)));
  return Bytes{};
}

void Audit::prove(const wire::Prove& asked) {
  auto hash = segment_hash(talk_.at(asked.channel), talk_.peer.replica, std::max<std::uint64_t>(asked.sequence, 1));
  if (!hash) return talk_.end_for_now(std::move(hash).error());
  talk_.send(wire::Proof{asked.channel, asked.sequence, *std::move(hash)});
}

void Audit::check(const wire::Proof& proof) {
  Channel& channel = talk_.at(proof.channel);
  if (!channel.proving) return;
  const auto mine = segment_hash(channel, talk_.store.replica(), std::max<std::uint64_t>(proof.sequence, 1));
  if (!mine) return talk_.end_for_now(mine.error());
  // A hub that has trimmed the segment proves nothing, and there is nothing to hold against it; neither is there once
  // it has become stable and was trimmed here while the proof was on its way, or a quota took it.
  const ReplicaId& self = talk_.store.replica();
  const bool trimmed = mine->empty() && (proof.sequence <= talk_.store.floors(channel.scope)[self] ||
                                         talk_.store.dropped(channel.scope, self, proof.sequence));
  if (!trimmed && !proof.hash.empty() && proof.hash != *mine)
    return fork(self, "the hub has other records of it in stream " + talk_.store.scope(channel.scope).name);
  channel.proving = false;
  talk_.signal(Signal::Kind::acked, channel.scope, channel.peer, {}, channel.missing);
  talk_.mark_dirty(proof.channel);
}

}  // namespace edgesync::sync
