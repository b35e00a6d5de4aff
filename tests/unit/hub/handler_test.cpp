// SPDX-License-Identifier: Apache-2.0
// What the application's callbacks may do to the node that calls them.
#include "fleet.hpp"

#include <atomic>
#include <semaphore>
#include <thread>

namespace edgesync {
namespace {

using Callbacks = Fleet;

TEST_F(Callbacks, AFlushThatThrowsHoldsUpNeitherTheNextNorTheEnd) {
  auto hub = open_hub();
  Witness witness;
  hub.flush([](const Result<void>&) { throw std::runtime_error("not mine"); });
  hub.flush([&](const Result<void>& result) { witness.saw(result ? "flushed" : "failed"); });
  EXPECT_TRUE(witness.waits_for("flushed"));
  EXPECT_EQ(hub.metrics().handler_faults, 1u);
  hub.close();
}

TEST_F(Callbacks, OneThatWasCancelledByAnotherIsNotCalledAnyMore) {
  auto node = open_node();
  auto twin = node.state("twin");
  Witness witness;
  Subscription second;
  const auto first = twin.on_change("", [&](const Change&) {
    second.cancel();
    witness.saw("first");
  });
  second = twin.on_change("", [&](const Change&) { witness.saw("second"); });
  const auto last = twin.on_change("", [&](const Change&) { witness.saw("last"); });
  twin.set("a", 1).value();
  ASSERT_TRUE(witness.waits_for("last"));
  EXPECT_EQ(witness.seen(), (std::vector<std::string>{"first", "last"}));
}

TEST_F(Callbacks, OneMayOwnTheRegistrationOfAnother) {
  auto node = open_node();
  auto owned = std::make_shared<Subscription>(node.on_event([](const Event&) {}));
  auto owner = node.on_event([owned](const Event&) {});
  owned.reset();
  owner.cancel();
}

TEST_F(Callbacks, TheLatestHandlerDecidesAboutAVersion) {
  auto hub = open_hub();
  auto config = hub.config("plant");
  Witness witness;
  const auto always = config.on_activate([](const Candidate&) { return Verdict::healthy; });
  {
    const auto never = config.on_activate([](const Candidate&) { return Verdict::reject; });
    const auto events = hub.on_event([&](const Event& event) { witness.saw(name(event.kind)); });
    config.publish([](Edit& edit) { edit.set("limit", 1); }).value();
    ASSERT_TRUE(witness.waits_for("rejected"));
  }
  const auto events = hub.on_event([&](const Event& event) { witness.saw(name(event.kind)); });
  config.publish([](Edit& edit) { edit.set("limit", 2); }).value();
  EXPECT_TRUE(witness.waits_for("activated"));
}

TEST_F(Callbacks, ATokenFunctionMayAskTheNode) {
  auto hub = open_hub();
  auto node = open_node();
  auto options = to_hub();
  options.token = [&] { return node.status().linked ? "twice?" : "good"; };
  node.link(std::move(options)).value();
  EXPECT_TRUE(node.flush(20s));
}

TEST_F(Callbacks, ATokenFunctionThatThrowsIsAskedAgain) {
  auto hub = open_hub();
  auto node = open_node();
  node.state("twin").set("a", 1).value();
  auto options = to_hub();
  options.token = [times = 0]() mutable {
    if (++times < 3) throw std::runtime_error("not yet");
    return std::string("good");
  };
  node.link(std::move(options)).value();
  EXPECT_TRUE(node.flush(20s));
  EXPECT_EQ(node.metrics().handler_faults, 2u);
}

TEST_F(Callbacks, NoneIsRunningAfterASecondClose) {
  auto node = open_node();
  auto twin = node.state("twin");
  Witness witness;
  std::counting_semaphore<> go{0};
  std::atomic<bool> returned = false;
  const auto handler = twin.on_change("", [&](const Change&) {
    node.close();
    witness.saw("closed from inside");
    go.acquire();
    returned = true;
  });
  twin.set("a", 1).value();
  ASSERT_TRUE(witness.waits_for("closed from inside"));
  go.release();
  node.close();
  EXPECT_TRUE(returned);
}

}  // namespace
}  // namespace edgesync
