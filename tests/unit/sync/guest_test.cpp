// SPDX-License-Identifier: Apache-2.0
// An engine against a peer played by hand, who says what no honest engine would, or says it when it suits the test.
#include "unit/sync/pair.hpp"

#include <algorithm>
#include <set>

namespace edgesync::sync {
namespace {

ReplicaId replica(std::uint32_t number) {
  ReplicaId id{};
  for (std::size_t i = 0; i < 4; ++i) id.bytes[i] = static_cast<std::byte>(number >> (8 * i));
  id.bytes[15] = std::byte{0x77};
  return id;
}

crdt::Context context_of(std::uint32_t first, std::uint32_t count) {
  crdt::Context context;
  for (std::uint32_t i = first; i < first + count; ++i) context.advance({replica(i), 1});
  return context;
}

class Guests : public Pair {
 protected:
  void arrive(Side& at, Role role, std::optional<std::chrono::milliseconds> heartbeat = {}) {
    link_ = at.engine->open_link(role, {"good", "guest"}, now, {heartbeat, {}});
    wire::Hello hello;
    hello.replica = replica(1);
    hello.name = "guest";
    hello.token = "good";
    say(at, std::move(hello));
  }
  void say(Side& to, wire::Message message) {
    const std::vector<wire::Message> messages{std::move(message)};
    to.engine->received(link_, codec_.encode(messages), now);
  }
  template <class T>
  std::vector<T> heard(Side& from) {
    std::vector<T> found;
    while (const auto frame = from.engine->next_frame(link_, now))
      for (wire::Message& message : codec_.decode(*frame).value())
        if (auto* wanted = std::get_if<T>(&message)) found.push_back(std::move(*wanted));
    return found;
  }
  std::optional<Error> ending(Side& of) const { return of.engine->ending(link_); }

  LinkId link_ = 0;

