// SPDX-License-Identifier: Apache-2.0
// One budget for what all links of a hub hold on its way out: peers that do not read cost little each, and cost those
// that do read nothing. Another for what comes in: peers that never finish what they begin cost little, too. And a rate
// for each of them.
#include "unit/sync/pair.hpp"

#include <deque>

namespace edgesync::sync {
namespace {

constexpr std::size_t members = 40;

class OutgoingBudgets : public testing::Test {
 protected:
  struct Member {
    std::unique_ptr<Side> side{};
    LinkId at_hub = 0, link = 0;
    std::deque<Bytes> unread{};

    std::optional<Bytes> next(Side& from, Now at) {
      if (unread.empty()) return from.engine->next_frame(at_hub, at);
      Bytes frame = std::move(unread.front());
      unread.pop_front();
      return frame;
    }
  };

  void SetUp() override {
    limits.outgoing_bytes = 200'000;
    limits.outgoing_spent = 1'000;
    limits.cut_bytes = 100'000;
    limits.part_bytes = limits.frame_bytes = 2'000;
    hub = std::make_unique<Side>(directory / "hub.db", Role::hub, 1, limits);
    scope = hub->open(Plane::state, "twin");
    const std::string text(100, 'x');
    for (int i = 0; i < 700; ++i)
      hub->store->commit(scope, Edit().set("k" + std::to_string(i), text).ops(), now.wall).value();
    hub->commit();
    for (std::size_t i = 0; i < members; ++i) join(i);
  }
  void TearDown() override { std::filesystem::remove_all(directory); }

  void join(std::size_t number) {
    Member& member = all.emplace_back();
    member.side = std::make_unique<Side>(directory / (std::to_string(number) + ".db"), Role::node, 10 + number, limits);
    member.side->open(Plane::state, "twin");
    member.at_hub = hub->engine->open_link(Role::hub, {{}, "test"}, now);
    member.link = member.side->engine->open_link(Role::node, {"good", "test"}, now);
    while (auto frame = member.side->engine->next_frame(member.link, now))
      hub->engine->received(member.at_hub, *frame, now);
    hub->commit();
  }
  /// What a socket takes before its buffer is full: the first frames of a cut.
  void fill_socket(Member& member) {
    for (int i = 0; i < 3; ++i)
      if (auto frame = hub->engine->next_frame(member.at_hub, now)) member.unread.push_back(*std::move(frame));
  }
  bool read(Member& member) {
    bool moved = false;
    while (auto frame = member.next(*hub, now)) {
      member.side->engine->received(member.link, *frame, now);
      moved = true;
    }
    moved |= member.side->commit();
    while (auto frame = member.side->engine->next_frame(member.link, now)) {
      hub->engine->received(member.at_hub, *frame, now);
      moved = true;
    }
    moved |= hub->commit();
    return moved;
  }
  static std::filesystem::path fresh_directory() {
    std::string name = (std::filesystem::temp_directory_path() / "edgesync-budget-XXXXXX").string();
    return ::mkdtemp(name.data());
  }
  bool has_all(const Member& member) const {
    const auto found = member.side->store->find_scope(Plane::state, "twin");
    return member.side->store->summary(*found) == hub->store->summary(scope);
  }

  Limits limits{};
  Now now{Instant(std::chrono::hours(1)), Timestamp(std::chrono::hours(24 * 365 * 56))};
  std::filesystem::path directory = fresh_directory();
  std::unique_ptr<Side> hub;
  std::vector<Member> all;
  store::ScopeId scope{};
};

TEST_F(OutgoingBudgets, BoundWhatPeersCostThatDoNotRead) {
  for (Member& member : all) fill_socket(member);

  const std::size_t few = limits.outgoing_bytes + limits.cut_bytes;
  const std::size_t little = 2 * limits.outgoing_spent;  // a delta's contexts, and the last transaction, come on top
  EXPECT_GT(hub->engine->outgoing_bytes(), limits.outgoing_bytes);
  EXPECT_LE(hub->engine->outgoing_bytes(), few + members * little);

  while (read(all.back())) continue;
  EXPECT_TRUE(has_all(all.back()));  // nobody waits for the others
  for (Member& member : all)
    while (read(member)) continue;
  for (const Member& member : all) EXPECT_TRUE(has_all(member));
  EXPECT_EQ(hub->engine->outgoing_bytes(), 0U);
}

TEST_F(OutgoingBudgets, AreGivenBackWhenALinkEnds) {
  for (Member& member : all) fill_socket(member);
  for (const Member& member : all) hub->engine->closed(member.at_hub, {Errc::unreachable, "cut"}, now);
  EXPECT_EQ(hub->engine->outgoing_bytes(), 0U);
}

/// Peers that have said who they are, and subscribed.
class Incoming : public testing::Test {
 protected:
  void SetUp() override {
    limits.incoming_bytes = 100'000;
    limits.incoming_spent = 2'000;
    limits.frames = {.per_second = 10, .burst = 20};
    limits.bytes = {.per_second = 1'000, .burst = 500'000};
    hub = std::make_unique<Side>(directory / "hub.db", Role::hub, 1, limits);
  }
  void TearDown() override { std::filesystem::remove_all(directory); }

