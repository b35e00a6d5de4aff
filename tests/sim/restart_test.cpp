// SPDX-License-Identifier: Apache-2.0
// What a store believes when it opens: a process may die between the write of a commit and its sync, and the next one
// reads the commit from the system's cache. If it believes it, it ships it; so it must be durable by then.
#include "sim/fault_vfs.hpp"
#include "store/store.hpp"

#include <gtest/gtest.h>

namespace edgesync::sim {
namespace {

std::unique_ptr<store::Store> open(const FaultVfs& vfs, std::uint64_t seed) {
  Xoshiro random(seed);
  store::Options options;
  options.path = "node.db";
  options.vfs = vfs.name();
  return store::Store::open(std::move(options), random, Timestamp(std::chrono::seconds(1'790'000'000))).value();
}

void commit(store::Store& store, store::ScopeId scope, std::int64_t value) {
  store.commit(scope, Edit().set("key", value).ops(), Timestamp(std::chrono::seconds(1'790'000'000 + value))).ignore();
  auto batch = store.begin_flush();
  store.write(*batch);
  store.finish(std::move(batch));
}

crdt::Context known(const store::Store& store) {
  const auto scope = store.find_scope(Plane::state, "s");
  return scope ? store.context(*scope) : crdt::Context{};
}

class Restart : public testing::TestWithParam<bool> {};

TEST_P(Restart, BelievesOnlyWhatAPowerCutLeaves) {
  const bool failing_sync = GetParam();
  std::uint64_t ahead = 0;  // runs in which the cache held more than the platter
  for (std::uint64_t seed = 1; seed <= 120; ++seed) {
    // given: a process that died in the middle of a commit, or after a sync that failed
    Disk disk(seed);
    FaultVfs vfs(disk);
    auto store = open(vfs, seed);
    const store::ScopeId scope = store->open_scope(Plane::state, "s").value();
    commit(*store, scope, 1);
    if (failing_sync)
      disk.faults.sync_one_in = 1;
    else
      disk.die_after(1 + seed % 12);
    commit(*store, scope, 2);
    disk.crash(false);
    disk.faults = {};
    store.reset();
    // when: the next process opens the file, and then the power goes
    const auto durable = disk.durable_copy();
    store = open(vfs, seed);
    const crdt::Context believed = known(*store);
    FaultVfs platter(*durable);
    ahead += !(known(*open(platter, seed)) == believed);
    disk.crash(true);
    store.reset();
    // then
    EXPECT_TRUE(known(*open(vfs, seed)).covers(believed)) << "seed " << seed;
  }
  EXPECT_GT(ahead, 5u);
}

INSTANTIATE_TEST_SUITE_P(Store, Restart, testing::Bool(),
                         [](const auto& kind) { return kind.param ? "AfterAFailedSync" : "AfterACrash"; });

}  // namespace
}  // namespace edgesync::sim
