// SPDX-License-Identifier: Apache-2.0
// Several config scopes as one: what is in effect, who set it, and when it changes.
#include <edgesync/layers.hpp>

#include "fleet.hpp"

#include <gmock/gmock.h>

namespace edgesync {
namespace {

using testing::HasSubstr;

class Layered : public Fleet {
 protected:
  Layered() : node_(open_node()) {}

  LayeredConfig open() {
    auto told = [this](const std::shared_ptr<const EffectiveConfig>& now) {
      const std::string what = now->id();
      const auto before = changes_.seen();
      changes_.saw(std::count(before.begin(), before.end(), what) > 0 ? what + " again" : what);
    };
    return LayeredConfig::open(node_, {"base", "pool", "node"}, std::move(told)).value();
  }
  VersionInfo publish(const char* scope, std::map<std::string, Value> content) {
    return node_.config(scope).publish_tree(std::move(content)).value();
  }
  /// Waits until the settings are those of `content`, and answers their id.
  void becomes(const LayeredConfig& config, const std::map<std::string, Value>& content,
               const std::string& again = {}) {
    // An id is that of a version with the same content.
    ASSERT_TRUE(changes_.waits_for(publish("elsewhere", content).id + again));
    for (const auto& [key, value] : content) EXPECT_EQ(config.current()->get(key).value(), value) << key;
    EXPECT_EQ(config.current()->settings().size(), content.size());
  }

  /// SHA-256 of a content without keys.
  static constexpr const char* empty_id = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d";

