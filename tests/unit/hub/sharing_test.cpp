// SPDX-License-Identifier: Apache-2.0
// What many nodes are told alike is read and encoded once.
#include "fleet.hpp"

namespace edgesync {
namespace {

using Sharing = Fleet;

TEST_F(Sharing, AVersionForAFleetIsEncodedOnce) {
  constexpr std::size_t count = 40;
  Hub hub = open_hub();
  std::vector<Node> nodes;
  std::vector<Subscription> watching;
  Witness active;
  for (std::size_t i = 0; i < count; ++i) {
    nodes.push_back(open_node("node-" + std::to_string(i)));
    watching.push_back(nodes.back().config("app").on_active(
        [&active](const VersionInfo& version) { active.saw(std::to_string(version.number)); }));
  }
  Config config = hub.config("app");
  config.publish([](Edit& edit) { edit.set("a", 1); }).value();
  for (std::size_t i = 0; i < count; ++i) nodes[i].link(to_hub()).value();
  ASSERT_TRUE(active.waits_for_more_than(count - 1, 60s));
  const Metrics before = hub.metrics();
  config
      .publish([](Edit& edit) {
        for (int i = 0; i < 2'000; ++i) edit.set("limits/" + std::to_string(i), "a value of some length");
      })
      .value();
  ASSERT_TRUE(active.waits_for_more_than(2 * count - 1, 60s));
  const Metrics after = hub.metrics();
  EXPECT_EQ(after.deltas_read - before.deltas_read, 1U);
  EXPECT_EQ(after.deltas_shared - before.deltas_shared, count - 1);
  for (Node& node : nodes) {
    EXPECT_EQ(node.config("app").active().number, 2U);
    EXPECT_EQ(node.config("app").digest().value().fingerprint, hub.config("app").digest().value().fingerprint);
  }
}

/// Peers that have other things lack other things.
TEST_F(Sharing, EachIsToldWhatItLacks) {
  Hub hub = open_hub();
  Node first = open_node("first"), second = open_node("second"), third = open_node("third");
  for (Node* node : {&first, &second, &third}) node->state("shared").set(node->name(), "mine").value();
  State shared = hub.state("shared");
  for (int round = 0; round < 20; ++round) {
    shared.set("round", round).value();
    Node& away = round % 3 == 0 ? first : round % 3 == 1 ? second : third;
    away.unlink();
    shared.set("key/" + std::to_string(round), round).value();
    if (round % 5 == 4) shared.transact([&](Edit& edit) { edit.erase_prefix("key"); }).value();
    for (Node* node : {&first, &second, &third})
      if (node != &away) {
        node->link(to_hub()).value();
        ASSERT_TRUE(node->state("shared").set(node->name(), round) && node->flush(20s));
      }
    ASSERT_TRUE(away.link(to_hub()) && away.state("shared").set("away", round) && away.flush(20s));
  }
  std::vector<std::unique_ptr<Witness>> witnesses;
  std::vector<Subscription> watching;
  for (Node* node : {&first, &second, &third}) {
    witnesses.push_back(std::make_unique<Witness>());
    watching.push_back(node->state("shared").on_change(
        "last", [witness = witnesses.back().get()](const Change& change) { witness->saw(change.key); }));
    ASSERT_TRUE(node->flush(20s));
  }
  shared.set("last", true).value();
  for (const auto& witness : witnesses) ASSERT_TRUE(witness->waits_for("last"));
  for (Node* node : {&first, &second, &third})
    EXPECT_EQ(node->state("shared").digest().value(), shared.digest().value()) << node->name();
}

}  // namespace
}  // namespace edgesync
