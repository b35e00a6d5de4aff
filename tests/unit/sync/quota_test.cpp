// SPDX-License-Identifier: Apache-2.0
// What scopes may hold together at a hub: what would be more waits at the node that has it, and what removes goes
// through.
#include "unit/sync/pair.hpp"

namespace edgesync::sync {
namespace {

constexpr std::uint64_t quota_bytes = 100'000;

class Quota : public Pair {
 protected:
  Quota() {
    hub.reset();
    hub = std::make_unique<Side>(path(Role::hub), Role::hub, 1, limits, false, [this](EngineOptions& options) {
      options.authorizer = allow_all();
      options.authorizer.quota = [this](const Credentials&, Plane plane, std::string_view scope) {
        return scope.starts_with("own/") ? ScopeQuota{bytes_, "own/*", plane} : ScopeQuota{};
      };
    });
  }
  void write(store::ScopeId scope, int from, int to, std::size_t bytes = 1'000) {
    for (int i = from; i < to; ++i) set(*node, scope, "k/" + std::to_string(i), std::string(bytes, 'x'));
  }
  void erase(store::ScopeId scope, int from, int to) {
    for (int i = from; i < to; ++i)
      node->store->commit(scope, Edit().erase("k/" + std::to_string(i)).ops(), now.wall).value();
  }
  /// Until nothing moves, then as long as it takes for what was refused to be tried again.
  void run(int pauses = 3) {
    settle();
    for (int i = 0; i < pauses; ++i) {
      now.monotonic += std::chrono::minutes(1);
      now.wall += std::chrono::minutes(1);
      hub->engine->tick(now), node->engine->tick(now);
      settle();
    }
  }
  std::uint64_t held(Plane plane = Plane::state) const { return hub->store->held(plane, "own/*").bytes; }
  std::string refused() {
    std::string why;
    for (const Event& event : node->engine->take_events())
      if (event.kind == EventKind::rejected) why += event.error.detail;
    return why;
  }

