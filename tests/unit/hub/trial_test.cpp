// SPDX-License-Identifier: Apache-2.0
// Trials as an application meets them: confirm in time, say what is wrong, or say nothing.
#include "fleet.hpp"

namespace edgesync {
namespace {

class Trials : public Fleet {
 protected:
  Node open(std::chrono::milliseconds window) {
    Node node = Node::open({.database = file("node.db"), .name = "node", .health_window = window}).value();
    heard_.push_back(node.on_event([this](const Event& event) {
      witness.saw(std::string(name(event.kind)) + " " + std::to_string(event.version.number));
    }));
    return node;
  }
  void publish(Config& config, int limit) {
    const auto version = config.publish_tree({{"limit", limit}}).value();
    ASSERT_TRUE(witness.waits_for("activated " + std::to_string(version.number)));
  }

  Witness witness;
  std::vector<Subscription> heard_;
};

TEST_F(Trials, ConfirmedVersionsStayAndOthersDoNot) {
  Node node = open(1h);
  Config config = node.config("plant");
  EXPECT_TRUE(config.confirm().error().is(Errc::not_found));
  publish(config, 10);
  EXPECT_EQ(config.history().value().at(0).role, VersionRole::trial);
  config.confirm().value();
  ASSERT_TRUE(witness.waits_for("confirmed 1"));
  publish(config, 20);
  EXPECT_EQ(config.get("limit").value(), Value(20));
  EXPECT_EQ(config.last_good().number, 1u);
  config.report_unhealthy("it stutters").value();
  ASSERT_TRUE(witness.waits_for("rolled_back 1"));
  EXPECT_EQ(config.get("limit").value(), Value(10));
  EXPECT_TRUE(config.report_unhealthy("again").error().is(Errc::not_found));
  publish(config, 30);
  config.confirm().value();
  EXPECT_EQ(config.active().number, 3u);
}

TEST_F(Trials, SilenceBringsTheVersionBeforeBack) {
  Node node = open(1h);
  Config config = node.config("plant");
  publish(config, 10);
  config.confirm().value();
  node.close();
  heard_.clear();
  node = open(20ms);
  config = node.config("plant");
  publish(config, 20);
  ASSERT_TRUE(witness.waits_for("rolled_back 1"));
  EXPECT_EQ(config.get("limit").value(), Value(10));
  EXPECT_EQ(config.history().value().at(0).role, VersionRole::quarantined);
}

}  // namespace
}  // namespace edgesync
