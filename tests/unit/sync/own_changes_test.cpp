// SPDX-License-Identifier: Apache-2.0
// A hub that believes its nodes of their own changes alone, and hostile ones: honest engines whose files claim to have
// seen what nobody has told.
#include "unit/sync/copies.hpp"

#include <set>

namespace edgesync::sync {
namespace {

Authorizer grants(Access access) {
  Authorizer authorizer = allow_all();
  authorizer.scope = [access](const Credentials& who, Plane, std::string_view) {
    return who.name == "relay" ? Access::read_write : access;
  };
  return authorizer;
}

class OwnChanges : public Copies {
 protected:
  OwnChanges() { open_hub_with(Access::write_own); }

  void open_hub_with(Access access) {
    if (hub) disconnect();
    hub.reset();
    hub = std::make_unique<Side>(file("hub.db"), Role::hub, 1, limits, false,
                                 [access](EngineOptions& options) { options.authorizer = grants(access); });
  }
  /// The node at hand is `name` from here on, with a file of that name.
  store::ScopeId become(const std::string& name) {
    if (node) disconnect();
    node.reset();
    node = std::make_unique<Side>(file(name + ".db"), Role::node, ++opened_, limits, false,
                                  [&](EngineOptions& options) { options.name = name; });
    return scope();
  }
  /// The node at hand is `name`, and sets the key of that name.
  void change(const std::string& name, std::int64_t value) {
    const auto s = become(name);
    set(*node, s, name, value);
  }
  /// The node has seen `upto`, and `keys` are what is left of it.
  void claim(store::ScopeId scope, const crdt::Context& upto, std::vector<crdt::KeyState> keys = {}) {
    crdt::Context all = node->store->context(scope);
    store::RemoteDelta forged{scope, {all, {}, false, std::move(keys), {}, crdt::Summary::unknown()}, {}, {}, {}};
    all.join(upto);
    forged.delta.upto = all;
    store::RemoteCut cut;
    cut.deltas.push_back(std::move(forged));
    node->store->apply(std::move(cut));
    ASSERT_TRUE(node->commit());
    ASSERT_TRUE(node->store->context(scope).covers(upto)) << "the file does not claim it";
  }
  store::ScopeId hubs() { return hub->store->find_scope(Plane::state, "s").value(); }
  store::ScopeId telemetry() {
    const auto stream = node->open(Plane::stream, "telemetry");
    node->store->define_stream(stream, {{{"n", ColumnType::i64}}}, false).value();
    return stream;
  }
  /// What the hub said no to since the last time.
  std::string refused() {
    std::string why;
    for (const Event& event : node->engine->take_events())
      if (event.kind == EventKind::rejected) why += event.error.detail;
    return why;
  }
  /// Somebody whose later changes are at stake; the stamp that the hub has of it.
  crdt::Dot victim(const std::string& name = "victim") {
    const auto s = become(name);
    set(*node, s, "v", std::int64_t{1});
    meet();
    const ReplicaId self = node->store->replica();
    return {self, hub->store->context(hubs())[self]};
  }
  std::uint64_t opened_ = 1'000;
  static crdt::Dot later(const crdt::Dot& dot) { return {dot.replica, dot.stamp + (crdt::Stamp{1} << 40)}; }
};

TEST_F(OwnChanges, AreTakenFromEverybodyAndReachEverybody) {
  for (const std::string name : {"one", "two", "one"}) {
    const auto s = become(name);
    set(*node, s, name, std::int64_t{1});
    node->store->commit(s, Edit().insert("set", name).ops(), now.wall).value();
    meet();
    EXPECT_EQ(refused(), "");
    EXPECT_TRUE(node->engine->caught_up(s));
    expect_equal();
  }
}

TEST_F(OwnChanges, WhatAnotherHasYetToWriteCannotBeTakenForRemoved) {
  const crdt::Dot known = victim();
  auto s = become("hostile");
  meet();
  claim(s, crdt::Context(later(known)));
  set(*node, s, "h", std::int64_t{1});
  connect();
  settle();
  EXPECT_NE(refused().find("which is another node's"), std::string::npos);
  EXPECT_EQ(hub->store->context(hubs())[known.replica], known.stamp);
  EXPECT_EQ(at_hub("h"), std::nullopt) << "it stands on what was refused";
  s = become("victim");
  set(*node, s, "v", std::int64_t{2});
  meet();
  EXPECT_EQ(at_hub("v"), Value(std::int64_t{2}));
  EXPECT_EQ(node->store->replica(), known.replica);
  expect_equal();
}

TEST_F(OwnChanges, WhereNodesAreBelievedTheSameWordsCostTheOtherItsId) {
  open_hub_with(Access::read_write);
  const crdt::Dot known = victim();
  auto s = become("hostile");
  meet();
  claim(s, crdt::Context(later(known)));
  meet();
  EXPECT_EQ(hub->store->context(hubs())[known.replica], later(known).stamp);
  s = become("victim");
  set(*node, s, "v", std::int64_t{2});
  meet();
  EXPECT_NE(node->store->replica(), known.replica);
  EXPECT_EQ(at_hub("v"), Value(std::int64_t{2})) << "nothing is lost even so";
}

TEST_F(OwnChanges, NobodyWritesInTheNameOfAnother) {
  const crdt::Dot known = victim();
  const auto s = become("hostile");
  meet();
  const crdt::Dot forged = later(known);
  const Bytes key = crdt::cell_key("v", crdt::Kind::value);
  claim(s, crdt::Context(forged), {{key, {{{forged, 0, {}}, false}}}});
  meet();
  EXPECT_NE(refused(), "");
  EXPECT_EQ(at_hub("v"), Value(std::int64_t{1}));
}

TEST_F(OwnChanges, ALargeCutIsRefusedAtItsFirstChunk) {
  const crdt::Dot known = victim();
  const auto s = become("hostile");
  meet();
  claim(s, crdt::Context(later(known)));
  for (int i = 0; i < 40; ++i) set(*node, s, "k" + std::to_string(i), std::string(100'000, 'x'));
  meet();
  EXPECT_NE(refused(), "");
  EXPECT_EQ(hub->store->context(hubs())[known.replica], known.stamp);
  EXPECT_EQ(at_hub("k0"), std::nullopt);
}

TEST_F(OwnChanges, WhatARelayToldOfIsNobodysUntilItComesItself) {
  auto s = become("below");
  set(*node, s, "b", std::int64_t{1});
  node->commit();
  const crdt::Dot below{node->store->replica(), node->store->context(s)[node->store->replica()]};
  auto told = node->store->small_delta(s, {}, false, 1 << 20).value().value();
  s = become("relay");
  store::RemoteCut cut;
  cut.deltas.push_back({s, std::move(told), {}, {}, {}});
  node->store->apply(std::move(cut));
  node->commit();
  meet();
  EXPECT_EQ(at_hub("b"), Value(std::int64_t{1}));
  s = become("hostile");
  meet();
  claim(s, crdt::Context(later(below)));
  meet();
  EXPECT_NE(refused().find("has not told them here yet"), std::string::npos);
  s = become("below");
  set(*node, s, "b", std::int64_t{2});
  meet();
  EXPECT_EQ(refused(), "");
  EXPECT_EQ(at_hub("b"), Value(std::int64_t{2}));
}

TEST_F(OwnChanges, WhoseTheyAreIsKnownAfterARestart) {
  const crdt::Dot known = victim();
  open_hub_with(Access::write_own);
  const auto s = become("hostile");
  meet();
  claim(s, crdt::Context(later(known)));
  meet();
  EXPECT_NE(refused().find("which is another node's"), std::string::npos);
}

TEST_F(OwnChanges, OfOneNameThereAreOnlySoManyIds) {
  const auto s = become("hostile");
  crdt::Context many;
  for (int i = 0; i < 1'100; ++i) many.advance({node->random.id(), 1000});
  claim(s, many);
  meet();
  EXPECT_NE(refused().find("one too many"), std::string::npos);
  EXPECT_TRUE(hub->store->context(hubs()).empty());
}

/// Also of one that is believed: a row of each is kept.
TEST_F(OwnChanges, OfOneNameOnlySoManyIdsAreRemembered) {
  const auto s = hub->open(Plane::state, "s");
  Xoshiro random(5);
  const auto tell = [&](bool own_only) {
    const ReplicaId id = random.id();
    store::RemoteCut cut;
    cut.deltas.push_back({s, {{}, crdt::Context({id, 1}), false, {}, {}, crdt::Summary::unknown()}, {}, {}, {}});
    cut.deltas.back().terms.teller = store::Teller{"crowd", id, own_only};
    hub->store->apply(std::move(cut));
  };
  for (int i = 0; i < 1'100; ++i) tell(false);
  hub->commit();
  EXPECT_EQ(hub->store->context(s).items().size(), 1'100U);
  tell(true);
  hub->commit();
  EXPECT_EQ(hub->store->context(s).items().size(), 1'100U) << "one too many";
  open_hub_with(Access::write_own);
  tell(true);
  hub->commit();
  EXPECT_EQ(hub->store->context(hubs()).items().size(), 1'100U);
}

/// A hub that is a copy and does not know it would mint again what others have: so of its own ids it believes anybody,
/// a few times, and what it wrote it says again.
TEST_F(OwnChanges, OfTheHubsOwnIdsWhateverIsSaidCostsItAFewIds) {
  hub->open(Plane::state, "s");
  set(*hub, hubs(), "mine", std::int64_t{1});
  hub->commit();
  const auto s = become("hostile");
  meet();
  std::set<ReplicaId> ids;
  for (unsigned i = 0; i < limits.forks + 3; ++i) {
    const ReplicaId self = hub->store->replica();
    ids.insert(self);
    claim(s, crdt::Context(later({self, hub->store->context(hubs())[self] + i})));
    disconnect();
    connect();
    settle();
    set(*hub, hubs(), "mine", std::int64_t{i});
    hub->commit();
    EXPECT_EQ(at_hub("mine"), Value(std::int64_t{i}));
  }
  EXPECT_GT(ids.size(), 1U);
  EXPECT_LE(ids.size(), limits.forks + 1);
  EXPECT_TRUE(hub->store->verify().value().empty());
}

/// Each node has what all of them made, and gives it back; whose it is shows as they come.
TEST_F(OwnChanges, AHubThatHasLostItsFileGetsEverythingBack) {
  const auto write = [&](std::int64_t round) {
    for (const std::string name : {"one", "two", "three"}) {
      change(name, round);
      meet();
      EXPECT_EQ(refused(), "");
    }
  };
  write(1), write(2);
  disconnect();
  hub.reset();
  for (const char* part : {"hub.db", "hub.db-wal", "hub.db-shm"}) std::filesystem::remove(file(part));
  open_hub_with(Access::write_own);
  write(3);
  for (const std::string name : {"one", "two", "three"}) {
    const auto s = become(name);
    meet();
    EXPECT_TRUE(node->engine->caught_up(s));
    EXPECT_EQ(at_hub(name), Value(std::int64_t{3}));
    expect_equal();
  }
}

/// After that, two may each have something of the other's that the hub had later than its copy.
TEST_F(OwnChanges, AHubRestoredFromACopyWaitsForTheRuleToBeWidened) {
  for (const std::string name : {"one", "two"}) change(name, 1), meet();
  disconnect();
  hub.reset();
  copy("hub.db", "older.db");
  open_hub_with(Access::write_own);
  for (int round = 2; round < 4; ++round)
    for (const std::string name : {"one", "two"}) change(name, round), meet();
  const auto restore = [&](Access access) {
    disconnect();
    hub.reset();
    copy("older.db", "hub.db");
    open_hub_with(access);
  };
  restore(Access::write_own);
  auto s = become("one");
  set(*node, s, "one", std::int64_t{4});
  meet();
  EXPECT_NE(refused().find("which is another node's"), std::string::npos);
  ASSERT_NE(node->store->refusal(s), nullptr);
  EXPECT_TRUE(node->store->refusal(s)->data && node->store->refusal(s)->why.is(Errc::forbidden));
  meet();
  EXPECT_NE(node->store->refusal(s), nullptr) << "it is let in, and what it has to tell is not";
  open_hub_with(Access::read_write);
  meet();
  EXPECT_EQ(node->store->refusal(s), nullptr);
  become("two"), meet();
  open_hub_with(Access::write_own);
  for (const std::string name : {"two", "one"}) {
    s = become(name);
    set(*node, s, name, std::int64_t{5});
    meet();
    EXPECT_EQ(refused(), "");
    expect_equal();
  }
}

/// It is told of as long as it lasts, and no longer.
TEST_F(OwnChanges, WhatIsRefusedGoesThroughOnceTheHubKnowsWhatItRestsOn) {
  victim("two");
  auto two = scope();
  set(*node, two, "two", std::int64_t{2});
  node->commit();
  crdt::Delta later = node->store->small_delta(two, {}, false, 1 << 20).value().value();
  const auto s = become("one");
  meet();
  store::RemoteCut cut;
  cut.deltas.push_back({s, later, {}, {}, {}});
  node->store->apply(std::move(cut));
  node->commit();
  set(*node, s, "one", std::int64_t{1});
  meet();
  ASSERT_NE(node->store->refusal(s), nullptr);
  cut = {};
  cut.deltas.push_back({hubs(), std::move(later), {}, {}, {}});
  hub->store->apply(std::move(cut));
  hub->commit();
  for (int i = 0; i < 3; ++i) {
    now.monotonic += std::chrono::minutes(1);
    hub->engine->tick(now), node->engine->tick(now);
    settle();
  }
  EXPECT_EQ(at_hub("one"), Value(std::int64_t{1}));
  EXPECT_EQ(node->store->refusal(s), nullptr);
}

/// What is brought is somebody's as soon as he comes.
TEST_F(OwnChanges, AnIdIsItsBearersWhoeverBroughtItFirst) {
  auto s = become("below");
  set(*node, s, "b", std::int64_t{1});
  node->commit();
  const ReplicaId below = node->store->replica();
  auto told = node->store->small_delta(s, {}, false, 1 << 20).value().value();
  s = become("bringer");
  store::RemoteCut cut;
  cut.deltas.push_back({s, std::move(told), {}, {}, {}});
  node->store->apply(std::move(cut));
  node->commit();
  meet();
  EXPECT_EQ(at_hub("b"), Value(std::int64_t{1}));
  EXPECT_EQ(refused(), "");
  s = become("below");
  set(*node, s, "b", std::int64_t{2});
  meet();
  EXPECT_EQ(refused(), "");
  const crdt::Dot known{below, hub->store->context(hubs())[below]};
  s = become("bringer");
  meet();
  claim(s, crdt::Context(later(known)));
  meet();
  EXPECT_NE(refused().find("which is another node's"), std::string::npos);
}

/// Whoever wrote while it was believed of everything is known when it is not any more.
TEST_F(OwnChanges, WhoseIdsAreIsKnownFromBeforeTheRuleWasNarrowed) {
  open_hub_with(Access::read_write);
  const crdt::Dot known = victim();
  open_hub_with(Access::write_own);
  const auto s = become("hostile");
  meet();
  claim(s, crdt::Context(later(known)));
  meet();
  EXPECT_NE(refused().find("which is another node's"), std::string::npos);
}

/// Nobody takes away, by a removal that claims to have seen it, what others have yet to tell.
TEST_F(OwnChanges, ARangeRemovalTakesWhatTheHubKnows) {
  const crdt::Dot known = victim();
  auto s = become("hostile");
  meet();
  crdt::Context all = node->store->context(s);
  const crdt::Dot mine{node->store->replica(),
                       node->store->commit(s, Edit().erase_prefix("x").ops(), now.wall).value().stamp};
  node->commit();
  all.advance(mine);
  crdt::Delta forged{node->store->context(s), all, false, {}, {}, crdt::Summary::unknown()};
  forged.base = hub->store->context(hubs());
  crdt::Context observed = all;
  observed.advance(later(known));
  forged.removals = {{mine, crdt::LogItem::Type::remove_range, {}, {}, observed}};
  store::Terms terms{store::Teller{"hostile", node->store->replica(), true}, {}};
  store::RemoteCut cut;
  cut.deltas.push_back({hubs(), std::move(forged), {}, {}, terms});
  hub->store->apply(std::move(cut));
  ASSERT_TRUE(hub->commit());
  EXPECT_EQ(hub->store->context(hubs())[mine.replica], mine.stamp) << "the rest of it is its own to tell";
  s = become("victim");
  set(*node, s, "w", std::int64_t{2});
  meet();
  EXPECT_EQ(at_hub("w"), Value(std::int64_t{2}));
  expect_equal();
  become("third"), meet();
  EXPECT_EQ(node->get(scope(), "w"), Value(std::int64_t{2}));
}

TEST_F(OwnChanges, ACopyOfANodeGoesOnUnderAnIdOfItsOwn) {
  auto s = become("one");
  set(*node, s, "common", std::int64_t{0});
  meet();
  disconnect();
  node.reset();
  copy("one.db", "two.db");
  for (int round = 0; round < 2; ++round)
    for (const std::string name : {"one", "two"}) {
      s = become(name);
      set(*node, s, name + std::to_string(round), std::int64_t{round});
      meet();
      EXPECT_EQ(at_hub(name + std::to_string(round)), Value(std::int64_t{round})) << refused();
    }
  expect_equal();
}

TEST_F(OwnChanges, RecordsAreToldByWhoMadeThem) {
  become("victim");
  const auto here = telemetry();
  append(here, 1);
  node->commit();
  const ReplicaId self = node->store->replica();
  const auto segment = node->store->segments(here, self, 0, 1 << 20).value().at(0);
  meet();
  EXPECT_EQ(records_at_hub(self), std::vector<std::int64_t>{1});
  const auto there = hub->store->find_scope(Plane::stream, "telemetry").value();
  Bytes body = segment.body;
  become("hostile");
  meet();
  const auto forge = [&](const ReplicaId& origin) {
    store::Terms terms;
    terms.teller = store::Teller{"hostile", node->store->replica(), true};
    const auto ticket = hub->store->apply(store::RemoteSegment{there, origin, 1, 1, body, terms});
    auto batch = hub->store->begin_flush();
    hub->store->write(*batch);
    const auto flushed = hub->store->finish(std::move(batch));
    for (const store::Outcome& outcome : flushed.outcomes)
      if (outcome.ticket == ticket) return outcome;
    return store::Outcome{};
  };
  EXPECT_TRUE(forge(node->store->replica()).applied);
  const store::Outcome known = forge(self);
  EXPECT_FALSE(known.error) << "it is there already";
  store::Terms terms;
  terms.teller = store::Teller{"hostile", node->store->replica(), true};
  const auto gap = hub->store->apply(store::RemoteGap{there, self, {2, 9, DropReason::quota}, {}, terms});
  auto batch = hub->store->begin_flush();
  hub->store->write(*batch);
  const auto flushed = hub->store->finish(std::move(batch));
  ASSERT_EQ(flushed.outcomes.size(), 1U);
  EXPECT_EQ(flushed.outcomes[0].ticket, gap);
  EXPECT_TRUE(flushed.outcomes[0].error && flushed.outcomes[0].error->is(Errc::forbidden));
  EXPECT_EQ(hub->store->context(there)[self], 1U);
}

}  // namespace
}  // namespace edgesync::sync
