// SPDX-License-Identifier: Apache-2.0
// What a node says of itself while its disk fails, or takes its time.
#include "fleet.hpp"
#include "unit/store/failing_vfs.hpp"

#include <sqlite3.h>

#include <future>
#include <thread>

namespace edgesync {
namespace {

class Disks : public Fleet, public ::testing::WithParamInterface<std::pair<int, Why>> {};

TEST_P(Disks, FailAndComeBack) {
  // given: a node that is linked, on a disk that fails from now on
  store::FailingVfs disk("why-test");
  sqlite3_vfs* const before = sqlite3_vfs_find(nullptr);
  sqlite3_vfs_register(sqlite3_vfs_find("why-test"), 1);
  {
    auto hub = open_hub();
    auto node = open_node();
    node.state("twin").set("a", 1).value();
    node.link(to_hub()).value();
    ASSERT_TRUE(node.flush(20s));
    disk.fail(store::FailingVfs::Call::write, 1, GetParam().first, true);
    // when, then
    EXPECT_FALSE(node.state("twin").set("a", 2));
    EXPECT_EQ(node.status().why, GetParam().second);
    disk.heal();
    EXPECT_TRUE(node.state("twin").set("a", 3));
    ASSERT_TRUE(node.flush(20s));
    EXPECT_EQ(node.status().why, Why::in_sync);
  }
  sqlite3_vfs_register(before, 1);
}

using Slow = Fleet;

TEST_F(Slow, ADiskThatTakesItsTimeDoesNotKeepTheAnswerBack) {
  store::FailingVfs disk("why-test");
  sqlite3_vfs* const before = sqlite3_vfs_find(nullptr);
  sqlite3_vfs_register(sqlite3_vfs_find("why-test"), 1);
  {
    auto node = open_node();
    node.state("twin").set("a", 1).value();
    std::promise<void> begun, free;
    disk.before_sync([&, first = std::make_shared<std::once_flag>(), freed = free.get_future().share()] {
      std::call_once(*first, [&] { begun.set_value(); });
      freed.wait();
    });
    std::thread writer([&] { node.state("twin").set("a", 2).value(); });
    begun.get_future().wait();
    const Status status = node.status();
    EXPECT_EQ(status.scopes.at(0).pending, 1u);
    EXPECT_EQ(status.why, Why::no_link);
    free.set_value();
    writer.join();
  }
  sqlite3_vfs_register(before, 1);
}

INSTANTIATE_TEST_SUITE_P(Codes, Disks,
                         ::testing::Values(std::pair(SQLITE_FULL, Why::disk_full),
                                           std::pair(SQLITE_IOERR_WRITE, Why::storage)));

}  // namespace
}  // namespace edgesync
