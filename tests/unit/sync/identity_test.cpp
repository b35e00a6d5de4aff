// SPDX-License-Identifier: Apache-2.0
// Databases that are copied, restored and made anew between two openings, by copying their files.
#include "unit/sync/pair.hpp"

namespace edgesync::sync {
namespace {

class Copies : public Pair {
 protected:
  void open_node(const std::string& name = "node.db") {
    node = std::make_unique<Side>(file(name), Role::node, ++seed_, limits);
  }
  void open_hub(const std::string& name = "hub.db") {
    hub = std::make_unique<Side>(file(name), Role::hub, ++seed_, limits);
  }
  /// In place, as `cp` does it: the environment cannot tell.
  void copy(const std::string& from, const std::string& to) const {
    std::filesystem::copy_file(file(from), file(to), std::filesystem::copy_options::overwrite_existing);
  }
  void swap_node(const std::string& name) {
    disconnect();
    node.reset();
    open_node(name);
  }

  /// Links as often as it takes until both stay.
  void meet() {
    for (int attempt = 0; attempt < 6; ++attempt) {
      disconnect();
      connect();
      settle();
      if (!node->engine->ending(*node->link) && !hub->engine->ending(*hub->link)) return;
    }
    FAIL() << "they never stay linked: " << node->engine->ending(*node->link).value_or(Error{}).detail;
  }
  /// State scopes that both have.
  void expect_equal(std::string_view name = "s") {
    const auto at_node = node->store->find_scope(Plane::state, name).value();
    const auto at_hub = hub->store->find_scope(Plane::state, name).value();
    EXPECT_EQ(node->store->context(at_node).to_string(), hub->store->context(at_hub).to_string());
    EXPECT_EQ(node->store->summary(at_node), hub->store->summary(at_hub));
    EXPECT_TRUE(node->store->verify().value().empty());
    EXPECT_TRUE(hub->store->verify().value().empty());
  }
  std::optional<Value> at_hub(std::string_view key, std::string_view scope = "s") {
    return hub->get(hub->store->find_scope(Plane::state, scope).value(), key);
  }
  store::ScopeId scope(std::string_view name = "s") { return node->open(Plane::state, name); }
  void add(store::ScopeId scope, std::string_view key, std::int64_t delta) {
    node->store->commit(scope, Edit().add(key, delta).ops(), now.wall).value();
  }
  void append(store::ScopeId scope, std::int64_t n) {
    const store::Row row{now.wall, {n}};
    node->store->append(scope, {&row, 1}).value();
  }
  std::vector<std::int64_t> records_at_hub(const ReplicaId& origin) {
    std::vector<std::int64_t> found;
    const auto scope = hub->store->find_scope(Plane::stream, "telemetry").value();
    for (const auto& segment : hub->store->segments(scope, origin, 0, 1 << 20).value())
      for (const Record& record : stream::decode(segment.body).value())
        found.push_back(std::get<std::int64_t>(record.fields[0]));
    return found;
  }
  static int identities(Side& side) {
    int count = 0;
    for (const Event& event : side.engine->take_events()) count += event.kind == EventKind::identity ? 1 : 0;
    return count;
  }

