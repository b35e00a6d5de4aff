// SPDX-License-Identifier: Apache-2.0
#include "crdt/dot.hpp"

#include <algorithm>

namespace edgesync::crdt {
namespace {

constexpr auto by_replica = [](const Context::Item& item, const ReplicaId& replica) { return item.replica < replica; };

}  // namespace

Stamp Context::operator[](const ReplicaId& replica) const noexcept {
  const auto at = std::lower_bound(items_.begin(), items_.end(), replica, by_replica);
  return at != items_.end() && at->replica == replica ? at->stamp : 0;
}

bool Context::covers(const Context& other) const noexcept {
  return std::all_of(other.items_.begin(), other.items_.end(), [&](const Item& item) {
    return covers(Dot{item.replica, item.stamp});
  });
}

void Context::advance(const Dot& dot) {
  if (dot.stamp == 0) return;
  const auto at = std::lower_bound(items_.begin(), items_.end(), dot.replica, by_replica);
  if (at != items_.end() && at->replica == dot.replica)
    at->stamp = std::max(at->stamp, dot.stamp);
  else
    items_.insert(at, {dot.replica, dot.stamp});
}

void Context::join(const Context& other) {
  for (const Item& item : other.items_) advance({item.replica, item.stamp});
}

std::string Context::to_string() const {
  std::string text;
  for (const Item& item : items_) {
    if (!text.empty()) text += ',';
    text += edgesync::to_string(item.replica) + ':' + std::to_string(item.stamp);
  }
  return text;
}

void Context::encode(Writer& out) const {
  out.varint(items_.size());
  for (const Item& item : items_) {
    out.id(item.replica);
    out.varint(item.stamp);
  }
}

Context Context::decode(Reader& in) {
  Context context;
  for (std::size_t left = in.count(17); left > 0; --left) {
    const ReplicaId replica = in.id();
    const Stamp stamp = in.varint();
    const bool ascending = context.items_.empty() || context.items_.back().replica < replica;
    if (!ascending || stamp == 0) in.fail();  // one context, one encoding
    if (in.failed()) return {};
    context.items_.push_back({replica, stamp});
  }
  return context;
}

}  // namespace edgesync::crdt