  LinkId member() {
    wire::Hello hello;
    hello.capabilities = {"delta"};
    hello.replica = random.id();
    hello.name = "edge";
    hello.token = "good";
    const LinkId link = hub->engine->open_link(Role::hub, {{}, "test"}, now);
    say(link, {std::move(hello), wire::Subscribe{1, Plane::state, "twin", {}, crdt::Summary::unknown()}});
    EXPECT_FALSE(hub->engine->ending(link));
    return link;
  }
  void say(LinkId link, const std::vector<wire::Message>& messages) {
    hub->engine->received(link, codec.encode(messages), now);
    while (hub->engine->next_frame(link, now)) continue;
  }
  /// The first part of a cut that never ends.
  wire::DeltaPart part(std::size_t bytes) {
    const ReplicaId origin = random.id();
    wire::DeltaPart part{1, 1, true, {}};
    part.delta.upto.advance({origin, 1});
    crdt::Listed listed;
    listed.entry.dot = {origin, 1};
    listed.entry.value = Bytes(bytes, std::byte{1});
    part.delta.keys.push_back({to_bytes("k"), {std::move(listed)}});
    return part;
  }
  std::chrono::milliseconds pause(LinkId link) const { return hub->engine->pause(link, now); }

  Limits limits{};
  Now now{Instant(std::chrono::hours(1)), Timestamp(std::chrono::hours(24 * 365 * 56))};
  std::filesystem::path directory = [] {
    std::string name = (std::filesystem::temp_directory_path() / "edgesync-incoming-XXXXXX").string();
    return std::filesystem::path(::mkdtemp(name.data()));
  }();
  wire::Codec codec{};
  Xoshiro random{5};
  std::unique_ptr<Side> hub;
};

TEST_F(Incoming, WhatIsNeverFinishedIsBoundedForAllTogether) {
  const LinkId first = member(), second = member(), third = member();
  say(first, {part(40'000)});
  say(second, {part(40'000)});
  EXPECT_FALSE(hub->engine->ending(first) || hub->engine->ending(second));

  say(third, {part(1'000)});  // a little always finds room
  EXPECT_FALSE(hub->engine->ending(third));
  const LinkId fourth = member();
  say(fourth, {part(40'000)});
  ASSERT_TRUE(hub->engine->ending(fourth));
  EXPECT_TRUE(hub->engine->ending(fourth)->is(Errc::limit_exceeded));
  // Only by reading on do those that have begun come to an end.
  for (const LinkId link : {first, second, third}) EXPECT_EQ(pause(link), std::chrono::milliseconds(0));
  say(first, {wire::Cut{1, 1}});
  say(second, {wire::Cut{1, 1}});
  hub->commit();
  const LinkId fifth = member();
  say(fifth, {part(40'000)});
  EXPECT_FALSE(hub->engine->ending(fifth));
}

TEST_F(Incoming, NobodyIsReadOnWhileTooMuchWaitsForTheDisk) {
  const LinkId busy = member(), other = member();
  say(busy, {part(40'000), wire::Cut{1, 1}});
  EXPECT_EQ(pause(other), std::chrono::milliseconds(0));
  wire::DeltaPart second = part(40'000);
  second.cut = 2;
  say(busy, {std::move(second), wire::Cut{2, 1}});
  ASSERT_FALSE(hub->engine->ending(busy));
  EXPECT_GE(pause(other), limits.congested);
  hub->commit();
  EXPECT_EQ(pause(other), std::chrono::milliseconds(0));
}

TEST_F(Incoming, WhoSendsMoreThanItsShareIsReadLater) {
  const LinkId busy = member(), calm = member();
  for (int i = 0; i < 18; ++i) say(busy, {wire::Ping{1}});
  EXPECT_EQ(pause(busy), std::chrono::milliseconds(0));
  for (int i = 0; i < 10; ++i) say(busy, {wire::Ping{1}});
  EXPECT_NEAR(static_cast<double>(pause(busy).count()), 900, 101);  // nine or ten frames beyond the burst
  EXPECT_EQ(pause(calm), std::chrono::milliseconds(0));
  now.monotonic += std::chrono::seconds(1);
  EXPECT_EQ(pause(busy), std::chrono::milliseconds(0));
  EXPECT_FALSE(hub->engine->ending(busy));
}

}  // namespace
}  // namespace edgesync::sync
