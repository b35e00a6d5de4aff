// SPDX-License-Identifier: Apache-2.0
#include "rollouts.hpp"

#include <gmock/gmock.h>

namespace edgesync {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST_F(Rollouts, AVersionGoesToOneWaveAfterTheOther) {
  join("one", canary_label), join("two", "rest");
  rollout().publish_tree({{"rpm", 2}}, canary_first({.approval = true})).value();
  ASSERT_TRUE(seats_["one"].events.waits_for("activated 2"));
  counts_become({{.active = 1}, {.untouched = 1}});
  settle("two");
  EXPECT_EQ(active("two"), 1U);
  EXPECT_THAT(config("two").history().value().size(), 1U) << "it knows of nothing";
  EXPECT_EQ(active("hub"), 1U);
  join("late", "rest");
  rollout().approve(1).value();
  ASSERT_TRUE(seats_["two"].events.waits_for("activated 2"));
  ASSERT_TRUE(progress_.waits_for("c 2 done 2"));
  ASSERT_TRUE(seats_["late"].events.waits_for("activated 2"));
  join("later", "rest", 2);
  EXPECT_EQ(config("hub").publish_tree({{"rpm", 3}}).value().number, 3U);
  for (const char* name : {"one", "two", "late", "later"})
    EXPECT_TRUE(seats_[name].events.waits_for("activated 3")) << name;
}

TEST_F(Rollouts, AVersionThatTheFirstWaveRefusesIsNeverPutToTheOthers) {
  join("one", canary_label), join("two", "rest");
  seats_["one"].verdict = Verdict::reject;
  rollout().publish_tree({{"rpm", 2}}, canary_first()).value();
  ASSERT_TRUE(progress_.waits_for("c 2 stopped 1"));
  EXPECT_EQ(rollout().status().value().reason, "wave 1: 1 of 1 nodes that reported have failed");
  join("late", "rest");
  settle("two");
  EXPECT_THAT(seats_["two"].asked.seen(), ElementsAre("1"));
  EXPECT_THAT(seats_["late"].asked.seen(), ElementsAre("1"));
  EXPECT_EQ(active("one"), 1U);
  const std::string twin = "one/config/c/";
  EXPECT_EQ(hub_->state("fleet").get(twin + "role").value(), Value("quarantined"));
  EXPECT_EQ(hub_->state("fleet").get(twin + "active").value(), Value(1));
  EXPECT_EQ(hub_->state("fleet").get(twin + "error").value(), Value("decided by the application"));
  EXPECT_TRUE(rollout().resume().error().is(Errc::not_found)) << "it is over";
  for (auto& [name, seat] : seats_) seat.verdict = Verdict::healthy;
  EXPECT_EQ(config("hub").publish_tree({{"rpm", 3}}).value().number, 3U) << "the number was given away";
  for (const char* name : {"one", "two", "late"}) EXPECT_TRUE(seats_[name].events.waits_for("activated 3")) << name;
}

TEST_F(Rollouts, AVersionThatTurnsOutBadIsLeftByItsWaveAlone) {
  Node& one = open("one", canary_label, 1h);
  one.link(to_hub()).value();
  ASSERT_TRUE(seats_["one"].events.waits_for("activated 1"));
  config("one").confirm().ignore();
  join("two", "rest");
  rollout().publish_tree({{"rpm", 2}}, canary_first()).value();
  ASSERT_TRUE(seats_["one"].events.waits_for("activated 2"));
  counts_become({{.staged = 1}, {.untouched = 1}});  // on trial
  config("one").report_unhealthy("too hot", 2).value();
  ASSERT_TRUE(progress_.waits_for("c 2 stopped 1"));
  EXPECT_EQ(active("one"), 1U);
  EXPECT_EQ(hub_->state("fleet").get("one/config/c/error").value(), Value("too hot"));
  settle("two");
  EXPECT_THAT(seats_["two"].asked.seen(), ElementsAre("1"));
}

TEST_F(Rollouts, PausedNobodyBegins) {
  rollout().publish_tree({{"rpm", 2}}, canary_first()).value();
  ASSERT_TRUE(progress_.waits_for("c 2 running 1"));
  rollout().pause().value();
  ASSERT_TRUE(progress_.waits_for("c 2 paused 1"));
  join("one", canary_label);
  settle("one");
  EXPECT_EQ(active("one"), 1U);
  rollout().resume().value();
  ASSERT_TRUE(seats_["one"].events.waits_for("activated 2"));
}

TEST_F(Rollouts, AbortedItIsTakenFromThoseWhoHaveNotBegunToUseIt) {
  join("one", canary_label), join("hold", canary_label), join("two", "rest");
  seats_["hold"].verdict = Verdict::hold;
  rollout().publish_tree({{"rpm", 2}}, canary_first({.reported_min = 2})).value();
  counts_become({{.staged = 1, .active = 1}, {.untouched = 1}});
  rollout().abort().value();
  ASSERT_TRUE(progress_.waits_for("c 2 aborted 1"));
  counts_become({{.untouched = 1, .active = 1}, {.untouched = 1}});
  EXPECT_EQ(config("hold").history().value().size(), 1U);
  EXPECT_EQ(active("one"), 2U);
  config("hub").rollback(1).value();  // for everybody
  ASSERT_TRUE(seats_["one"].events.waits_for("activated 3"));
  ASSERT_TRUE(seats_["two"].events.waits_for("activated 3"));
}

TEST_F(Rollouts, AHubThatIsOpenedAgainGoesOnWhereItWas) {
  join("one", canary_label);
  rollout().publish_tree({{"rpm", 2}}, canary_first({.approval = true})).value();
  counts_become({{.active = 1}, {}});
  open_hub_again();
  counts_become({{.active = 1}, {}});
  EXPECT_EQ(rollout().status().value().open, 1U);
  join("two", "rest");
  rollout().approve(1).value();
  ASSERT_TRUE(progress_.waits_for("c 2 done 2"));
}

TEST_F(Rollouts, WhoeverIsOfflineHoldsUpNobodyAndComesInLater) {
  join("one", canary_label), join("off", canary_label), join("two", "rest");
  reported("off/config/c/active");
  nodes_.at("off").unlink();
  rollout().publish_tree({{"rpm", 2}}, canary_first()).value();
  ASSERT_TRUE(progress_.waits_for("c 2 done 2"));
  nodes_.at("off").link(to_hub()).value();
  EXPECT_TRUE(seats_["off"].events.waits_for("activated 2"));
}

TEST_F(Rollouts, AVersionForEverybodyEndsIt) {
  join("one", canary_label), join("two", "rest");
  rollout().publish_tree({{"rpm", 2}}, canary_first({.approval = true})).value();
  ASSERT_TRUE(seats_["one"].events.waits_for("activated 2"));
  EXPECT_EQ(config("hub").publish([](Edit& edit) { edit.set("fix", true); }).value().number, 3U);
  ASSERT_TRUE(progress_.waits_for("c 2 superseded 1"));
  for (const char* name : {"one", "two"}) {
    EXPECT_TRUE(seats_[name].events.waits_for("activated 3"));
    EXPECT_EQ(config(name).get("rpm").value(), Value(1)) << "made from what everybody has";
  }
}

TEST_F(Rollouts, AnotherRolloutTakesItsPlace) {
  join("one", canary_label), join("two", "rest");
  seats_["one"].verdict = Verdict::hold;
  rollout().publish_tree({{"rpm", 2}}, canary_first()).value();
  ASSERT_TRUE(seats_["one"].asked.waits_for("2"));
  for (auto& [name, seat] : seats_) seat.verdict = Verdict::healthy;
  rollout().publish_tree({{"rpm", 3}}, {{{.labels = {{"pool", "rest"}}}, {}}}).value();
  ASSERT_TRUE(progress_.waits_for("c 3 done 2"));
  ASSERT_TRUE(seats_["one"].events.waits_for("activated 3"));
  EXPECT_THAT(seats_["one"].events.seen(), testing::Not(testing::Contains("activated 2")));
}

TEST_F(Rollouts, WhatWasTakenBackIsNotComeBackToWhenALaterVersionIsRefused) {
  join("one", canary_label);
  seats_["one"].verdict = Verdict::hold;
  rollout().publish_tree({{"rpm", 2}}, canary_first()).value();
  ASSERT_TRUE(seats_["one"].asked.waits_for("2"));
  seats_["one"].verdict = Verdict::reject;
  config("hub").publish_tree({{"rpm", 3}}).value();
  ASSERT_TRUE(seats_["one"].events.waits_for("rejected 3"));
  seats_["one"].verdict = Verdict::healthy;
  config("one").resume().value();
  settle("one");
  EXPECT_THAT(seats_["one"].asked.seen(), ElementsAre("1", "2", "3"));
  EXPECT_EQ(active("one"), 1U);
}

TEST_F(Rollouts, ContentThatWasRefusedBeforeCountsAsFailed) {
  join("one", canary_label);
  seats_["one"].verdict = Verdict::reject;
  rollout().publish_tree({{"rpm", 2}}, canary_first()).value();
  ASSERT_TRUE(progress_.waits_for("c 2 stopped 1"));
  seats_["one"].verdict = Verdict::healthy;
  rollout().publish_tree({{"rpm", 2}}, canary_first()).value();
  ASSERT_TRUE(progress_.waits_for("c 3 stopped 1"));
}

TEST_F(Rollouts, ContentThatWasRefusedBeforeCountsAsFailedThoughAnotherIsInUseSince) {
  join("one", canary_label);
  seats_["one"].verdict = Verdict::reject;
  rollout().publish_tree({{"rpm", 2}}, canary_first()).value();
  ASSERT_TRUE(progress_.waits_for("c 2 stopped 1"));
  seats_["one"].verdict = Verdict::healthy;
  config("hub").publish_tree({{"rpm", 3}}).value();
  ASSERT_TRUE(seats_["one"].events.waits_for("activated 3"));
  rollout().publish_tree({{"rpm", 2}}, canary_first()).value();
  ASSERT_TRUE(progress_.waits_for("c 4 stopped 1"));
  EXPECT_EQ(active("one"), 3U);
}

TEST_F(Rollouts, WhatEndedWhileANodeWasAwayIsNotComeBackTo) {
  Node& one = join("one", canary_label);
  join("two", "rest");
  seats_["one"].verdict = Verdict::hold;
  rollout().publish_tree({{"rpm", 2}}, canary_first()).value();
  ASSERT_TRUE(seats_["one"].asked.waits_for("2"));
  one.unlink();
  seats_["one"].verdict = Verdict::reject;
  rollout().publish_tree({{"rpm", 3}}, {{{.labels = {{"pool", "rest"}}}, {}}}).value();
  ASSERT_TRUE(seats_["two"].events.waits_for("activated 3"));
  rollout().approve(2).value();
  ASSERT_TRUE(progress_.waits_for("c 3 done 2"));
  one.link(to_hub()).value();
  ASSERT_TRUE(seats_["one"].events.waits_for("rejected 3"));
  seats_["one"].verdict = Verdict::healthy;
  config("one").resume().value();
  settle("one");
  EXPECT_THAT(seats_["one"].asked.seen(), ElementsAre("1", "2", "3"));
  EXPECT_EQ(active("one"), 1U);
}

TEST_F(Rollouts, ASoakEndsByItself) {
  join("one", canary_label), join("two", "rest");
  rollout().publish_tree({{"rpm", 2}}, canary_first({.soak = 1s})).value();
  ASSERT_TRUE(seats_["one"].events.waits_for("activated 2"));
  ASSERT_TRUE(progress_.waits_for("c 2 done 2"));
}

TEST_F(Rollouts, ANodeThatIsOpenedAgainGoesOnAndItsReasonStays) {
  join("one", canary_label), join("two", "rest");
  seats_["one"].verdict = Verdict::reject;
  rollout().publish_tree({{"rpm", 2}}, canary_first({.reported_min = 2})).value();
  counts_become({{.failed = 1}, {.untouched = 1}});
  nodes_.at("one").close();
  nodes_.erase("one");
  Node& again = open("one", canary_label);
  again.link(to_hub()).value();
  again.flush(20s).value();
  join("three", canary_label);
  ASSERT_TRUE(progress_.waits_for("c 2 stopped 1"));
  EXPECT_EQ(hub_->state("fleet").get("one/config/c/error").value(), Value("decided by the application"));
}

TEST_F(Rollouts, AnOrderThatMakesNoSenseIsRefused) {
  rollout().publish_tree({{"rpm", 2}}, canary_first()).value();
  EXPECT_THAT(rollout().approve(3).error().detail, HasSubstr("there are 2 waves"));
  controller_.reset();  // nobody hears of it
  rollout().abort().value();
  EXPECT_THAT(rollout().resume().error().detail, HasSubstr("is over: aborted"));
}

TEST_F(Rollouts, AnAdministratorMayBeAnywhere) {
  join("one", canary_label);
  Node& office = join("office", "office");
  const Rollout from_afar = office.config("c").rollout();
  EXPECT_TRUE(from_afar.status().error().is(Errc::not_found));
  office.unlink();
  office.config("c").rollout().publish(Edit().set("rpm", 2), canary_first(), "from a train").value();
  EXPECT_EQ(from_afar.status().value().phase, RolloutPhase::waiting);
  office.link(to_hub()).value();
  ASSERT_TRUE(progress_.waits_for("c 2 done 2"));
  const auto heard = std::make_shared<Witness>();
  const auto is_done = [from_afar] { return from_afar.status().value().phase == RolloutPhase::done; };
  const auto subscription = from_afar.on_change([heard, is_done] {
    if (is_done()) heard->saw("done");
  });
  EXPECT_TRUE(is_done() || heard->waits_for("done"));
}

TEST_F(Rollouts, WhatCannotBeIsRefused) {
  EXPECT_THAT(rollout().publish_tree({{"a", 1}}, {}).error().detail, HasSubstr("there are not 1 to 16 waves"));
  EXPECT_TRUE(rollout().pause().error().is(Errc::not_found));
  NodeOptions options{.database = file("x.db")};
  options.labels = {{"a=b", "c"}};
  EXPECT_THAT(Node::open(std::move(options)).error().detail, HasSubstr("label \"a=b\""));
  HubOptions relay;
  relay.node = {.database = file("relay.db"), .name = "relay"};
  relay.loopback = make_loopback();
  relay.relay = true;
  Hub below = Hub::open(std::move(relay)).value();
  EXPECT_THAT(RolloutController::start(below).error().detail, HasSubstr("a relay opens no waves"));
}

TEST_F(Rollouts, ReportsThatMakeNoSenseAreLeftOut) {
  Node& one = join("one", canary_label);
  Stream fleet = one.stream("fleet");
  fleet.append({"a", "no label", "c", 1, "", "active", 1, "", ""}).value();
  fleet.append({Field(), "", "c", 1, "", "active", 1, "", ""}).value();
  fleet.append({std::string(600, 'x'), "", "c", 1, "", "active", 1, "", ""}).value();
  fleet.append({"b/c", "", "d/e%", -1, "", "active", 1, "", ""}).value();
  reported("b%2Fc/config/d%2Fe%25/active");
  std::set<std::string> names;
  for (const Item& item : hub_->state("fleet").scan().value()) names.insert(item.key.substr(0, item.key.find('/')));
  EXPECT_THAT(names, ElementsAre("b%2Fc", "one"));
  open_hub_again();  // reads them back
  join("two", canary_label);
  rollout().publish_tree({{"rpm", 2}}, canary_first()).value();
  ASSERT_TRUE(progress_.waits_for("c 2 done 2"));
}

}  // namespace
}  // namespace edgesync
