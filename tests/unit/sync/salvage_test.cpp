// SPDX-License-Identifier: Apache-2.0
// A node whose database lost a page, and was salvaged: it gives the hub what it had not sent, and gets back what it
// lost.
#include "store/salvage.hpp"

#include "unit/sync/pair.hpp"

#include <fstream>

namespace edgesync::sync {
namespace {

class Salvaged : public Pair {
 protected:
  void write(std::int64_t round) {
    for (int i = 0; i < 300; ++i) set(*node, twin_, "k/" + std::to_string(i), Value(round * 1000 + i));
    node->store->append(records_, std::vector<Record>{{0, now.wall, {round}}}).value();
    node->commit();
  }
  /// Of the node, as a disk does.
  void lose_page(std::uint64_t number) {
    node.reset();
    std::fstream file(path(Role::node), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>((number - 1) * 4096));
    file.write(std::string(4096, '\0').data(), 4096);
  }

  store::ScopeId twin_ = node->open(Plane::state, "twin");
  store::ScopeId records_ = node->open(Plane::stream, "telemetry");
};

TEST_F(Salvaged, GivesWhatWasNotSentAndGetsBackWhatWasLost) {
  node->store->define_stream(records_, {{{"v", ColumnType::i64}}}, false).value();
  write(1);
  connect();
  settle();
  disconnect();
  write(2);
  node.reset();
  const std::uint64_t pages = std::filesystem::file_size(path(Role::node)) / 4096;
  std::filesystem::copy_file(path(Role::node), file("sound.db"));
  std::size_t whole = 0;
  for (std::uint64_t page = 2; page <= pages; page += 3) {
    SCOPED_TRACE("page " + std::to_string(page));
    std::filesystem::copy_file(file("sound.db"), path(Role::node), std::filesystem::copy_options::overwrite_existing);
    lose_page(page);
    Xoshiro random(page);
    ASSERT_TRUE(store::salvage(path(Role::node).string(), random));
    node = std::make_unique<Side>(path(Role::node), Role::node, 100 + page, limits);
    node->commit();
    for (int i = 0; i < 3; ++i) {  // a link ends where the node finds that its image has been here before
      disconnect();
      connect();
      settle();
      now.monotonic += std::chrono::seconds(10), now.wall += std::chrono::seconds(10);
      hub->engine->tick(now), node->engine->tick(now);
      settle();
    }
    const auto there = *hub->store->find_scope(Plane::state, "twin");
    const auto here = node->store->find_scope(Plane::state, "twin");
    ASSERT_TRUE(here);
    EXPECT_EQ(node->store->summary(*here), hub->store->summary(there));
    EXPECT_TRUE(node->store->damaged(*here).empty());
    bool all = true;
    for (int i = 0; i < 300; ++i) {
      const auto value = hub->get(there, "k/" + std::to_string(i));
      ASSERT_TRUE(value);
      EXPECT_TRUE(value == Value(std::int64_t{1000 + i}) || value == Value(std::int64_t{2000 + i}));
      all = all && value == Value(std::int64_t{2000 + i});
    }
    whole += all;
    disconnect();
    node.reset();
  }
  EXPECT_GT(whole, 0u);
  node = std::make_unique<Side>(file("spare.db"), Role::node, 9, limits);
}

}  // namespace
}  // namespace edgesync::sync
