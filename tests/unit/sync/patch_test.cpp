// SPDX-License-Identifier: Apache-2.0
// Config versions told as what differs from one that the peer has: what they cost, when they are told whole after all,
// and what a peer makes of patches that are none.
#include "wire/patch.hpp"
#include "crdt/key.hpp"
#include "unit/sync/pair.hpp"
#include "wire/packed_delta.hpp"

#include <algorithm>

namespace edgesync::sync {
namespace {

class Patches : public Pair {
 protected:
  Patches() {
    at_hub_ = hub->open(Plane::config, "plant");
    at_node_ = node->open(Plane::config, "plant");
    for (int i = 0; i < 2'000; ++i) change(i);
  }

  void change(int i) {
    content_["line-" + std::to_string(i) + "/limit"] = to_hex(sha256(as_view(std::to_string(++values_))));
  }
  std::uint64_t publish(Side& at, store::ScopeId scope) {
    change(static_cast<int>(random_.below(2'000)));
    return at.engine->config().publish(scope, content_, "", now.wall).value().second.number;
  }
  std::uint64_t publish() { return publish(*hub, at_hub_); }
  std::uint64_t active(const Side& side, store::ScopeId scope) const {
    return side.engine->config().active(scope).number;
  }
  std::uint64_t patches(Side& side) { return side.engine->metrics().patches_sent; }
  /// Bytes that the hub sends until both are at rest.
  std::uint64_t cost() {
    const std::uint64_t before = hub->engine->metrics().bytes_sent;
    settle();
    return hub->engine->metrics().bytes_sent - before;
  }
  void expect_equal() {
    EXPECT_EQ(node->store->summary(at_node_), hub->store->summary(at_hub_));
    const auto shown = node->engine->config().active_content(at_node_);
    ASSERT_TRUE(shown);
    EXPECT_EQ(config::canonical(*shown), config::canonical(content_));
  }

  store::ScopeId at_hub_{}, at_node_{};
  config::Content content_{};
  Xoshiro random_{7};

 private:
  int values_ = 0;
};

TEST_F(Patches, AVersionCostsWhatChanged) {
  publish();
  connect();
  const std::uint64_t whole = cost();
  EXPECT_EQ(patches(*hub), 0U) << "there is nothing yet to tell a difference from";
  for (int i = 0; i < 5; ++i) {
    const std::uint64_t number = publish();
    EXPECT_LT(cost(), whole / 100);
    EXPECT_EQ(active(*node, at_node_), number);
    expect_equal();
  }
  EXPECT_EQ(patches(*hub), 5U);
}

TEST_F(Patches, ManyVersionsOfANodeThatWasAwayAreOneDifference) {
  publish();
  connect();
  const std::uint64_t whole = cost();
  disconnect();
  for (int i = 0; i < 90; ++i) {
    publish();
    while (hub->commit()) {
    }
  }
  reopen();
  connect();
  EXPECT_LT(cost(), whole / 5) << "90 of 2,000 values";
  EXPECT_EQ(patches(*hub), 1U);
  EXPECT_EQ(active(*node, at_node_), 91U);
  expect_equal();
}

TEST_F(Patches, AreMadeOnTheWayUpAsWell) {
  publish(*node, at_node_);
  connect();
  settle();
  publish(*node, at_node_);
  settle();
  EXPECT_EQ(patches(*node), 1U);
  EXPECT_EQ(active(*hub, at_hub_), 2U);
  disconnect();
  publish(*node, at_node_);
  connect();
  settle();
  EXPECT_EQ(patches(*node), 2U);
  EXPECT_EQ(active(*hub, at_hub_), 3U);
  expect_equal();
}

/// What the node had is gone there: it asks for the whole, once.
TEST_F(Patches, AVersionWhoseBaseIsGoneIsToldWhole) {
  publish();
  connect();
  const std::uint64_t whole = cost();
  const store::VersionRow had = node->store->versions(at_node_).value().front();
  node->store->forget_version(at_node_, {had.manifest.number, had.manifest.info().id});
  while (node->commit()) {
  }
  publish();
  EXPECT_GT(cost(), whole / 2);
  EXPECT_EQ(patches(*hub), 1U) << "the one that was of no use";
  EXPECT_EQ(active(*node, at_node_), 2U);
  expect_equal();
  publish();
  EXPECT_LT(cost(), whole / 100);
  EXPECT_EQ(patches(*hub), 2U);
  expect_equal();
}

/// However many they are: one answer is enough for all of a cut.
TEST_F(Patches, ManyScopesWhoseBasesAreGoneAreToldWholeAtOnce) {
  content_.erase(std::next(content_.begin(), 100), content_.end());  // all fit one cut
  std::vector<std::pair<store::ScopeId, store::ScopeId>> scopes;
  for (std::size_t i = 0; i < limits.resyncs + 4; ++i) {
    const std::string name = "plant-" + std::to_string(i);
    scopes.emplace_back(hub->open(Plane::config, name), node->open(Plane::config, name));
  }
  const auto publish_all = [&] {
    for (const auto& [there, here] : scopes) {
      content_.begin()->second = to_hex(sha256(as_view(std::to_string(random_.next()))));
      hub->engine->config().publish(there, content_, "", now.wall).value();
    }
    while (hub->commit()) {
    }
  };
  publish_all();
  connect();
  settle();
  disconnect();
  for (const auto& [there, here] : scopes) {
    const store::VersionRow had = node->store->versions(here).value().front();
    node->store->forget_version(here, {had.manifest.number, had.manifest.info().id});
  }
  while (node->commit()) {
  }
  publish_all();
  connect();
  settle();
  EXPECT_EQ(patches(*hub), scopes.size()) << "in vain, once";
  for (const auto& [there, here] : scopes) EXPECT_EQ(active(*node, here), 2U);
  EXPECT_FALSE(node->engine->ending(*node->link));
}

/// A receiver takes only so many in one cut.
TEST_F(Patches, OfOneCutAreNoMoreThanItMayHave) {
  limits.patches = 2, limits.patches_max = 5;
  reopen();
  content_.erase(std::next(content_.begin(), 100), content_.end());  // all fit one cut
  std::vector<std::pair<store::ScopeId, store::ScopeId>> scopes;
  for (int i = 0; i < 12; ++i) {
    const std::string name = "plant-" + std::to_string(i);
    scopes.emplace_back(hub->open(Plane::config, name), node->open(Plane::config, name));
  }
  for (const std::uint64_t version : {1U, 2U}) {
    for (const auto& [there, here] : scopes) {
      content_.begin()->second = to_hex(sha256(as_view(std::to_string(random_.next()))));
      hub->engine->config().publish(there, content_, "", now.wall).value();
    }
    while (hub->commit()) {
    }
    disconnect();
    connect();
    settle();
    for (const auto& [there, here] : scopes) EXPECT_EQ(active(*node, here), version);
    EXPECT_FALSE(node->engine->ending(*node->link)) << node->engine->ending(*node->link)->detail;
  }
  EXPECT_EQ(patches(*hub), 4U);
}

TEST_F(Patches, WhatTheHubHasForgottenItTellsWhole) {
  publish();
  connect();
  settle();
  disconnect();
  const store::VersionRow had = hub->store->versions(at_hub_).value().front();
  publish();
  while (hub->commit()) {
  }
  hub->store->forget_version(at_hub_, {had.manifest.number, had.manifest.info().id});
  while (hub->commit()) {
  }
  connect();
  settle();
  EXPECT_EQ(patches(*hub), 0U);
  EXPECT_EQ(active(*node, at_node_), 2U);
  expect_equal();
}

TEST_F(Patches, OfOtherContentAreNotWorthIt) {
  publish();
  connect();
  settle();
  for (auto& [key, value] : content_) value = to_hex(sha256(as_view(key + "other")));
  publish();
  settle();
  EXPECT_EQ(patches(*hub), 0U);
  expect_equal();
}

/// A peer that says what it likes: nothing of it is applied, and the link ends, or the whole is asked for.
class FalsePatches : public Patches {
 protected:
  FalsePatches() {
    publish();
    while (hub->commit()) {
    }
    base_ = hub->engine->config().latest_content(at_hub_);
    before_ = hub->store->summary(at_hub_);
  }
  void arrive(std::string_view scope = "plant", Plane plane = Plane::config) {
    link_ = hub->engine->open_link(Role::hub, {"good", "guest"}, now);
    wire::Hello hello;
    hello.replica.bytes.fill(std::byte{0x77});
    hello.name = "guest";
    hello.token = "good";
    say(std::move(hello));
    say(wire::Subscribe{1, plane, std::string(scope), {}, crdt::Summary::unknown(), {}});
    hear();
  }
  void say(wire::Message message) {
    const std::vector<wire::Message> messages{std::move(message)};
    hub->engine->received(link_, codec_.encode(messages), now);
  }
  void hear() {
    while (const auto frame = hub->engine->next_frame(link_, now))
      for (const wire::Message& message : codec_.decode(*frame).value())
        resyncs_ += std::holds_alternative<wire::Resync>(message) ? 1 : 0;
  }
  wire::DeltaPart first() const {
    wire::DeltaPart part{1, 1, true, {}};
    part.delta.upto.advance({guest(), 5});
    return part;
  }
  static ReplicaId guest() {
    ReplicaId id;
    id.bytes.fill(std::byte{0x77});
    return id;
  }
  /// The guest's cut of one patched part.
  void tell(wire::PatchedPart part) {
    say(first());
    say(std::move(part));
    say(wire::Cut{1, 1});
    while (hub->commit()) {
    }
    hear();
  }
  std::optional<Errc> ending() const {
    const auto why = hub->engine->ending(link_);
    return why ? std::optional(static_cast<Errc>(why->code.value())) : std::nullopt;
  }
  void expect_untouched() { EXPECT_EQ(hub->store->summary(at_hub_), before_); }

  Bytes base_{};
  crdt::Summary before_{};
  LinkId link_ = 0;
  int resyncs_ = 0;

 private:
  wire::Codec codec_{Limits{}.wire};
};

TEST_F(FalsePatches, OnWhatIsNotHereAskForTheWhole) {
  arrive();
  tell({1, 1, Bytes(32, std::byte{9}), 100, wire::make_patch({}, Bytes(100))});
  EXPECT_EQ(ending(), std::nullopt);
  EXPECT_EQ(resyncs_, 1);
  expect_untouched();
}

TEST_F(FalsePatches, ThatAreNoneOrTooLargeEndTheLink) {
  const Bytes large = wire::make_patch({}, Bytes(5'000));
  for (const wire::PatchedPart& part :
       {wire::PatchedPart{1, 1, base_, 100, Bytes(40, std::byte{7})}, wire::PatchedPart{1, 1, base_, 4'999, large},
        wire::PatchedPart{1, 1, base_, 5'000, large}, wire::PatchedPart{1, 1, base_, 100, {}},
        wire::PatchedPart{1, 1, base_, wire::patched_bytes_max + 1, large}}) {
    arrive();
    tell(part);
    ASSERT_NE(ending(), std::nullopt) << part.bytes;
    EXPECT_TRUE(ending() == Errc::protocol_violation || ending() == Errc::limit_exceeded) << part.bytes;
    expect_untouched();
    hub->engine->closed(link_, {Errc::closed, "over"}, now);
  }
}

TEST_F(FalsePatches, BeforeTheFirstPartOrOfStateEndTheLink) {
  arrive();
  say(wire::PatchedPart{1, 1, base_, 10, {}});
  EXPECT_EQ(ending(), Errc::protocol_violation);
  hub->engine->closed(link_, {Errc::closed, "over"}, now);
  arrive("twin", Plane::state);
  say(first());
  say(wire::PatchedPart{1, 1, base_, 10, {}});
  EXPECT_EQ(ending(), Errc::protocol_violation);
}

TEST_F(FalsePatches, WhatTheyComeToCountsAgainstTheStagingBound) {
  arrive();
  say(first());
  int parts = 0;
  for (; !ending() && parts < 200; ++parts) say(wire::PatchedPart{1, 1, base_, wire::patched_bytes_max, {}});
  EXPECT_EQ(ending(), Errc::limit_exceeded);
  EXPECT_LE(parts, 65);
}

TEST_F(FalsePatches, OfOneScopeTheyAreOnOneBase) {
  for (const Bytes& other : {Bytes(32, std::byte{9}), Bytes(31, std::byte{9}), Bytes(4'000, std::byte{9}), Bytes()}) {
    arrive();
    say(first());
    say(wire::PatchedPart{1, 1, base_, 10, {}});
    ASSERT_EQ(ending(), std::nullopt);
    say(wire::PatchedPart{1, 1, other, 10, {}});
    EXPECT_EQ(ending(), Errc::protocol_violation) << other.size();
    hub->engine->closed(link_, {Errc::closed, "over"}, now);
  }
}

TEST_F(FalsePatches, OfOneCutThereAreOnlySoMany) {
  arrive();
  say(first());
  std::size_t parts = 0;
  for (; !ending() && parts < 10'000; ++parts) say(wire::PatchedPart{1, 1, base_, 0, {}});
  EXPECT_EQ(ending(), Errc::limit_exceeded);
  EXPECT_EQ(parts, Limits{}.patches_max + 1);
}

/// Three bytes of a body can be an entry, which takes twenty times as much.
TEST_F(FalsePatches, WhatTheirKeysTakeIsBounded) {
  arrive();
  say(first());
  for (char key = 'a'; key < 'a' + 12; ++key) {
    wire::DeltaPart many{1, 1, false, {}};
    auto& state = many.delta.keys.emplace_back();
    state.key = crdt::cell_key(std::string(1, key), crdt::Kind::value);
    for (crdt::Stamp stamp = 1; stamp <= 50'000; ++stamp) state.listed.push_back({{{guest(), stamp}, 0, {}}, true});
    const Bytes body = wire::pack(many), patch = wire::make_patch(config::canonical(content_), body);
    ASSERT_LT(body.size(), 400'000U);
    say(wire::PatchedPart{1, 1, base_, static_cast<std::uint32_t>(body.size()), patch});
  }
  ASSERT_EQ(ending(), std::nullopt);
  say(wire::Cut{1, 1});
  while (hub->commit()) {
  }
  ASSERT_EQ(ending(), Errc::protocol_violation);
  EXPECT_NE(hub->engine->ending(link_)->detail.find("patched part"), std::string::npos);
  expect_untouched();
}

TEST_F(FalsePatches, TheyComeToWhatTheySay) {
  arrive();
  wire::DeltaPart part{1, 1, false, {}};
  part.delta.keys.push_back({crdt::cell_key("k", crdt::Kind::value), {{{{guest(), 5}, 0, Bytes(8)}, false}}});
  const Bytes body = wire::pack(part), patch = wire::make_patch(config::canonical(content_), body);
  tell({1, 1, base_, static_cast<std::uint32_t>(body.size()) + 1, patch});
  EXPECT_EQ(ending(), Errc::protocol_violation);
  expect_untouched();
}

/// A key that is told as it is and in a patch as well, or twice in patches.
TEST_F(FalsePatches, AKeyTwiceEndsTheLink) {
  arrive();
  wire::DeltaPart twice{1, 1, false, {}};
  twice.delta.keys.push_back({crdt::cell_key("k", crdt::Kind::value), {{{{guest(), 5}, 0, Bytes(8)}, false}}});
  const Bytes body = wire::pack(twice), patch = wire::make_patch(config::canonical(content_), body);
  say(first());
  say(twice);
  say(wire::PatchedPart{1, 1, base_, static_cast<std::uint32_t>(body.size()), patch});
  say(wire::Cut{1, 1});
  while (hub->commit()) {
  }
  EXPECT_EQ(ending(), Errc::protocol_violation);
  expect_untouched();
}

}  // namespace
}  // namespace edgesync::sync
