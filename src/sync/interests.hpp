// SPDX-License-Identifier: Apache-2.0
// Interests: which of a hub's links a group commit concerns: those that speak of a scope that grew, and those that gave
// the store something to settle. The others are not even looked at.
#pragma once

#include "store/flushed.hpp"

#include <cstdint>
#include <iterator>
#include <map>
#include <set>
#include <vector>

namespace edgesync::sync {

/// What of a group commit concerns one link.
struct Settled {
  std::vector<const store::Outcome*> outcomes{};  ///< Of what it gave the store, in order.
  std::vector<store::ScopeId> advanced{};         ///< Scopes it speaks of.
};

class Interests {
 public:
  using Link = std::uint64_t;

  void add(Link link, store::ScopeId scope) { by_scope_[scope].insert(link), by_link_[link].insert(scope); }
  /// The link's call made the store accept these tickets, and perhaps others' between. Later calls name later ones.
  void gave(Link link, store::Ticket first, store::Ticket last) { given_[last] = {first, link}; }
  void remove(Link link);
  const std::set<Link>& of(store::ScopeId scope) const;
  /// Whom it concerns. Points into `flushed`.
  std::map<Link, Settled> settle(const store::Flushed& flushed) const;
  /// Afterwards: `waits_from` says from which ticket on a link still waits. What is large is settled by a later group
  /// commit than the one that took it on.
  template <class WaitsFrom>
  void forget(store::Ticket through, const WaitsFrom& waits_from) {
    for (auto at = given_.begin(); at != given_.end() && at->first <= through;)
      at = waits_from(at->second.link) > at->first ? given_.erase(at) : std::next(at);
  }

 private:
  struct Given {
    store::Ticket first = 0;
    Link link = 0;
  };
  std::map<store::ScopeId, std::set<Link>> by_scope_{};
  std::map<Link, std::set<store::ScopeId>> by_link_{};
  std::map<store::Ticket, Given> given_{};  ///< By the last ticket.
};

}  // namespace edgesync::sync
