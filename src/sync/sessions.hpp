// SPDX-License-Identifier: Apache-2.0
// Sessions: which link a hub has with which replica. One at a time: two copies of one database that both shipped under
// one id before either was audited would take each other's transactions for seen. The newest wins, because a node that
// comes again usually has lost its older connection without anybody noticing.
#pragma once

#include "base/clock.hpp"
#include "store/store.hpp"

#include <map>
#include <optional>

namespace edgesync::sync {

class Sessions {
 public:
  using Link = std::uint64_t;

  /// The session that `replica` has, if any.
  std::optional<Link> of(const ReplicaId& replica) const {
    const auto at = links_.find(replica);
    return at == links_.end() ? std::nullopt : std::optional(at->second);
  }
  /// True while data of an earlier session are not stored: what this hub has of the replica is not known yet.
  bool unsettled(const ReplicaId& replica) const { return waiting_.contains(replica); }

  /// `link` takes the place of the session before. True once per window if that happens more than `flips_max` times.
  bool enter(const ReplicaId& replica, Link link, Instant now, unsigned flips_max, std::chrono::milliseconds window) {
    const bool replaced = links_.insert_or_assign(replica, link).second == false;
    if (!replaced) return false;
    std::erase_if(flips_, [&](const auto& flips) { return now - flips.second.since > window; });
    Flips& flips = flips_.try_emplace(replica, Flips{now, 0, false}).first->second;
    return ++flips.count > flips_max && !std::exchange(flips.told, true);
  }
  /// `through`: the last ticket of its data, 0 if all are settled.
  void left(const ReplicaId& replica, Link link, store::Ticket through) {
    if (of(replica) == link) links_.erase(replica);
    if (through != 0) waiting_[replica] = through;
  }
  void settled(store::Ticket through) {
    std::erase_if(waiting_, [&](const auto& waiting) { return waiting.second <= through; });
  }

 private:
  struct Flips {
    Instant since{};
    unsigned count = 0;
    bool told = false;
  };
  std::map<ReplicaId, Link> links_{};
  std::map<ReplicaId, store::Ticket> waiting_{};
  std::map<ReplicaId, Flips> flips_{};
};

}  // namespace edgesync::sync