  Witness changes_;  // beyond the last event
  Node node_;
};

TEST_F(Layered, FollowEachLayerAndSayWhoSetWhat) {
  const LayeredConfig config = open();
  EXPECT_TRUE(config.current()->settings().empty());
  publish("base", {{"rpm", 100}, {"dns", Json{"[1]"}}});
  becomes(config, {{"rpm", 100}, {"dns", Json{"[1]"}}});
  const auto before = config.current();
  publish("node", {{"rpm", 90}, {"dns/+", Json{"[2]"}}});
  becomes(config, {{"rpm", 90}, {"dns", Json{"[1,2]"}}});
  EXPECT_EQ(config.current()->set_by("rpm")->scope, "node");
  EXPECT_EQ(config.current()->set_by("rpm")->version.number, 1U);
  EXPECT_EQ(config.current()->set_by("never"), nullptr);
  EXPECT_EQ(before->get("rpm").value(), Value(100));  // whoever holds one keeps it
  publish("base", {{"rpm", 100}});
  becomes(config, {{"rpm", 90}, {"dns", Json{"[2]"}}});
  node_.config("base").rollback(1).value();
  becomes(config, {{"rpm", 90}, {"dns", Json{"[1,2]"}}}, " again");
}

TEST_F(Layered, WhatChangesNothingIsNotTold) {
  const LayeredConfig config = open();
  publish("node", {{"a", 1}});
  becomes(config, {{"a", 1}});
  publish("base", {{"a", 2}});  // hidden
  publish("pool", {{"b", 1}});
  becomes(config, {{"a", 1}, {"b", 1}});
  EXPECT_EQ(changes_.seen().size(), 2U);
}

TEST_F(Layered, GettersSayWhatIsThereInsteadAndFromWhere) {
  const LayeredConfig config = open();
  publish("base", {{"n", 3}, {"text", "x"}});
  becomes(config, {{"n", 3}, {"text", "x"}});
  const auto now = config.current();
  EXPECT_EQ(now->get<std::int64_t>("n").value(), 3);
  EXPECT_EQ(now->get<double>("n").value(), 3.0);
  EXPECT_EQ(now->get<std::string>("text").value(), "x");
  const auto wrong = now->get<bool>("text");
  EXPECT_TRUE(wrong.error().is(Errc::type_mismatch));
  EXPECT_EQ(wrong.error().detail, "config: \"text\": is a text, set by base version 1, not a bool");
  const auto none = now->get<bool>("never");
  EXPECT_TRUE(none.error().is(Errc::not_found));
  EXPECT_EQ(none.error().detail, "config: \"never\": in none of base version 1, pool version 0, node version 0");
}

TEST_F(Layered, AListRuleThatMakesNoSenseIsLeftOutAndTold) {
  publish("pool", {{"dns/+", Json{"[1]"}}});
  publish("base", {{"dns", "text"}});
  const LayeredConfig config = open();  // however bad the layers are
  publish("base", {{"dns", "text"}, {"a", 1}});
  becomes(config, {{"dns", "text"}, {"a", 1}});
  EXPECT_THAT(config.current()->problems(),
              testing::ElementsAre("pool version 1: dns/+: what it would change is no JSON list"));
  publish("base", {{"dns", Json{"[0]"}}});
  becomes(config, {{"dns", Json{"[0,1]"}}});
  EXPECT_TRUE(config.current()->problems().empty());
}

TEST_F(Layered, ANodeThatIsClosedLeavesWhatIsInEffect) {
  const LayeredConfig config = open();
  publish("base", {{"a", 1}});
  becomes(config, {{"a", 1}});
  for (int i = 0; i < 10; ++i) publish("node", {{"b", i}});
  node_.close();
  EXPECT_EQ(config.current()->get("a").value(), Value(1));
  for (const std::string& told : changes_.seen()) EXPECT_FALSE(told.starts_with(empty_id));
}

TEST_F(Layered, WhatHappenedWhileOpeningIsStillToldToTheFirstEventHandler) {
  node_.backup(file("copy.db")).value();
  Node copy = open_node("copy");
  const LayeredConfig config = LayeredConfig::open(copy, {"base"}).value();
  copy.config("base").publish_tree({{"a", 1}}).value();
  Witness events;
  auto subscription = copy.on_event([&](const Event& event) { events.saw(name(event.kind)); });
  EXPECT_TRUE(events.waits_for("identity"));
}

TEST_F(Layered, OneThatIsGivenUpHoldsUpNoOther) {
  const LayeredConfig config = open();
  publish("pool", {{"a", 1}});
  becomes(config, {{"a", 1}});
  node_.unsubscribe(Plane::config, "pool", Node::Unsent::discard).value();
  publish("base", {{"b", 1}});
  becomes(config, {{"a", 1}, {"b", 1}});
}

TEST_F(Layered, AHandlerOfAScopeHearsOfEachVersionThatBecomesActiveUntilItIsGivenUp) {
  Witness active;
  auto subscription =
      node_.config("base").on_active([&](const VersionInfo& version) { active.saw(std::to_string(version.number)); });
  publish("base", {{"a", 1}});
  publish("pool", {{"a", 2}});
  publish("base", {{"a", 3}});
  ASSERT_TRUE(active.waits_for("2"));
  node_.config("base").rollback(1).value();
  publish("base", {{"a", 4}});
  ASSERT_TRUE(active.waits_for("3"));
  EXPECT_THAT(active.seen(), testing::ElementsAre("1", "2", "1", "3"));
  subscription = {};
  Witness after;
  auto other = node_.config("base").on_active([&](const VersionInfo& version) { after.saw(version.id); });
  ASSERT_TRUE(after.waits_for(publish("base", {{"a", 5}}).id));
  EXPECT_EQ(active.seen().size(), 4U);
  node_.close();  // waits for handlers, which the witnesses must outlive
}

TEST_F(Layered, NamesThatCannotBeAreRefused) {
  EXPECT_THAT(LayeredConfig::open(node_, {}).error().detail, HasSubstr("none is given"));
  EXPECT_THAT(LayeredConfig::open(node_, {"a", "b", "a"}).error().detail, HasSubstr("a: is there twice"));
  EXPECT_THAT(LayeredConfig::open(node_, {"a", "b//c"}).error().detail, HasSubstr("b//c"));
}

}  // namespace
}  // namespace edgesync
