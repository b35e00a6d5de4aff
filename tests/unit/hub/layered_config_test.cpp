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
    auto told = [this](const Result<std::shared_ptr<const EffectiveConfig>>& changed) {
      const std::string what = changed ? (*changed)->id() : changed.error().detail;
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

TEST_F(Layered, ALayerThatMakesNoSenseLeavesWhatIsInEffectAndIsToldOnce) {
  const LayeredConfig config = open();
  publish("base", {{"dns", "text"}});
  becomes(config, {{"dns", "text"}});
  publish("node", {{"dns/+", Json{"[1]"}}});
  const std::string why = "layers: dns/+ of layer 3: what it would change is no JSON list";
  ASSERT_TRUE(changes_.waits_for(why));
  EXPECT_EQ(config.current()->get("dns").value(), Value("text"));
  publish("base", {{"dns", Json{"[0]"}}});
  becomes(config, {{"dns", Json{"[0,1]"}}});
}

TEST_F(Layered, TogetherTheyKeepTheBoundsOfAVersion) {
  const LayeredConfig config = open();
  const std::string large(300'000, 'x');
  publish("base", {{"a", large}});
  becomes(config, {{"a", large}});
  publish("node", {{"b", large}});
  EXPECT_TRUE(changes_.waits_for("layers: together: content: more than 504 KiB"));
  EXPECT_EQ(config.current()->settings().size(), 1U);
}

TEST_F(Layered, NamesThatCannotBeAreRefused) {
  EXPECT_THAT(LayeredConfig::open(node_, {}).error().detail, HasSubstr("none is given"));
  EXPECT_THAT(LayeredConfig::open(node_, {"a", "b", "a"}).error().detail, HasSubstr("a: is there twice"));
  EXPECT_THAT(LayeredConfig::open(node_, {"a", "b//c"}).error().detail, HasSubstr("b//c"));
}

}  // namespace
}  // namespace edgesync
