// SPDX-License-Identifier: Apache-2.0
// Link: the self-audit. Before anything is shipped, what the peer says it knows of this replica must be what this
// database minted. If it is not, another copy of the database lives under the same id, and going on would make the two
// take each other's transactions for seen and gone.
#include "sync/link.hpp"

#include "base/planted.hpp"

#include <algorithm>

namespace edgesync::sync {

void Link::fork(const ReplicaId& self, std::string reason) {
  Error error(Errc::identity_clash, "this database is a copy of one that went on: " + std::move(reason));
  signals_.push_back({Signal::Kind::forked, {}, {}, error, self});
  end(std::move(error), context_.limits.settle_retry);
}

/// Whether the peer's `told` of our replica can be ours. Of records, which are numbered and not stamped, more is to
/// ask.
bool Link::own(const Channel& channel, crdt::Stamp told) const {
  const ReplicaId& self = context_.store.replica();
  if (planted(Bug::skip_audit)) return true;
  const crdt::Stamp mine = context_.store.context(channel.scope)[self];
  const crdt::Stamp given_up = context_.store.former_own(channel.scope);
  if (told > std::max(mine, given_up)) return false;
  const bool known = told == 0 || told == given_up || told == context_.store.acked(channel.scope)[self];
  return known || channel.plane == Plane::stream || context_.store.minted(told);
}

/// Whether the peer's `told` of an id that we went by before, until we were noticed to be a copy, can be of one history
/// with what we did under it. It can not if we were copied from a copy that nobody had noticed. What is stable is
/// everybody's; of records, each number is taken once, whoever brings it.
bool Link::own(const Channel& channel, const store::Former& self, crdt::Stamp told) const {
  const store::Store& store = context_.store;
  const crdt::Stamp ours = std::min(store.context(channel.scope)[self.id], self.last);
  return planted(Bug::skip_former) || channel.plane == Plane::stream || ours <= store.stable(channel.scope)[self.id] ||
         told == 0 || told == store.acked(channel.scope)[self.id] || store.minted(told, self.last);
}

/// Whether all that is `told` of us can be ours: of this id, and of those before.
bool Link::own(const Channel& channel, const crdt::Context& told) {
  const ReplicaId& self = context_.store.replica();
  const std::string& name = context_.store.scope(channel.scope).name;
  if (!own(channel, told[self])) {
    fork(self, "the peer knows later transactions of it in scope " + name);
    return false;
  }
  for (const store::Former& former : context_.store.former()) {
    if (own(channel, former, told[former.id])) continue;
    fork(former.id, "the peer knows other transactions of it in scope " + name);
    return false;
  }
  return true;
}

bool Link::audit(wire::Channel number, Channel& channel, const crdt::Context& told) {
  const ReplicaId& self = context_.store.replica();
  if (!own(channel, told)) return false;
  if (role_ == Role::hub || channel.plane != Plane::stream) return true;
  const std::uint64_t sequence = told[self];
  const bool certain = sequence <= context_.store.acked(channel.scope)[self] ||
                       sequence <= context_.store.floors(channel.scope)[self] || !peer_can("proof");
  if (certain) return true;
  channel.proving = true;
  send(wire::Prove{number, sequence});
  return true;
}

void Link::on(wire::Prove&& prove) {
  Channel* channel = find(prove.channel);
  if (role_ != Role::hub || channel == nullptr || !channel->open || channel->plane != Plane::stream ||
      std::exchange(channel->proved, true))
    return end({Errc::protocol_violation, "prove: channel " + std::to_string(prove.channel)});
  proofs_.push_back(prove);
}

void Link::on(wire::Proof&& proof) {
  const Channel* channel = find(proof.channel);
  if (role_ != Role::node || channel == nullptr || !channel->proving)
    return end({Errc::protocol_violation, "proof: channel " + std::to_string(proof.channel)});
  awaited(Awaited::proof, proof.channel);
  proofs_.push_back(std::move(proof));
}

void Link::prove() {
  const wire::Message message = std::move(proofs_.front());
  proofs_.pop_front();
  if (const auto* asked = std::get_if<wire::Prove>(&message)) prove(*asked);
  if (const auto* answer = std::get_if<wire::Proof>(&message)) check(*answer);
}

Result<Bytes> Link::segment_hash(const Channel& channel, const ReplicaId& origin, std::uint64_t last) {
  auto segments = context_.store.segments(channel.scope, origin, last - 1, 1);
  if (!segments) return std::move(segments).error();
  for (const store::StoredSegment& segment : *segments)
    if (segment.first + segment.count - 1 == last)
      return to_bytes(siphash(context_.store.fingerprint_key(channel.scope), segment.body));
  return Bytes{};
}

void Link::prove(const wire::Prove& asked) {
  auto hash = segment_hash(channels_.at(asked.channel), peer_.replica, std::max<std::uint64_t>(asked.sequence, 1));
  if (!hash) return end(std::move(hash).error(), std::chrono::seconds(5));
  send(wire::Proof{asked.channel, asked.sequence, *std::move(hash)});
}

void Link::check(const wire::Proof& proof) {
  Channel& channel = channels_.at(proof.channel);
  if (!channel.proving) return;
  const auto mine = segment_hash(channel, context_.store.replica(), std::max<std::uint64_t>(proof.sequence, 1));
  if (!mine) return end(mine.error(), std::chrono::seconds(5));
  // A hub that has trimmed the segment proves nothing, and there is nothing to hold against it; neither is there once
  // it has become stable and was trimmed here while the proof was on its way.
  const ReplicaId& self = context_.store.replica();
  const bool trimmed = mine->empty() && proof.sequence <= context_.store.floors(channel.scope)[self];
  if (!trimmed && !proof.hash.empty() && proof.hash != *mine)
    return fork(self, "the hub has other records of it in stream " + context_.store.scope(channel.scope).name);
  channel.proving = false;
  signals_.push_back({Signal::Kind::acked, channel.scope, channel.peer, {}});
  mark_dirty(proof.channel);
}

}  // namespace edgesync::sync
