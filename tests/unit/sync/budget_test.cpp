// SPDX-License-Identifier: Apache-2.0
// One budget for what all links of a hub hold on its way out: peers that do not read cost little each, and cost those
// that do read nothing.
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

    std::optional<Bytes> next(Side& hub, Now now) {
      if (unread.empty()) return hub.engine->next_frame(at_hub, now);
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

}  // namespace
}  // namespace edgesync::sync
