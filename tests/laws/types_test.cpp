// SPDX-License-Identifier: Apache-2.0
// The types against their specifications, over random histories: a counter is the sum of the adds that no reset has
// observed, a set holds the members some insert of which no remove has observed.
#include "base/random.hpp"
#include "laws/fleet.hpp"
#include "laws/ledger.hpp"

#include <numeric>

namespace edgesync::laws {
namespace {

constexpr std::uint64_t seeds = 1500;
constexpr std::size_t steps = 80;

std::int64_t as_integer(const Value& value) {
  const auto* integer = std::get_if<std::int64_t>(&value);
  return integer == nullptr ? 0 : *integer;
}

/// What a reader of `replica` sees at `path`, transactions in memory included.
std::optional<crdt::Shown> read(MemoryReplica& replica, std::string_view path) {
  crdt::MemoryTable copy({1, 2});
  for (const auto& [key, cell] : replica.visible()) copy.replace(key, {}, cell);
  return crdt::show(copy, path);
}

/// Moves state around as fleets do: deltas, flushes, forgotten logs.
void gossip(Fleet& fleet, Xoshiro& random) {
  const std::size_t to = random.below(fleet.size()), from = random.below(fleet.size());
  if (to != from) fleet.pull(to, from);
  if (random.one_in(4)) fleet[to].flush();
  if (random.one_in(8)) fleet[to].sweep();
  if (random.one_in(8)) {
    const ReplicaId origin = fleet[random.below(fleet.size())].id();
    fleet[to].evict_removals(origin, fleet[to].stored_context()[origin]);
  }
}

struct Step {
  Edit edit{};
  crdt::Context seen{};
  crdt::Dot dot{};
};

Step commit(Fleet& fleet, Xoshiro& random, std::int64_t ms, Edit edit) {
  MemoryReplica& at = fleet[random.below(fleet.size())];
  Step step{std::move(edit), at.visible_context(), {at.id(), 0}};
  const auto stamp = at.commit(step.edit.ops(), Fleet::wall(ms));
  EXPECT_TRUE(stamp);
  step.dot.stamp = stamp.value_or(0);
  if (random.one_in(2)) at.flush();
  return step;
}

Edit counting_edit(Xoshiro& random) {
  Edit edit;
  for (std::uint64_t left = 1 + random.below(3); left > 0; --left) {
    if (random.below(4) == 0)
      edit.reset("count");
    else
      edit.add("count", static_cast<std::int64_t>(random.below(15)) - 5);
  }
  return edit;
}

void record(Ledger<std::int64_t>& adds, const Step& step) {
  for (const Edit::Op& op : step.edit.ops()) {
    if (op.kind == Edit::Kind::add)
      adds.add(step.dot, op.delta);
    else
      adds.take(step.dot, step.seen, [](std::int64_t) { return true; });
  }
}

TEST(Counter, IsTheSumOfTheAddsThatNoResetObserved) {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    Xoshiro random(seed);
    Fleet fleet(4);
    Ledger<std::int64_t> adds;
    for (std::size_t i = 0; i < steps; ++i) {
      if (random.one_in(2))
        record(adds, commit(fleet, random, static_cast<std::int64_t>(i), counting_edit(random)));
      else
        gossip(fleet, random);
      for (std::size_t at = 0; at < fleet.size(); ++at) {
        const auto live = adds.live(fleet[at].visible_context());
        const auto shown = read(fleet[at], "count");
        ASSERT_EQ(shown ? as_integer(shown->value) : 0, std::accumulate(live.begin(), live.end(), std::int64_t{0}))
            << "seed " << seed << ", step " << i << ", replica " << at;
      }
    }
  }
}

Edit membership_edit(Xoshiro& random) {
  Edit edit;
  for (std::uint64_t left = 1 + random.below(3); left > 0; --left) {
    const auto member = static_cast<std::int64_t>(random.below(4));
    if (random.one_in(2))
      edit.remove("set", member);
    else
      edit.insert("set", member);
  }
  return edit;
}

void record_members(Ledger<std::int64_t>& inserts, const Step& step) {
  for (const Edit::Op& op : step.edit.ops()) {
    const std::int64_t member = as_integer(op.value);
    inserts.take(step.dot, step.seen, [&](std::int64_t other) { return other == member; });
    if (op.kind == Edit::Kind::insert) inserts.add(step.dot, member);
  }
}

TEST(Set, HoldsTheMembersThatNoRemoveObserved) {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    Xoshiro random(seed);
    Fleet fleet(4);
    Ledger<std::int64_t> inserts;
    for (std::size_t i = 0; i < steps; ++i) {
      if (random.one_in(2))
        record_members(inserts, commit(fleet, random, static_cast<std::int64_t>(i), membership_edit(random)));
      else
        gossip(fleet, random);
      for (std::size_t at = 0; at < fleet.size(); ++at) {
        std::set<std::int64_t> expected, found;
        for (std::int64_t member : inserts.live(fleet[at].visible_context())) expected.insert(member);
        if (const auto shown = read(fleet[at], "set"))
          for (const Value& member : shown->members) found.insert(as_integer(member));
        ASSERT_EQ(found, expected) << "seed " << seed << ", step " << i << ", replica " << at;
      }
    }
  }
}

}  // namespace
}  // namespace edgesync::laws