 private:
  std::uint64_t seed_ = 100;
};

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

TEST_F(Copies, WhatARestoredHubLostComesBackItsOwnWritesAmongIt) {
  auto s = scope();
  set(*node, s, "a", std::int64_t{1});
  meet();
  disconnect();
  hub.reset();
  copy("hub.db", "older-hub.db");
  open_hub();
  set(*hub, hub->open(Plane::state, "s"), "of hub", std::int64_t{7});
  set(*node, s, "b", std::int64_t{2});
  meet();
  EXPECT_EQ(node->get(s, "of hub"), Value(std::int64_t{7}));
  const ReplicaId before = hub->store->replica();
  disconnect();
  hub.reset();
  copy("older-hub.db", "hub.db");
  open_hub();
  set(*hub, hub->open(Plane::state, "s"), "since", std::int64_t{8});
  hub->commit();
  node->engine->take_events();
  meet();
  EXPECT_NE(hub->store->replica(), before);
  EXPECT_GE(identities(*hub), 1);
  EXPECT_EQ(identities(*node), 1) << "the hub holds less than it had acknowledged";
  for (const auto& [key, value] : std::map<std::string, int>{{"a", 1}, {"b", 2}, {"of hub", 7}, {"since", 8}}) {
    EXPECT_EQ(at_hub(key), Value(std::int64_t{value})) << key;
    EXPECT_EQ(node->get(s, key), Value(std::int64_t{value})) << key;
  }
  expect_equal();
}

TEST_F(Copies, AHubThatLostEverythingGetsEverythingButTrimmedRecordsWhichAreCounted) {
  const auto s = scope();
  const auto telemetry = node->open(Plane::stream, "telemetry");
  node->store->define_stream(telemetry, {{{"n", i64}}}, false).value();
  set(*node, s, "a", std::int64_t{1});
  for (int i = 1; i <= 3; ++i) append(telemetry, i), node->commit();
  meet();
  disconnect();
  hub.reset();
  std::filesystem::remove(file("hub.db"));
  open_hub();
  append(telemetry, 4);
  connect();
  while (node->store->acked(s)[node->store->replica()] != 0 && (carry(*node, *hub) || carry(*hub, *node))) {
  }
  EXPECT_EQ(node->store->acked(s)[node->store->replica()], 0u) << "nobody holds it but us";
  EXPECT_GT(node->store->pending(s).value().count, 0u);
  settle();
  EXPECT_EQ(at_hub("a"), Value(std::int64_t{1}));
  EXPECT_EQ(records_at_hub(node->store->replica()), (std::vector<std::int64_t>{4}));
  EXPECT_EQ(node->engine->metrics().records_missing, 3u);
  EXPECT_EQ(identities(*node), 1);
  expect_equal();
}

TEST_F(Copies, OfTwoSessionsOfOneReplicaTheNewerStaysAndAQuarrelIsTold) {
  const auto s = scope();
  set(*node, s, "a", std::int64_t{1});
  meet();
  for (unsigned i = 0; i <= limits.flips + 1; ++i) {
    const LinkId older = *hub->link;
    node->engine->closed(*node->link, {Errc::unreachable, "cut"}, now);  // the hub does not hear of it
    connect();
    settle();
    ASSERT_TRUE(hub->engine->ending(older));
    EXPECT_TRUE(hub->engine->ending(older)->is(Errc::identity_clash));
    hub->engine->closed(older, {Errc::closed, "gone"}, now);
    EXPECT_FALSE(hub->engine->ending(*hub->link));
  }
  EXPECT_EQ(identities(*hub), 1);
  set(*node, s, "b", std::int64_t{2});
  settle();
  EXPECT_EQ(at_hub("b"), Value(std::int64_t{2}));
}

TEST_F(Copies, ANewSessionWaitsForWhatTheOneBeforeHasNotSettled) {
  const auto s = scope();
  meet();
  set(*node, s, "a", std::int64_t{1});
  node->commit();
  while (carry(*node, *hub)) {
  }
  disconnect();  // the cut is accepted and not durable
  connect();
  while (carry(*node, *hub)) {
  }
  ASSERT_TRUE(hub->engine->ending(*hub->link));
  EXPECT_TRUE(hub->engine->ending(*hub->link)->is(Errc::identity_clash));
  hub->commit();
  meet();
  EXPECT_EQ(at_hub("a"), Value(std::int64_t{1}));
}

TEST_F(Copies, ANodeMadeFromTheHubsOwnFileTakesAnIdOfItsOwn) {
  const auto s = hub->open(Plane::state, "s");
  set(*hub, s, "a", std::int64_t{1});
  hub->commit();
  hub.reset(), node.reset();
  copy("hub.db", "node.db");
  open_hub(), open_node();
  set(*node, scope(), "b", std::int64_t{2});
  meet();
  EXPECT_NE(node->store->replica(), hub->store->replica());
  EXPECT_EQ(at_hub("b"), Value(std::int64_t{2}));
  expect_equal();
}

TEST_F(Copies, ALargeCutThatOneBeganIsNotEndedByTheOther) {
  limits.part_bytes = 200;
  limits.cut_bytes = 150;
  limits.chunk_bytes = 100;
  limits.chunk_window = 1;
  reopen();
  const store::ScopeId theirs = hub->open(Plane::state, "s");
  for (int i = 0; i < 20; ++i) set(*node, scope(), "k" + std::to_string(i), std::int64_t{i});
  node->commit();
  node.reset();
  copy("node.db", "twin.db");
  open_node();
  node->store->commit(scope(), Edit().erase("k0").ops(), now.wall).value();
  node->commit();
  connect();
  for (int i = 0; i < 100 && hub->store->stages(theirs).empty(); ++i) {
    carry(*node, *hub), carry(*hub, *node);
    hub->commit();
  }
  ASSERT_FALSE(hub->store->stages(theirs).empty());
  now.wall += std::chrono::seconds(1);
  swap_node("twin.db");
  set(*node, scope(), "later", std::int64_t{1});
  node->commit();
  meet();
  EXPECT_EQ(identities(*node), 1);
  EXPECT_EQ(at_hub("k0"), Value(std::int64_t{0}));  // not taken for removed by this one
  expect_equal();
}

}  // namespace
}  // namespace edgesync::sync