 private:
  wire::Codec codec_{Limits{}.wire};
};

TEST_F(Guests, WhatAContextWeighsCountsAgainstTheStagingBound) {
  limits.staged_bytes = 256 * 1024;
  reopen();
  arrive(*hub, Role::hub);
  say(*hub, wire::Subscribe{1, Plane::state, "s", {}, {}});
  std::size_t parts = 0;
  for (; !ending(*hub) && parts < 100; ++parts) {
    wire::DeltaPart part{1, 1, parts == 0, {}};
    part.delta.removals.push_back(
        {{replica(1), parts + 1}, crdt::LogItem::Type::remove_range, {}, {}, context_of(2, 4000)});
    say(*hub, std::move(part));
  }
  ASSERT_TRUE(ending(*hub));
  EXPECT_TRUE(ending(*hub)->is(Errc::limit_exceeded)) << ending(*hub)->detail;
  EXPECT_LE(parts, 3u) << "4000 entries of 24 bytes each";
}

/// What is told of a scope may end what was kept aside of it, before that is joined.
TEST_F(Guests, WhoTellsAScopeInTwoWaysAtOnceIsSentAway) {
  reopen();
  arrive(*hub, Role::hub);
  say(*hub, wire::Subscribe{1, Plane::state, "s", {}, {}});
  wire::DeltaPart part{1, 1, true, {}};
  part.delta.upto.advance({replica(1), 5});
  part.delta.keys = {{crdt::cell_key("k", crdt::Kind::value), {{{{replica(1), 5}, 0, {}}, false}}}};
  say(*hub, part);
  say(*hub, wire::Chunk{1, 1, true, {}, {}, part.delta.upto});
  while (hub->commit()) continue;
  ASSERT_FALSE(ending(*hub));
  part.cut = 2;
  say(*hub, part);
  say(*hub, wire::Staged{2, 1});
  say(*hub, wire::Cut{2, 2});
  while (hub->commit()) continue;
  ASSERT_TRUE(ending(*hub));
  EXPECT_TRUE(ending(*hub)->is(Errc::protocol_violation)) << ending(*hub)->detail;
}

/// Each has a group commit to itself, and costs its sender a few bytes.
TEST_F(Guests, LargeCutsWaitInNoLongLine) {
  reopen();
  arrive(*hub, Role::hub);
  say(*hub, wire::Subscribe{1, Plane::state, "s", {}, {}});
  for (std::uint64_t cut = 1; cut <= 3; ++cut) {
    EXPECT_FALSE(ending(*hub)) << cut;
    say(*hub, wire::Staged{cut, 1});
    say(*hub, wire::Cut{cut, 1});
  }
  ASSERT_TRUE(ending(*hub));
  EXPECT_TRUE(ending(*hub)->is(Errc::limit_exceeded)) << ending(*hub)->detail;
}

TEST_F(Guests, WhatSubscriptionsWeighIsBounded) {
  limits.subscribed_bytes = 256 * 1024;
  reopen();
  arrive(*hub, Role::hub);
  wire::Channel channel = 0;
  while (!ending(*hub) && ++channel < 100)
    say(*hub, wire::Subscribe{channel, Plane::state, "s" + std::to_string(channel), context_of(2, 4000), {}});
  ASSERT_TRUE(ending(*hub));
  EXPECT_TRUE(ending(*hub)->is(Errc::limit_exceeded));
  EXPECT_LE(channel, 3u);
}

TEST_F(Guests, SearchesAtOnceAreBounded) {
  arrive(*hub, Role::hub);
  for (wire::Channel channel = 1; channel <= 6; ++channel) {
    say(*hub, wire::Subscribe{channel, Plane::state, "s" + std::to_string(channel), {}, {}});
    say(*hub, wire::Findings{channel, 1, context_of(2, 1), {}});
    heard<wire::Inspect>(*hub);
    EXPECT_EQ(ending(*hub).has_value(), channel > limits.searches) << channel;
  }
  EXPECT_TRUE(ending(*hub)->is(Errc::limit_exceeded));
}

TEST_F(Guests, MessagesOfSearchesDoNotPileUp) {
  arrive(*hub, Role::hub);
  say(*hub, wire::Subscribe{1, Plane::state, "s", {}, {}});
  const std::size_t most = limits.inspects * 2 + limits.searches;
  for (std::uint64_t search = 1; search <= most; ++search) say(*hub, wire::Findings{1, search, context_of(2, 1), {}});
  EXPECT_FALSE(ending(*hub));
  say(*hub, wire::Findings{1, 9999, context_of(2, 1), {}});
  ASSERT_TRUE(ending(*hub));
  EXPECT_TRUE(ending(*hub)->is(Errc::limit_exceeded));
}

TEST_F(Guests, FindingsThatNobodyAskedForEndTheLink) {
  arrive(*hub, Role::hub);
  say(*hub, wire::Subscribe{1, Plane::state, "s", {}, {}});
  say(*hub, wire::Findings{1, 7, context_of(2, 1), {}});
  heard<wire::Inspect>(*hub);  // there is nothing left to ask
  say(*hub, wire::Findings{1, 7, {}, {}});
  heard<wire::Inspect>(*hub);
  ASSERT_TRUE(ending(*hub));
  EXPECT_TRUE(ending(*hub)->is(Errc::protocol_violation));
}

TEST_F(Guests, OfASharedStreamEachIsToldItsOwnPart) {
  // given: a stream that another node writes too
  const auto scope = node->open(Plane::stream, "telemetry");
  node->store->define_stream(scope, {{{"n", i64}}}, false).value();
  const Record row{0, now.wall, {std::int64_t{1}}};
  node->store->append(scope, {&row, 1}).value();
  connect();
  settle();
  disconnect();
  // when
  arrive(*hub, Role::hub);
  say(*hub, wire::Subscribe{1, Plane::stream, "telemetry", {}, {}});
  // then
  const auto answers = heard<wire::Subscribed>(*hub);
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_TRUE(answers[0].context.empty());
}

TEST_F(Guests, AHubThatKnowsMoreOfUsThanWeDoMeansThatWeAreACopyAndNeedAnIdOfOurOwn) {
  const auto scope = node->open(Plane::stream, "telemetry");
  node->store->define_stream(scope, {{{"n", i64}}}, false).value();
  const Record row{0, now.wall, {std::int64_t{1}}};
  node->store->append(scope, {&row, 1}).value();
  node->commit();
  const ReplicaId before = node->store->replica();
  arrive(*node, Role::node);
  crdt::Context more;
  more.advance({before, 2});
  const auto asked = heard<wire::Subscribe>(*node);
  ASSERT_EQ(asked.size(), 1u);
  say(*node, wire::Subscribed{asked[0].channel, more, {}, true});
  ASSERT_TRUE(ending(*node));
  EXPECT_TRUE(ending(*node)->is(Errc::identity_clash)) << ending(*node)->detail;
  EXPECT_NE(node->store->replica(), before);
  EXPECT_EQ(node->store->segments(scope, node->store->replica(), 0, 1 << 20).value().size(), 1u);
  EXPECT_TRUE(node->store->segments(scope, before, 0, 1 << 20).value().empty());
}

TEST_F(Guests, ALiarAmongHubsDoesNotMakeUsChangeForEver) {
  const auto scope = node->open(Plane::state, "s");
  std::set<ReplicaId> ids;
  for (int i = 0; i < 20; ++i) {
    set(*node, scope, "a", std::int64_t{i});
    node->commit();
    arrive(*node, Role::node);
    crdt::Context more;
    more.advance({node->store->replica(), 1ULL << 60});
    say(*node, wire::Subscribed{heard<wire::Subscribe>(*node).at(0).channel, more, {}, true});
    ASSERT_TRUE(ending(*node));
    node->engine->closed(link_, {Errc::closed, "gone"}, now);
    ids.insert(node->store->replica());
  }
  EXPECT_LE(ids.size(), limits.forks);
}

TEST_F(Guests, AStreamThatBecomesLocalOnlyAfterItsSubscriptionStaysHere) {
  const auto scope = node->open(Plane::stream, "diary");
  arrive(*node, Role::node);
  say(*node, wire::Subscribed{heard<wire::Subscribe>(*node).at(0).channel, {}, {}, true});
  node->store->define_stream(scope, {{{"n", i64}}}, true).value();
  const Record row{0, now.wall, {std::int64_t{1}}};
  node->store->append(scope, {&row, 1}).value();
  node->commit();
  EXPECT_TRUE(heard<wire::Segment>(*node).empty());
}

TEST_F(Guests, AHubCannotSilenceANodeForWeeks) {
  arrive(*node, Role::node);
  say(*node, wire::Bye{Errc::closed, "come back later", std::chrono::hours(24 * 40)});
  EXPECT_EQ(node->engine->closed(link_, {Errc::closed, "gone"}, now).retry_after, limits.retry_after_max);
}

TEST_F(Guests, ALinkThatWasOfNoUseDoesNotCountAsSuccess) {
  arrive(*node, Role::node);
  EXPECT_FALSE(node->engine->closed(link_, {Errc::closed, "gone"}, now).served);
  arrive(*node, Role::node);
  now.monotonic += limits.heartbeat;
  EXPECT_TRUE(node->engine->closed(link_, {Errc::closed, "gone"}, now).served);
}

TEST_F(Guests, PingsComeAsOftenAsThisLinkWants) {
  arrive(*node, Role::node, std::chrono::seconds(2));
  EXPECT_EQ(node->engine->deadline(), now.monotonic + std::chrono::seconds(2));
  now.monotonic += std::chrono::seconds(2);
  node->engine->tick(now);
  EXPECT_EQ(heard<wire::Ping>(*node).size(), 1u);
}

}  // namespace
}  // namespace edgesync::sync
