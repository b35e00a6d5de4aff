// SPDX-License-Identifier: Apache-2.0
// Link: subscriptions. The node names the scopes and numbers them; the hub admits each or says why not.
#include "base/planted.hpp"
#include "base/text.hpp"
#include "crdt/reissue.hpp"
#include "sync/config_plane.hpp"
#include "sync/link.hpp"

#include <algorithm>

namespace edgesync::sync {

void Link::on_scope(store::ScopeId scope) {
  if (talk_.ending) return;
  const auto at = talk_.numbers.find(scope);
  if (at != talk_.numbers.end())
    talk_.mark_dirty(at->second);
  else if (talk_.role == Role::node && !talk_.store.local_only(scope))
    subscribe(scope);
}

void Link::on_given_up(store::ScopeId scope) {
  if (talk_.numbers.contains(scope)) end({Errc::closed, talk_.store.scope(scope).name + ": is given up at the node"});
}

void Link::subscribe(store::ScopeId scope) {
  const store::Scope described = talk_.store.scope(scope);
  const auto number = static_cast<wire::Channel>(talk_.channels.size() + 1);
  Channel& channel = talk_.channels[number];
  channel.scope = scope;
  channel.plane = described.plane;
  talk_.numbers[scope] = number;
  ++unanswered_;
  talk_.send(wire::Subscribe{number, described.plane, described.name, talk_.store.context(scope), talk_.summary(scope),
                             talk_.config.latest_content(scope)});
  cuts_.offer_resume(number, scope);
}

Access Link::access(Plane plane, const std::string& scope) const {
  return talk_.authorizer.scope ? talk_.authorizer.scope(credentials_, plane, scope) : Access::none;
}

ScopeQuota Link::quota(Plane plane, const std::string& scope) const {
  return talk_.authorizer.quota ? talk_.authorizer.quota(credentials_, plane, scope) : ScopeQuota{};
}

void Link::authorize_again() {
  if (talk_.ending || !linked_) return;
  if (!talk_.authorizer.connect || !talk_.authorizer.connect(credentials_))
    return end({Errc::unauthorized, "access was withdrawn"});
  if (!as_told()) return end({Errc::closed, "what this node may do has changed"});
  for (auto& [number, channel] : talk_.channels)
    channel.quota = quota(channel.plane, talk_.store.scope(channel.scope).name);
}

/// True if the peer may still do what it was told, and nothing more.
bool Link::as_told() const {
  const auto same = [this](const auto& numbered) {
    const Channel& channel = numbered.second;
    const Access writes = channel.own_only ? Access::write_own : Access::read_write;
    const Access told = channel.writable ? writes : Access::read;
    return access(channel.plane, talk_.store.scope(channel.scope).name) == told;
  };
  const auto denied = [this](const auto& scope) { return access(scope.first, scope.second) == Access::none; };
  return std::all_of(talk_.channels.begin(), talk_.channels.end(), same) &&
         std::all_of(denied_.begin(), denied_.end(), denied);
}

namespace {

bool is_content_id(const Bytes& holds) noexcept { return holds.empty() || holds.size() == sizeof(Sha256Digest); }

}  // namespace

Result<Link::Admitted> Link::admit(const wire::Subscribe& subscribe) {
  if (subscribe.plane < Plane::state || subscribe.plane > Plane::stream)
    return Error(Errc::unsupported, subscribe.scope + ": unknown plane");
  const Access granted = access(subscribe.plane, subscribe.scope);
  if (granted == Access::none) {
    denied_.emplace_back(subscribe.plane, subscribe.scope);
    return Error(Errc::forbidden, subscribe.scope + ": not allowed");
  }
  const auto scope = talk_.store.open_scope(subscribe.plane, subscribe.scope);
  if (!scope) return Error(Errc::invalid_argument, scope.error().detail);
  if (talk_.store.local_only(*scope)) return Error(Errc::forbidden, subscribe.scope + ": does not leave its node");
  return Admitted{*scope, granted, quota(subscribe.plane, subscribe.scope)};
}

void Link::on(wire::Subscribe&& subscribe) {
  if (talk_.role != Role::hub) return end({Errc::protocol_violation, "subscribe from a hub"});
  if (talk_.channels.contains(subscribe.channel) || talk_.channels.size() + denied_.size() >= talk_.limits.channels)
    return end({Errc::protocol_violation, "channel " + std::to_string(subscribe.channel) + ": taken, or too many"});
  talk_.subscribed_bytes += subscribe.scope.size() + item_bytes * subscribe.context.items().size();
  if (talk_.subscribed_bytes > talk_.limits.subscribed_bytes)
    return end({Errc::limit_exceeded, subscribe.scope + ": the contexts of all subscribed scopes are too large"});
  if (!is_content_id(subscribe.holds))
    return end({Errc::protocol_violation, subscribe.scope + ": holds what is no content"});
  const auto admitted = admit(subscribe);
  if (!admitted)
    return talk_.send(wire::Unsubscribed{subscribe.channel, static_cast<Errc>(admitted.error().code.value()),
                                         admitted.error().detail});
  if (talk_.numbers.contains(admitted->scope))
    return end({Errc::protocol_violation, subscribe.scope + ": subscribed twice"});
  open_channel(std::move(subscribe), *admitted);
}

std::vector<wire::Missing> Link::missing_of(const Channel& channel, const crdt::Context& told) const {
  std::vector<wire::Missing> all;
  if (channel.plane != Plane::stream) return all;
  for (const crdt::Context::Item& item : told.items())
    if (const Drops drops = talk_.store.missing(channel.scope, item.replica); drops.total() > 0)
      all.push_back({item.replica, drops});
  return all;
}

void Link::open_channel(wire::Subscribe&& subscribe, const Admitted& admitted) {
  const auto& [scope, granted, quota] = admitted;
  Channel& channel = talk_.channels[subscribe.channel];
  channel.scope = scope;
  channel.plane = subscribe.plane;
  channel.open = true;
  channel.writable = granted >= Access::write_own;
  channel.own_only = granted == Access::write_own;
  channel.quota = quota;
  channel.peer = std::move(subscribe.context);
  channel.holds = std::move(subscribe.holds);
  talk_.numbers[scope] = subscribe.channel;
  if (!audit_.meet(subscribe.channel, channel, channel.peer)) return;
  talk_.signal(Signal::Kind::opened, scope);
  const crdt::Context& mine = talk_.store.context(scope);
  const crdt::Summary summary = talk_.summary(scope);
  if (channel.plane != Plane::stream && mine == channel.peer && summary.contradicts(subscribe.summary))
    talk_.signal(Signal::Kind::diverged, scope);
  cuts_.offer_resume(subscribe.channel, scope);
  crdt::Context told = talk_.concerning(channel, mine);
  std::vector<wire::Missing> missing = missing_of(channel, told);
  talk_.send(wire::Subscribed{subscribe.channel, std::move(told), summary, channel.writable, std::move(missing),
                              talk_.config.latest_content(scope)});
  // What became stable while the node was away is not told again by itself; the root's word is in the context above.
  if (!talk_.stable_here) forward_stable(scope);
  talk_.mark_dirty(subscribe.channel);
  repairs_.ask(subscribe.channel);
}

void Link::on(wire::Subscribed&& subscribed) {
  Channel* channel = talk_.find(subscribed.channel);
  if (talk_.role != Role::node || channel == nullptr || channel->open || !is_content_id(subscribed.holds))
    return end({Errc::protocol_violation, "subscribed: channel " + std::to_string(subscribed.channel)});
  talk_.awaits.over(Awaited::subscribed, subscribed.channel);
  if (!std::exchange(channel->answered, true)) --unanswered_;
  if (!audit_.meet(subscribed.channel, *channel, subscribed.context)) return;
  channel->open = true;
  channel->writable = subscribed.writable;
  channel->peer = std::move(subscribed.context);
  channel->holds = std::move(subscribed.holds);
  if (!channel->writable)
    talk_.signal(Signal::Kind::refused, channel->scope, {}, {Errc::forbidden, "the hub lets us read only"});
  // Records that are not proved to be ours must not count as acked: we would trim our own under their numbers.
  const ReplicaId& self = talk_.store.replica();
  crdt::Context told = channel->peer;
  if (channel->proving) told = crdt::lowered(told, {self, talk_.store.acked(channel->scope)[self]});
  channel->missing = std::move(subscribed.missing);
  talk_.signal(Signal::Kind::told, channel->scope, std::move(told), {}, channel->missing);
  talk_.mark_dirty(subscribed.channel);
  repairs_.ask(subscribed.channel);
}

void Link::on(wire::Unsubscribed&& unsubscribed) {
  Channel* channel = talk_.find(unsubscribed.channel);
  if (talk_.role != Role::node || channel == nullptr)
    return end({Errc::protocol_violation, "unsubscribed: channel " + std::to_string(unsubscribed.channel)});
  talk_.awaits.forget(unsubscribed.channel);
  if (!std::exchange(channel->answered, true)) --unanswered_;
  channel->open = false;
  channel->refused = true;
  records_.forget(unsubscribed.channel);
  searches_.end(unsubscribed.channel);
  talk_.signal(Signal::Kind::refused, channel->scope, {}, {unsubscribed.code, printable(unsubscribed.detail)});
}

void Link::on(wire::Resync&& resync) {
  const wire::Channel number = resync.channel;
  Channel* channel = talk_.find(number);
  if (channel == nullptr || !talk_.sends(*channel))
    return end({Errc::protocol_violation, "resync of channel " + std::to_string(number)});
  if (planted(Bug::ignore_resync) || !audit_.own(*channel, resync.context)) return;
  // What it has it may have from others, and then nothing of it is left to be acked.
  talk_.signal(Signal::Kind::acked, channel->scope, resync.context);
  const std::uint64_t cut = resync.cut;
  auto refusal = Cuts::Refusal::news;
  if (cut == 0)
    records_.rewind(number, std::move(resync.context));
  else
    refusal = cuts_.resync(std::move(resync), *channel);
  if (refusal == Cuts::Refusal::known) return;
  if (refusal == Cuts::Refusal::unknown) return end({Errc::protocol_violation, "resync of cut " + std::to_string(cut)});
  if (++talk_.resyncs > talk_.limits.resyncs)
    return end({Errc::protocol_violation, "the peer keeps refusing channel " + std::to_string(number)});
  searches_.end(number);
  talk_.mark_dirty(number);
}

/// What one side sends and the other can never store as it is, such as a cell that would outgrow its limit there,
/// concerns its scope alone: that is left out until it has changed, or a pause is over. Everything else goes on, what
/// was in the same cut in another one.
void Link::on(wire::Refused&& refused) {
  Channel* channel = talk_.find(refused.channel);
  if (channel == nullptr || !talk_.sends(*channel) || (channel->plane == Plane::stream) != (refused.cut == 0))
    return end({Errc::protocol_violation, "refused: channel " + std::to_string(refused.channel)});
  const Error why(refused.code, "not stored by the peer: " + printable(refused.detail));
  if (refused.cut == 0) {
    if (records_.refused(refused, why)) return;
  } else {
    const Cuts::Refusal refusal = cuts_.refused(refused);
    if (refusal == Cuts::Refusal::known) return;
    if (refusal == Cuts::Refusal::unknown)
      return end({Errc::protocol_violation, "refused: cut " + std::to_string(refused.cut)});
  }
  cuts_.leave_out(refused.channel, refused.code);
  if (talk_.refusals.by_peer(refused.channel, why, talk_.heard))
    talk_.signal(Signal::Kind::unstored, channel->scope, {}, why);
}

void Link::on(wire::Stable&& stable) {
  Channel* channel = talk_.find(stable.channel);
  if (talk_.role != Role::node || channel == nullptr)
    return end({Errc::protocol_violation, "stable: channel " + std::to_string(stable.channel)});
  talk_.signal(Signal::Kind::stable, channel->scope, std::move(stable.context));
}

void Link::forward_stable(store::ScopeId scope) {
  const auto at = talk_.numbers.find(scope);
  if (talk_.ending || talk_.role != Role::hub || at == talk_.numbers.end()) return;
  talk_.send(wire::Stable{at->second, talk_.concerning(talk_.at(at->second), talk_.store.stable(scope))});
}

bool Link::caught_up(store::ScopeId scope) const {
  const Channel* channel = talk_.find(scope);
  return channel != nullptr && channel->open && channel->peer.covers(talk_.mine(*channel));
}

bool Link::complete(store::ScopeId scope) const {
  const Channel* channel = talk_.find(scope);
  return channel != nullptr && channel->open &&
         (channel->plane == Plane::stream || talk_.mine(*channel).covers(channel->peer));
}

std::optional<Progress> Link::arriving(store::ScopeId scope) const {
  const auto at = talk_.numbers.find(scope);
  const std::size_t bytes = at == talk_.numbers.end() ? 0 : receiver_.arriving(at->second);
  return bytes > 0 ? std::optional(Progress{bytes, 0}) : std::nullopt;
}

bool Link::refused(store::ScopeId scope) const {
  const Channel* channel = talk_.find(scope);
  return channel != nullptr &&
         (channel->refused || (channel->open && !channel->writable) || talk_.refusals.concern(talk_.numbers.at(scope)));
}

}  // namespace edgesync::sync
