// SPDX-License-Identifier: Apache-2.0
// The join of two replicas, as a delta does it, is idempotent, commutative and associative on cells and context: what
// makes any topology, any order and any repetition of syncs lead to one state.
#include "base/random.hpp"
#include "laws/fleet.hpp"

namespace edgesync::laws {
namespace {

using crdt::MemoryTable;

struct State {
  std::string cells{};
  crdt::Context context{};
  crdt::Summary summary{};
  bool operator==(const State&) const = default;
};

State state(MemoryTable& table) {
  Cells cells;
  table.scan({}, [&](ByteView key, const crdt::Cell& cell) { return cells.emplace(to_bytes(key), cell).second; });
  return {describe(cells), table.context(), table.summary()};
}

MemoryTable join(MemoryTable a, MemoryTable b) {
  const crdt::Delta delta = crdt::make_delta(b, a.context());
  EXPECT_TRUE(crdt::applicable(delta, a.context()));
  EXPECT_FALSE(crdt::apply_delta(a, delta).diverged);
  return a;
}

/// Three replicas that have met now and then.
void live(Fleet& fleet, Xoshiro& random) {
  constexpr std::array paths{"a", "a/b", "a/c", "b"};
  for (int i = 0; i < 25; ++i) {
    const std::size_t at = random.below(fleet.size()), other = random.below(fleet.size());
    const std::string path = paths[random.below(paths.size())];
    Edit edit;
    switch (random.below(8)) {
      case 0:
        fleet.commit(at, edit.erase(path));
        break;
      case 1:
        fleet.commit(at, edit.erase_prefix(path).set(path, "anew"));
        break;
      case 2:
        fleet.commit(at, edit.add(path, 1).set("both", i));
        break;
      case 3:
        fleet.commit(at, edit.reset(path).insert("set", i % 3));
        break;
      case 4:
        fleet[at].evict_removals(fleet[other].id(), fleet[at].stored_context()[fleet[other].id()]);
        break;
      case 5:
        if (at != other) fleet.pull(at, other);
        break;
      default:
        fleet.commit(at, edit.set(path, i));
    }
  }
}

template <class Law>
void over_random_fleets(const Law& law) {
  for (std::uint64_t seed = 1; seed <= 800; ++seed) {
    Xoshiro random(seed);
    Fleet fleet(3);
    live(fleet, random);
    law(fleet[0].table(), fleet[1].table(), fleet[2].table());
    if (testing::Test::HasFailure()) FAIL() << "seed " << seed;
  }
}

TEST(Join, IsIdempotent) {
  over_random_fleets([](MemoryTable& a, MemoryTable& b, MemoryTable&) {
    MemoryTable self = join(a, a), once = join(a, b), twice = join(join(a, b), b);
    EXPECT_EQ(state(self), state(a));
    EXPECT_EQ(state(twice), state(once));
  });
}

TEST(Join, IsCommutative) {
  over_random_fleets([](MemoryTable& a, MemoryTable& b, MemoryTable&) {
    MemoryTable ab = join(a, b), ba = join(b, a);
    EXPECT_EQ(state(ab), state(ba));
  });
}

TEST(Join, IsAssociative) {
  over_random_fleets([](MemoryTable& a, MemoryTable& b, MemoryTable& c) {
    MemoryTable left = join(join(a, b), c), right = join(a, join(b, c));
    EXPECT_EQ(state(left), state(right));
  });
}

TEST(Join, OfTheSameDeltaTwiceChangesNothing) {
  over_random_fleets([](MemoryTable& a, MemoryTable& b, MemoryTable& c) {
    MemoryTable table = a;
    const crdt::Delta delta = crdt::make_delta(b, a.context());
    crdt::apply_delta(table, delta);
    table = join(std::move(table), c);
    const State before = state(table);
    EXPECT_TRUE(crdt::apply_delta(table, delta).conflicts.empty());
    EXPECT_EQ(state(table), before);
  });
}

TEST(Join, ThroughARelayIsTheJoinItself) {
  over_random_fleets([](MemoryTable& a, MemoryTable& b, MemoryTable& c) {
    MemoryTable relay = join(b, c), through = join(a, relay), direct = join(join(a, b), c);
    EXPECT_EQ(state(through), state(direct));
  });
}

}  // namespace
}  // namespace edgesync::laws
