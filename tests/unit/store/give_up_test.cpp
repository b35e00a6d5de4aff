// SPDX-License-Identifier: Apache-2.0
// Scopes that are given up and taken up again: nothing of them stays, nothing that was removed returns, and nothing
// that was ever written is lost, however far behind the peer is that tells them again.
#include "damage.hpp"

namespace edgesync::store {
namespace {

using testing::IsEmpty;

void give_up(Opened& opened, ScopeId id) {
  opened->give_up(id);
  ASSERT_FALSE(flush(*opened).error);
}

TEST(GiveUp, LeavesNothingButTheName) {
  Opened opened;
  fill(*opened);
  const ScopeId id = state_scope(*opened);
  const crdt::Stamp own = opened->context(id)[opened->replica()];
  give_up(opened, id);

  EXPECT_FALSE(opened->find_scope(Plane::state, "plant"));
  EXPECT_FALSE(opened->read(id, [](crdt::CellSource&) {}));
  EXPECT_TRUE(opened->commit(id, Edit().set("a", 1).ops(), at_ms(1)).error().is(Errc::not_found));
  EXPECT_EQ(opened->scopes().size(), 2U);
  EXPECT_THAT(findings(*opened), IsEmpty());
  opened.reopen();
  EXPECT_FALSE(opened->find_scope(Plane::state, "plant"));

  EXPECT_EQ(state_scope(*opened), id);
  EXPECT_THAT(contents(*opened, id), IsEmpty());
  EXPECT_TRUE(opened->context(id).empty());
  EXPECT_THAT(opened->journal(id, 10).value(), IsEmpty());
  EXPECT_EQ(opened->former_own(id), own);
  flush(*opened);
  opened.reopen();
  EXPECT_TRUE(opened->find_scope(Plane::state, "plant"));
  EXPECT_EQ(opened->former_own(id), own);
  EXPECT_THAT(findings(*opened), IsEmpty());
}

TEST(GiveUp, WritingWaitsForWhatWasWrittenBefore) {
  Opened opened, hub(8);
  fill(*opened);
  const ScopeId id = state_scope(*opened), there = state_scope(*hub);
  pull(*hub, there, *opened, id);
  give_up(opened, id);
  state_scope(*opened);
  EXPECT_TRUE(opened->commit(id, Edit().set("a", 1).ops(), at_ms(1)).error().is(Errc::identity_clash));
  pull(*opened, id, *hub, there);
  EXPECT_EQ(opened->former_own(id), 0U);
  set(*opened, id, "a", 1, 2);
  flush(*opened);
  pull(*hub, there, *opened, id);
  EXPECT_EQ(contents(*hub, there), contents(*opened, id));
  EXPECT_EQ(contents(*hub, there).size(), 30U);
}

TEST(GiveUp, WhatPeersStillTellIsNotTaken) {
  Opened opened, hub(8);
  fill(*hub);
  const ScopeId id = state_scope(*opened), there = state_scope(*hub);
  RemoteCut cut;
  cut.deltas.push_back({id, hub->delta(there, {}).value(), {}});
  flush(*opened);
  opened->give_up(id);
  opened->apply(cut);
  EXPECT_FALSE(flush(*opened).outcomes.at(0).applied);
  opened->apply(cut);
  EXPECT_FALSE(flush(*opened).outcomes.at(0).applied);
  state_scope(*opened);
  EXPECT_THAT(contents(*opened, id), IsEmpty());
}

TEST(GiveUp, OfAStreamKeepsItsNumbers) {
  Opened opened;
  fill(*opened);
  const ScopeId id = *opened->find_scope(Plane::stream, "t");
  const std::uint64_t last = opened->context(id)[opened->replica()];
  give_up(opened, id);
  ASSERT_EQ(opened->open_scope(Plane::stream, "t").value(), id);
  EXPECT_THAT(opened->segments(id, opened->replica(), 0, 1 << 20).value(), IsEmpty());
  EXPECT_EQ(opened->append(id, std::vector<Record>{{0, at_ms(3), {std::int64_t{9}}}}).value().first, last + 1);
  EXPECT_FALSE(flush(*opened).error);
  EXPECT_THAT(findings(*opened), IsEmpty());
}

/// A device, two relays of which either may lag, and the hub above both. Every key is written once.
class Roaming {
 public:
  explicit Roaming(std::uint64_t seed) : random_(seed) {}

  void run() {
    for (int step = 0; step < 40; ++step) {
      const std::uint64_t kind = random_.below(10);
      if (kind < 4 && held_)
        write();
      else if (kind < 6 && held_)
        meet(device_, relay());
      else if (kind < 7 && held_)
        leave();
      else if (kind < 8 && !held_)
        at_ = random_.below(2), held_ = true, state_scope(*device_);
      else
        meet(relays_[random_.below(2)], hub_);
    }
    if (held_) meet(device_, relay());
    for (int round = 0; round < 2; ++round)
      for (Opened& relay : relays_) meet(relay, hub_);
  }
  void check() {
    const auto live = contents(*hub_, state_scope(*hub_));
    for (const auto& key : written_) EXPECT_EQ(live.contains(key), !erased_.contains(key)) << key;
  }

 private:
  Opened& relay() { return relays_[at_]; }
  static void meet(Opened& a, Opened& b) {
    pull(*a, state_scope(*a), *b, state_scope(*b));
    pull(*b, state_scope(*b), *a, state_scope(*a));
  }
  void write() {
    const ScopeId id = state_scope(*device_);
    flush(*device_);
    if (device_->former_own(id) != 0) {
      ASSERT_TRUE(device_->reidentify(random_.id(), {}, "its own have not come back", false));
    }
    const auto seen = contents(*device_, id);
    if (random_.one_in(4) && !seen.empty()) {
      const auto at = std::next(seen.begin(), static_cast<std::ptrdiff_t>(random_.below(seen.size())));
      device_->commit(id, Edit().erase(at->first).ops(), at_ms(++now_)).value();
      erased_.insert(at->first);
    } else {
      written_.push_back("k" + std::to_string(written_.size()));
      set(*device_, id, written_.back(), 1, ++now_);
    }
    ASSERT_FALSE(flush(*device_).error);
  }
  void leave() {
    meet(device_, relay());  // nothing is unsent
    give_up(device_, state_scope(*device_));
    held_ = false;
  }

  Xoshiro random_;
  Opened device_{1}, hub_{4};
  std::array<Opened, 2> relays_{Opened{2}, Opened{3}};
  std::vector<std::string> written_;
  std::set<std::string> erased_;
  std::int64_t now_ = 1;
  std::size_t at_ = 0;
  bool held_ = true;
};

TEST(GiveUp, LosesAndRevivesNothingWhicheverRelayTellsItAgain) {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE(seed);
    Roaming roaming(seed);
    roaming.run();
    roaming.check();
    if (testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace edgesync::store
