// SPDX-License-Identifier: Apache-2.0
#include "sim/accounts.hpp"

#include "sim/sim_node.hpp"
#include "stream/drops.hpp"

namespace edgesync::sim {
namespace {

std::string who(const store::Store& store) { return to_string(store.replica()).substr(0, 6) + ": "; }

std::string text(const StreamCounts& counts) {
  const auto number = [](std::uint64_t value) { return std::to_string(value); };
  return number(counts.produced) + " = " + number(counts.delivered) + " + " + number(counts.pending) + " + " +
         number(counts.dropped);
}

/// How many records of `origin` beyond `after` are in the file; nothing if it cannot be read.
std::optional<std::uint64_t> held(store::Store& store, store::ScopeId scope, const ReplicaId& origin,
                                  std::uint64_t after) {
  std::uint64_t count = 0;
  while (true) {
    const auto segments = store.segments(scope, origin, after, 1 << 16);
    if (!segments) return std::nullopt;
    if (segments->empty()) return count;
    for (const store::StoredSegment& segment : *segments) {
      count += segment.first + segment.count - 1 - std::max(after, segment.first - 1);
      after = segment.first + segment.count - 1;
    }
  }
}

}  // namespace

void Accounts::appended(const ReplicaId& who, std::uint64_t first, std::uint64_t last, Instant at) {
  auto& times = appended_[who];
  for (auto known = times.lower_bound(first); known != times.end() && known->first <= last;) known = times.erase(known);
  times[first] = at;  // again, if what had the number before failed
}

Finding Accounts::dropped_by_rule(store::Store& store, const std::optional<stream::Budget>& budget, bool bounded,
                                  Instant now) const {
  const auto scope = store.find_scope(Plane::stream, stream_scope);
  if (!scope) return std::nullopt;
  const auto gaps = store.gaps(*scope, store.replica(), 0, SIZE_MAX);
  if (!gaps) return who(store) + "gaps cannot be read: " + gaps.error().detail;
  for (const Gap& gap : *gaps) {
    const std::string which = who(store) + "records " + std::to_string(gap.first) + " to " + std::to_string(gap.last) +
                              ": dropped by " + name(gap.why);
    if (gap.why == DropReason::refused) continue;
    if (gap.why == DropReason::corrupt || gap.why == DropReason::policy) return which;
    if (!budget || (gap.why == DropReason::quota && budget->quota == 0 && !bounded))
      return which + ", and has no bound";
    const auto times = appended_.find(store.replica());
    if (gap.why != DropReason::age || times == appended_.end()) continue;
    auto last = times->second.upper_bound(gap.last);
    if (last == times->second.begin()) continue;
    const auto lived = now - std::prev(last)->second;
    if (lived < budget->retention)
      return which + " after " + std::to_string(lived.count()) + " of " + std::to_string(budget->retention.count()) +
             " microseconds";
  }
  return std::nullopt;
}

Finding balanced(store::Store& store) {
  const auto scope = store.find_scope(Plane::stream, stream_scope);
  if (!scope) return std::nullopt;
  const StreamCounts counts = store.counts(*scope, false);
  if (counts.produced != counts.delivered + counts.pending + counts.dropped || counts.delivered > counts.produced ||
      counts.dropped != counts.drops.total())
    return who(store) + "the accounts do not add up: " + text(counts);
  std::uint64_t here = 0;
  for (const ReplicaId& self : store.selves()) {
    const auto of_self = held(store, *scope, self, store.acked(*scope)[self]);
    if (!of_self) return who(store) + "records cannot be read";
    here += *of_self;
  }
  // A file that a failure had closed was opened again to be read, and may hold what was reported as failed.
  const StreamCounts after = store.counts(*scope, false);
  if (here != after.pending)
    return who(store) + std::to_string(here) + " records are here and not acknowledged: " + text(after);
  return std::nullopt;
}

Finding settled(store::Store& edge, store::Store& above) {
  const auto here = edge.find_scope(Plane::stream, stream_scope), there = above.find_scope(Plane::stream, stream_scope);
  if (!here || !there) return std::nullopt;
  const StreamCounts counts = edge.counts(*here, false);
  if (counts.pending != 0) return who(edge) + "something is pending at rest: " + text(counts);
  std::uint64_t got = 0, stored = 0;
  for (const ReplicaId& self : edge.selves()) {
    got += edge.context(*here)[self] - above.missing(*there, self).total();
    const auto of_self = held(above, *there, self, 0);
    if (!of_self) return who(above) + "records cannot be read";
    stored += *of_self;
    const auto gaps = above.gaps(*there, self, 0, SIZE_MAX);
    if (!gaps) return who(above) + "gaps cannot be read";
    for (const Gap& gap : *gaps)  // what a node gave to the root itself, a relay need not have
      if (gap.why == stream::at_root) stored += gap.last - gap.first + 1;
  }
  if (counts.delivered != got) return who(edge) + "the hub got " + std::to_string(got) + ": " + text(counts);
  if (above.floors(*there).empty() && stored != got)
    return who(edge) + "the hub holds " + std::to_string(stored) + ": " + text(counts);
  return std::nullopt;
}

bool has_gaps(store::Store& store, store::ScopeId scope) {
  for (const store::StreamState& state : store.stream(scope))
    if (const auto gaps = store.gaps(scope, state.origin, 0, 1); gaps && !gaps->empty()) return true;
  return false;
}

}  // namespace edgesync::sim
