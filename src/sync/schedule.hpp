// SPDX-License-Identifier: Apache-2.0
// Schedule: who is due when, of many, so that the next one costs no look at the others.
#pragma once

#include "base/clock.hpp"

#include <map>
#include <set>
#include <utility>
#include <vector>

namespace edgesync::sync {

template <class Id>
class Schedule {
 public:
  /// `never` takes it off.
  void set(const Id& id, Instant due) {
    if (due == never) return remove(id);
    const auto [at, added] = due_.try_emplace(id, due);
    if (!added && at->second == due) return;
    if (!added) order_.erase({at->second, id});
    at->second = due;
    order_.emplace(due, id);
  }
  void remove(const Id& id) {
    if (const auto node = due_.extract(id)) order_.erase({node.mapped(), id});
  }
  Instant first() const noexcept { return order_.empty() ? never : order_.begin()->first; }
  /// Those that are due now; they stay until they are set anew.
  std::vector<Id> due(Instant now) const {
    std::vector<Id> ids;
    for (auto at = order_.begin(); at != order_.end() && at->first <= now; ++at) ids.push_back(at->second);
    return ids;
  }

 private:
  std::map<Id, Instant> due_{};
  std::set<std::pair<Instant, Id>> order_{};
};

}  // namespace edgesync::sync
