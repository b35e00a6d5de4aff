// SPDX-License-Identifier: Apache-2.0
// Link: subscriptions. The node names the scopes and numbers them; the hub admits each or says why not.
#include "base/text.hpp"
#include "crdt/reissue.hpp"
#include "sync/link.hpp"

namespace edgesync::sync {

void Link::on_scope(store::ScopeId scope) {
  if (ending_) return;
  const auto at = numbers_.find(scope);
  if (at != numbers_.end())
    mark_dirty(at->second);
  else if (role_ == Role::node && !context_.store.local_only(scope))
    subscribe(scope);
}

void Link::on_given_up(store::ScopeId scope) {
  if (numbers_.contains(scope)) end({Errc::closed, context_.store.scope(scope).name + ": is given up at the node"});
}

void Link::subscribe(store::ScopeId scope) {
  const store::Scope described = context_.store.scope(scope);
  const auto number = static_cast<wire::Channel>(channels_.size() + 1);
  Channel& channel = channels_[number];
  channel.scope = scope;
  channel.plane = described.plane;
  numbers_[scope] = number;
  ++unanswered_;
  send(wire::Subscribe{number, described.plane, described.name, context_.store.context(scope),
                       context_.store.summary(scope)});
  offer_resume(number, scope);
}

Link::Channel* Link::find(wire::Channel number) {
  const auto at = channels_.find(number);
  return at == channels_.end() ? nullptr : &at->second;
}

/// Of a stream only the origins that the peer has or makes: a thousand nodes share one, each with records of its own.
crdt::Context Link::concerning(const Channel& channel, const crdt::Context& context) const {
  if (channel.plane != Plane::stream) return context;
  crdt::Context part;
  part.advance({peer_.replica, context[peer_.replica]});
  for (const crdt::Context::Item& item : channel.peer.items()) part.advance({item.replica, context[item.replica]});
  return part;
}

Access Link::access(Plane plane, const std::string& scope) const {
  const Credentials credentials{token_, peer_.name, peer_.replica, address_};
  return context_.authorizer.scope ? context_.authorizer.scope(credentials, plane, scope) : Access::none;
}

Result<Link::Admitted> Link::admit(const wire::Subscribe& subscribe) {
  if (subscribe.plane < Plane::state || subscribe.plane > Plane::stream)
    return Error(Errc::unsupported, subscribe.scope + ": unknown plane");
  const Access granted = access(subscribe.plane, subscribe.scope);
  if (granted == Access::none) return Error(Errc::forbidden, subscribe.scope + ": not allowed");
  const auto scope = context_.store.open_scope(subscribe.plane, subscribe.scope);
  if (!scope) return Error(Errc::invalid_argument, scope.error().detail);
  if (context_.store.local_only(*scope)) return Error(Errc::forbidden, subscribe.scope + ": does not leave its node");
  return Admitted{*scope, granted == Access::read_write};
}

void Link::on(wire::Subscribe&& subscribe) {
  if (role_ != Role::hub) return end({Errc::protocol_violation, "subscribe from a hub"});
  if (channels_.contains(subscribe.channel) || channels_.size() >= context_.limits.channels)
    return end({Errc::protocol_violation, "channel " + std::to_string(subscribe.channel) + ": taken, or too many"});
  subscribed_bytes_ += subscribe.scope.size() + item_bytes * subscribe.context.items().size();
  if (subscribed_bytes_ > context_.limits.subscribed_bytes)
    return end({Errc::limit_exceeded, subscribe.scope + ": the contexts of all subscribed scopes are too large"});
  const auto admitted = admit(subscribe);
  if (!admitted)
    return send(wire::Unsubscribed{subscribe.channel, static_cast<Errc>(admitted.error().code.value()),
                                   admitted.error().detail});
  if (numbers_.contains(admitted->scope))
    return end({Errc::protocol_violation, subscribe.scope + ": subscribed twice"});
  open_channel(std::move(subscribe), *admitted);
}

void Link::open_channel(wire::Subscribe&& subscribe, const Admitted& admitted) {
  const auto [scope, writable] = admitted;
  Channel& channel = channels_[subscribe.channel];
  channel.scope = scope;
  channel.plane = subscribe.plane;
  channel.open = true;
  channel.writable = writable;
  channel.peer = std::move(subscribe.context);
  numbers_[scope] = subscribe.channel;
  if (!audit(subscribe.channel, channel, channel.peer)) return;
  signals_.push_back({Signal::Kind::opened, scope, {}, {}});
  const crdt::Context& mine = context_.store.context(scope);
  const crdt::Summary summary = context_.store.summary(scope);
  if (channel.plane != Plane::stream && mine == channel.peer && summary != subscribe.summary)
    signals_.push_back({Signal::Kind::diverged, scope, {}, {}});
  offer_resume(subscribe.channel, scope);
  send(wire::Subscribed{subscribe.channel, concerning(channel, mine), summary, writable});
  // What became stable while the node was away is not told again by itself; the root's word is in the context above.
  if (!context_.root) forward_stable(scope);
  mark_dirty(subscribe.channel);
  mend(subscribe.channel);
}

void Link::on(wire::Subscribed&& subscribed) {
  Channel* channel = find(subscribed.channel);
  if (role_ != Role::node || channel == nullptr || channel->open)
    return end({Errc::protocol_violation, "subscribed: channel " + std::to_string(subscribed.channel)});
  awaited(Awaited::subscribed, subscribed.channel);
  if (!std::exchange(channel->answered, true)) --unanswered_;
  if (!audit(subscribed.channel, *channel, subscribed.context)) return;
  channel->open = true;
  channel->writable = subscribed.writable;
  channel->peer = std::move(subscribed.context);
  channel->sent = channel->peer;
  if (!channel->writable)
    signals_.push_back({Signal::Kind::refused, channel->scope, {}, {Errc::forbidden, "the hub lets us read only"}});
  // Records that are not proved to be ours must not count as acked: we would trim our own under their numbers.
  const ReplicaId& self = context_.store.replica();
  crdt::Context told = channel->peer;
  if (channel->proving) told = crdt::lowered(told, {self, context_.store.acked(channel->scope)[self]});
  signals_.push_back({Signal::Kind::told, channel->scope, std::move(told), {}});
  mark_dirty(subscribed.channel);
  mend(subscribed.channel);
}

void Link::on(wire::Unsubscribed&& unsubscribed) {
  Channel* channel = find(unsubscribed.channel);
  if (role_ != Role::node || channel == nullptr)
    return end({Errc::protocol_violation, "unsubscribed: channel " + std::to_string(unsubscribed.channel)});
  for (const Awaited what : {Awaited::subscribed, Awaited::proof, Awaited::records, Awaited::search, Awaited::repair})
    awaited(what, unsubscribed.channel);
  if (!std::exchange(channel->answered, true)) --unanswered_;
  channel->open = false;
  channel->refused = true;
  if (search_ && search_->channel == unsubscribed.channel) end_search();
  signals_.push_back({Signal::Kind::refused, channel->scope, {}, {unsubscribed.code, printable(unsubscribed.detail)}});
}

bool Link::caught_up(store::ScopeId scope) const {
  const auto at = numbers_.find(scope);
  if (at == numbers_.end()) return false;
  const Channel& channel = channels_.at(at->second);
  return channel.open && channel.peer.covers(context_.store.context(scope));
}

std::optional<Progress> Link::arriving(store::ScopeId scope) const {
  const auto at = numbers_.find(scope);
  const std::size_t bytes = at == numbers_.end() ? 0 : inbox_.bytes_beside(at->second);
  return bytes > 0 ? std::optional(Progress{bytes, 0}) : std::nullopt;
}

bool Link::refused(store::ScopeId scope) const {
  const auto at = numbers_.find(scope);
  if (at == numbers_.end()) return false;
  const Channel& channel = channels_.at(at->second);
  return channel.refused || (channel.open && !channel.writable) || refusals_.concern(at->second);
}

}  // namespace edgesync::sync
