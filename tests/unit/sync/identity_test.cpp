// SPDX-License-Identifier: Apache-2.0
// Databases of nodes that are copied, restored and made anew between two openings, by copying their files.
#include "unit/sync/copies.hpp"

namespace edgesync::sync {
namespace {

TEST_F(Copies, AnOlderCopyThatWroteIsHealedAndNothingIsLost) {
  auto s = scope();
  set(*node, s, "a", std::int64_t{1});
  meet();
  disconnect();
  set(*node, s, "since", std::int64_t{1});  // with it the file remembers the ack of what was before
  node->commit();
  node.reset();
  copy("node.db", "older.db");
  open_node();
  set(*node, scope(), "b", std::int64_t{2});
  node->store->commit(scope(), Edit().erase("a").ops(), now.wall).value();
  meet();
  disconnect();
  node.reset();
  copy("older.db", "node.db");
  open_node();
  s = scope();
  const ReplicaId before = node->store->replica();
  set(*node, s, "c", std::int64_t{3});
  set(*node, s, "b", std::int64_t{4});
  meet();
  EXPECT_NE(node->store->replica(), before);
  EXPECT_EQ(identities(*node), 1);
  EXPECT_EQ(at_hub("c"), Value(std::int64_t{3}));
  EXPECT_EQ(at_hub("b"), Value(std::int64_t{4})) << "written later by the clock";
  EXPECT_EQ(at_hub("a"), std::nullopt);
  expect_equal();
  EXPECT_TRUE(node->engine->caught_up(s));
}

TEST_F(Copies, TwinsThatBothLiveBothKeepWhatTheyWrote) {
  auto s = scope();
  set(*node, s, "common", std::int64_t{0});
  meet();
  disconnect();
  node.reset();
  copy("node.db", "twin.db");
  for (int round = 0; round < 3; ++round) {
    for (const std::string name : {"node.db", "twin.db"}) {
      node.reset();
      open_node(name);
      for (int i = 0; i < 5; ++i) set(*node, scope(), name + "/" + std::to_string(round * 5 + i), std::int64_t{i});
      set(*node, scope(), "common", name);
      node->store->commit(scope(), Edit().insert("set", name).ops(), now.wall).value();
      add(scope(), "count", 1);
      node->commit();
    }
    for (const std::string name : {"twin.db", "node.db", "twin.db"}) {
      swap_node(name);
      scope();
      meet();
      disconnect();
    }
  }
  swap_node("node.db");
  scope();
  meet();
  for (const std::string name : {"node.db", "twin.db"})
    for (int i = 0; i < 15; ++i) EXPECT_TRUE(at_hub(name + "/" + std::to_string(i)).has_value()) << name << " " << i;
  EXPECT_EQ(at_hub("count"), Value(std::int64_t{6}));
  expect_equal();
}

TEST_F(Copies, ACounterIsCountedOnceHoweverOftenItsAcksWereKnown) {
  auto s = scope();
  std::int64_t sum = 0;
  for (int i = 1; i <= 7; ++i) {
    add(s, "n", i);
    sum += i;
    meet();
    if (i % 3 == 0) disconnect(), add(s, "n", 100), sum += 100, node->commit(), meet();
  }
  disconnect();
  set(*node, s, "since", std::int64_t{1});  // with it the file remembers the ack of what was before
  node->commit();
  node.reset();
  copy("node.db", "older.db");
  open_node();
  add(scope(), "n", 1'000);
  meet();
  disconnect();
  node.reset();
  copy("older.db", "node.db");
  open_node();
  for (int i = 0; i < 3; ++i) add(scope(), "n", 10'000), node->commit();
  meet();
  EXPECT_EQ(at_hub("n"), Value(std::int64_t{sum + 31'000}));
  expect_equal();
  add(scope(), "n", 1);
  settle();
  EXPECT_EQ(at_hub("n"), Value(std::int64_t{sum + 31'001}));
}

TEST_F(Copies, ANoticedOneAndItsOriginalCountOnceWhatBothBring) {
  for (const bool copy_first : {true, false}) {
    const std::string name = copy_first ? "first.db" : "second.db", key = name;
    add(scope(), key, 5);
    node->commit();
    node->store->backup(file(name)).value();
    if (!copy_first) add(scope(), key, 100), meet();
    disconnect();
    const ReplicaId original = node->store->replica();
    node.reset();
    open_node(name);
    EXPECT_NE(node->store->replica(), original);
    const ReplicaId copy = node->store->replica();
    add(scope(), key, 1'000);
    meet();
    EXPECT_EQ(node->store->replica(), copy);
    disconnect();
    node.reset();
    open_node();
    scope();
    meet();
    EXPECT_EQ(at_hub(key), Value(std::int64_t{copy_first ? 1'005 : 1'105}));
    expect_equal();
  }
}

TEST_F(Copies, OfOneThatNobodyNoticedCompareWhatTheyBringOfIt) {
  set(*node, scope(), "a", std::int64_t{1});
  meet();
  disconnect();
  node.reset();
  copy("node.db", "older.db");
  open_node();
  set(*node, scope(), "x/1", std::int64_t{1});
  set(*node, scope(), "since", std::int64_t{1});
  meet();
  disconnect();
  node.reset();
  copy("older.db", "node.db");  // nobody notices
  open_node();
  now.wall += std::chrono::minutes(1);
  set(*node, scope(), "b", std::int64_t{2});
  node->commit();
  node->store->backup(file("noticed.db")).value();
  node.reset();
  open_node("noticed.db");
  const ReplicaId noticed = node->store->replica();
  node->store->commit(scope(), Edit().erase_prefix("x").ops(), now.wall).value();  // of "x/1" it knows nothing
  set(*node, scope(), "c", std::int64_t{3});
  meet();
  EXPECT_NE(node->store->replica(), noticed);
  for (const auto& [key, value] : std::map<std::string, int>{{"a", 1}, {"x/1", 1}, {"since", 1}, {"b", 2}, {"c", 3}})
    EXPECT_EQ(at_hub(key), Value(std::int64_t{value})) << key;
  expect_equal();
  EXPECT_TRUE(node->engine->caught_up(scope()));
}

TEST_F(Copies, RecordsUnderNumbersThatTheHubHasOfAnotherCopyAreSaidAgain) {
  auto telemetry = node->open(Plane::stream, "telemetry");
  node->store->define_stream(telemetry, {{{"n", i64}}}, false).value();
  append(telemetry, 1);
  node->commit();
  append(telemetry, 2);
  meet();
  disconnect();
  node.reset();
  copy("node.db", "older.db");
  open_node();
  telemetry = node->open(Plane::stream, "telemetry");
  append(telemetry, 3);
  meet();
  const ReplicaId before = node->store->replica();
  disconnect();
  node.reset();
  copy("older.db", "node.db");
  open_node();
  telemetry = node->open(Plane::stream, "telemetry");
  append(telemetry, 33);
  node->commit();
  append(telemetry, 34);
  meet();
  EXPECT_NE(node->store->replica(), before);
  EXPECT_EQ(records_at_hub(before), (std::vector<std::int64_t>{1, 2, 3}));
  EXPECT_EQ(records_at_hub(node->store->replica()), (std::vector<std::int64_t>{33, 34}));
  EXPECT_EQ(node->store->pending(telemetry).value().count, 0u);
  EXPECT_TRUE(node->store->verify().value().empty());
}

TEST_F(Copies, AHubThatHasMoreRecordsThanItCouldAckProvesThatTheyAreOurs) {
  const auto telemetry = node->open(Plane::stream, "telemetry");
  node->store->define_stream(telemetry, {{{"n", i64}}}, false).value();
  meet();
  append(telemetry, 1);
  node->commit();
  while (carry(*node, *hub)) {
  }
  hub->commit();  // its ack is never read
  disconnect();
  append(telemetry, 2);
  const ReplicaId before = node->store->replica();
  meet();
  EXPECT_EQ(node->store->replica(), before);
  EXPECT_EQ(records_at_hub(before), (std::vector<std::int64_t>{1, 2}));
}

}  // namespace
}  // namespace edgesync::sync
