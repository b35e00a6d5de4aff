// SPDX-License-Identifier: Apache-2.0
#include "sync/conversation.hpp"

#include <algorithm>

namespace edgesync::sync {

std::size_t weight(const crdt::Delta& delta) {
  constexpr std::size_t overhead = 64;
  std::size_t bytes = overhead + item_bytes * (delta.base.items().size() + delta.upto.items().size());
  for (const crdt::LogItem& item : delta.removals)
    bytes += overhead + item.key.size() + item.range.low.size() + item.range.high.size() +
             item_bytes * item.observed.items().size();
  for (const crdt::KeyState& state : delta.keys) {
    bytes += overhead + state.key.size();
    for (const crdt::Listed& listed : state.listed) bytes += overhead + listed.entry.value.size();
  }
  return bytes;
}

std::size_t weight(const std::vector<crdt::KeyRange>& ranges) {
  std::size_t bytes = 0;
  for (const crdt::KeyRange& range : ranges) bytes += sizeof range + range.low.size() + range.high.size();
  return bytes;
}

void Conversation::end(Error why, std::chrono::milliseconds retry_after) {
  if (ending) return;
  wire::Bye bye;
  bye.code = why.code.category() == error_category() ? static_cast<Errc>(why.code.value()) : Errc::closed;
  bye.detail = why.detail.substr(0, detail_bytes_max);
  bye.retry_after = retry_after;
  send(std::move(bye));
  ending = std::move(why);
}

bool Conversation::peer_can(std::string_view capability) const {
  const auto& known = peer.capabilities;
  return std::find(known.begin(), known.end(), capability) != known.end();
}

Channel* Conversation::find(wire::Channel number) {
  const auto at = channels.find(number);
  return at == channels.end() ? nullptr : &at->second;
}

const Channel* Conversation::find(store::ScopeId scope) const {
  const auto at = numbers.find(scope);
  return at == numbers.end() ? nullptr : &channels.at(at->second);
}

std::string Conversation::described(wire::Channel number) const {
  const store::Scope scope = store.scope(channels.at(number).scope);
  return std::string(edgesync::name(scope.plane)) + ' ' + scope.name;
}

crdt::Context Conversation::concerning(const Channel& channel, const crdt::Context& context) const {
  if (channel.plane != Plane::stream) return context;
  crdt::Context part({peer.replica, context[peer.replica]});
  for (const crdt::Context::Item& item : channel.peer.items()) part.advance({item.replica, context[item.replica]});
  return part;
}

store::Terms Conversation::terms(const Channel& channel, const store::Held& brings) const {
  store::Terms terms;
  if (role == Role::hub) terms.teller = store::Teller{peer.name, peer.replica, channel.own_only};
  terms.room = quotas.room(channel.quota, brings, heard);
  return terms;
}

bool Conversation::sends(const Channel& channel) const noexcept {
  if (!channel.open || channel.refused || channel.proving || store.local_only(channel.scope)) return false;
  return role == Role::node ? channel.writable : channel.plane != Plane::stream;
}

bool Conversation::may_receive(wire::Channel number, const Channel* channel, bool records) {
  if (channel == nullptr || !channel->open || (channel->plane == Plane::stream) != records) {
    end({Errc::protocol_violation, "data for channel " + std::to_string(number) + ", which is not open for it"});
    return false;
  }
  if (role == Role::node && records) {
    end({Errc::protocol_violation, "records from a hub"});
    return false;
  }
  if (role == Role::hub && !channel->writable) {
    end({Errc::forbidden, store.scope(channel->scope).name + ": read only"});
    return false;
  }
  return true;
}

void Conversation::mark_dirty(wire::Channel number) {
  const Channel& channel = channels.at(number);
  if (refusals.waits(number))
    refusals.changed(number);
  else if (sends(channel))
    dirty[channel.plane].insert(number);
}

std::size_t Conversation::room(std::size_t usual) const noexcept {
  return outgoing.spent() ? std::min(usual, limits.outgoing_spent) : usual;
}

void Conversation::stored(wire::Channel number, bool by_peer) {
  by_peer ? refusals.stored_by_peer(number) : refusals.stored_by_us(number);
  if (role == Role::node && !refusals.concern(number)) signal(Signal::Kind::stored, channels.at(number).scope);
}

}  // namespace edgesync::sync