  std::uint64_t bytes_ = quota_bytes;
};

TEST_F(Quota, WhatWouldBeMoreWaitsUntilThereIsRoom) {
  const auto s = node->open(Plane::state, "own/a");
  write(s, 0, 80);
  connect();
  run();
  EXPECT_TRUE(node->engine->caught_up(s));
  EXPECT_EQ(held(), node->store->bytes(s));
  write(s, 80, 120);
  run();
  EXPECT_FALSE(node->engine->caught_up(s));
  EXPECT_LE(held(), quota_bytes);
  EXPECT_NE(refused().find("the 100000 bytes that own/* may hold"), std::string::npos);
  ASSERT_NE(node->store->refusal(s), nullptr);
  EXPECT_TRUE(node->store->refusal(s)->why.is(Errc::storage_full));
  erase(s, 0, 60);
  run();
  EXPECT_TRUE(node->engine->caught_up(s)) << refused();
  EXPECT_EQ(held(), node->store->bytes(s));
  EXPECT_EQ(node->store->refusal(s), nullptr);
}

TEST_F(Quota, OthersAreNotConcerned) {
  const auto mine = node->open(Plane::state, "own/a"), other = node->open(Plane::state, "other");
  write(mine, 0, 200);
  write(other, 0, 200);
  connect();
  run();
  EXPECT_FALSE(node->engine->caught_up(mine));
  EXPECT_TRUE(node->engine->caught_up(other));
}

TEST_F(Quota, ScopesShareIt) {
  const auto a = node->open(Plane::state, "own/a"), b = node->open(Plane::state, "own/b/c");
  write(a, 0, 60);
  connect();
  run();
  write(b, 0, 60);
  run();
  EXPECT_TRUE(node->engine->caught_up(a));
  EXPECT_FALSE(node->engine->caught_up(b));
  EXPECT_EQ(held(), node->store->bytes(a));
}

TEST_F(Quota, OfWhatIsFullValuesMayBeReplaced) {
  const auto s = node->open(Plane::state, "own/a");
  write(s, 0, 97);
  connect();
  run();
  for (int round = 0; round < 3; ++round) {
    write(s, 0, 97);
    run();
    EXPECT_TRUE(node->engine->caught_up(s)) << refused();
  }
  node->store->commit(s, Edit().erase_prefix("k").ops(), now.wall).value();
  write(s, 200, 290);
  run();
  EXPECT_TRUE(node->engine->caught_up(s)) << "a range is gone with the same cut: " << refused();
  EXPECT_EQ(held(), node->store->bytes(s));
}

TEST_F(Quota, ALargeCutStopsWhereThereIsNoMoreRoom) {
  const auto s = node->open(Plane::state, "own/a");
  write(s, 0, 100, 50'000);
  connect();
  run();
  EXPECT_FALSE(node->engine->caught_up(s));
  EXPECT_EQ(held(), 0U);
  bytes_ = 10'000'000;
  hub->engine->authorize_again([](const Credentials&) { return true; });
  run();
  EXPECT_TRUE(node->engine->caught_up(s)) << refused();
  EXPECT_EQ(held(), node->store->bytes(s));
}

/// In chunks, none of which says that it replaces as much as it brings.
TEST_F(Quota, OfWhatIsFullALargeCutMayReplaceAll) {
  bytes_ = 3'100'000;
  const auto s = node->open(Plane::state, "own/a");
  write(s, 0, 60, 50'000);
  connect();
  run();
  ASSERT_TRUE(node->engine->caught_up(s)) << refused();
  write(s, 0, 60, 50'000);
  run();
  EXPECT_TRUE(node->engine->caught_up(s)) << refused();
  EXPECT_EQ(held(), node->store->bytes(s));
}

TEST_F(Quota, WhatALargeCutComesToIsBounded) {
  bytes_ = 3'000'000;
  const auto s = node->open(Plane::state, "own/a");
  write(s, 0, 20, 50'000);
  connect();
  run();
  write(s, 20, 62, 50'000);
  run();
  EXPECT_FALSE(node->engine->caught_up(s));
  EXPECT_LE(held(), bytes_);
  EXPECT_NE(refused().find("more than the 3000000 bytes"), std::string::npos);
  const std::uint64_t sent = node->engine->metrics().keys_sent;
  erase(s, 0, 10);
  run(6);
  EXPECT_TRUE(node->engine->caught_up(s)) << refused();
  EXPECT_LT(node->engine->metrics().keys_sent, sent + 42) << "what was kept aside is not told again";
  EXPECT_EQ(held(), node->store->bytes(s));
}

/// To ask costs a few bytes, and to join costs all that was kept aside.
TEST_F(Quota, WhatWasJoinedInVainIsNotJoinedAgainAtOnce) {
  bytes_ = 3'000'000;
  const auto s = node->open(Plane::state, "own/a");
  write(s, 0, 20, 50'000);
  connect();
  run();
  write(s, 20, 62, 50'000);
  settle();
  ASSERT_NE(node->store->refusal(s), nullptr);
  bytes_ = 10'000'000;
  disconnect();
  connect();
  settle();
  EXPECT_FALSE(node->engine->caught_up(s)) << "by a new link, which asks at once";
  run();
  EXPECT_TRUE(node->engine->caught_up(s)) << refused();
}

/// What one scope has no room for is no reason for another.
TEST_F(Quota, WhatWasJoinedInVainIsOfItsScopeAlone) {
  Quotas quotas(*hub->store);
  quotas.passes(now.monotonic);
  quotas.overflowed("member", store::ScopeId{1}, quotas.now() + std::chrono::seconds(5));
  EXPECT_FALSE(quotas.may_join("member", store::ScopeId{1}, now.monotonic));
  EXPECT_TRUE(quotas.may_join("member", store::ScopeId{2}, now.monotonic));
  EXPECT_TRUE(quotas.may_join("other", store::ScopeId{1}, now.monotonic));
  quotas.passes(now.monotonic + std::chrono::seconds(5));
  EXPECT_TRUE(quotas.may_join("member", store::ScopeId{1}, now.monotonic)) << "whenever it was heard of last";
}

TEST_F(Quota, WhatDoesNotFitTakesNoRoomFromOthers) {
  Quotas quotas(*hub->store);
  const ScopeQuota quota{1'000, "own/*", Plane::state};
  EXPECT_EQ(quotas.room(quota, {2'000, 0}, now.monotonic)->left, 1'000U);
  EXPECT_EQ(quotas.room(quota, {600, 0}, now.monotonic)->left, 1'000U);
  EXPECT_EQ(quotas.room(quota, {600, 0}, now.monotonic)->left, 400U);
}

/// A slow disk may have a batch for minutes: room that was promised before is not promised again.
TEST_F(Quota, WhatIsNotDurableYetIsTakenToStay) {
  Quotas quotas(*hub->store);
  const ScopeQuota quota{100'000, "own/*", Plane::state};
  const auto left_after = [&](int seconds, std::uint64_t brings) {
    return quotas.room(quota, {brings, 0}, now.monotonic + std::chrono::seconds(seconds))->left;
  };
  const auto scope = hub->store->open_scope(Plane::state, "own/a").value();
  hub->commit();
  EXPECT_EQ(left_after(0, 60'000), 100'000U);
  set(*hub, scope, "a", "value");  // goes by the ticket that was promised room
  EXPECT_EQ(left_after(2, 30'000), 40'000U);
  EXPECT_EQ(left_after(4, 0), 10'000U);
  set(*hub, scope, "b", "value");
  hub->commit();
  EXPECT_EQ(left_after(6, 0), 100'000U - hub->store->bytes(scope)) << "by now it is known what it came to";
}

TEST_F(Quota, WhatIsKeptAsideForSeveralScopesIsBoundedTogether) {
  bytes_ = 4'000'000;
  const auto a = node->open(Plane::state, "own/a"), b = node->open(Plane::state, "own/b");
  write(a, 0, 60, 50'000), write(b, 0, 60, 50'000);
  connect();
  run();
  EXPECT_LE(hub->store->held(Plane::state, "own/*").aside, bytes_);
  EXPECT_LE(held(), bytes_);
  EXPECT_FALSE(node->engine->caught_up(a) && node->engine->caught_up(b));
  bytes_ = 8'000'000;
  hub->engine->authorize_again([](const Credentials&) { return true; });
  run(6);
  EXPECT_TRUE(node->engine->caught_up(a) && node->engine->caught_up(b)) << refused();
}

TEST_F(Quota, RecordsWaitAtTheNode) {
  const auto s = node->open(Plane::stream, "own/log");
  node->store->define_stream(s, {{{"text", ColumnType::text}}}, false).value();
  const auto append = [&](int count) {
    for (int i = 0; i < count; ++i) {
      const Record row{0, now.wall, {std::string(1'000, static_cast<char>('a' + i % 26))}};
      node->store->append(s, {&row, 1}).value();
      node->commit();
    }
  };
  connect();
  append(1'500);
  run();
  const auto there = hub->store->find_scope(Plane::stream, "own/log").value();
  const ReplicaId self = node->store->replica();
  const std::uint64_t got = hub->store->context(there)[self];
  EXPECT_GT(got, 0U);
  EXPECT_LT(got, 1'500U);
  EXPECT_LE(held(Plane::stream), quota_bytes + 64'000);
  bytes_ = 0;
  hub->engine->authorize_again([](const Credentials&) { return true; });
  run();
  EXPECT_EQ(hub->store->context(there)[self], 1'500U) << refused();
}

TEST_F(Quota, WhatIsHeldIsWhatTheFileHolds) {
  const auto s = node->open(Plane::state, "own/a");
  write(s, 0, 50);
  erase(s, 10, 20);
  node->store->commit(s, Edit().insert("set", "member").add("count", 3).ops(), now.wall).value();
  connect();
  run();
  const std::uint64_t before = held();
  EXPECT_GT(before, 40'000U);
  EXPECT_TRUE(hub->store->verify().value().empty());
  disconnect();
  hub.reset();
  hub = std::make_unique<Side>(path(Role::hub), Role::hub, 3, limits);
  EXPECT_EQ(held(), before);
}

}  // namespace
}  // namespace edgesync::sync
