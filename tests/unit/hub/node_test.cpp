// SPDX-License-Identifier: Apache-2.0
#include "fleet.hpp"

#include <atomic>
#include <semaphore>
#include <thread>

namespace edgesync {
namespace {

using Nodes = Fleet;

TEST_F(Nodes, WritesAreReadBackAfterReopening) {
  {
    auto node = open_node();
    auto twin = node.state("twin");
    twin.set("rpm", 1480).value();
    twin.add("boots", 2).value();
    twin.insert("alarms", "overheat").value();
  }
  auto node = open_node();
  auto twin = node.state("twin");
  EXPECT_EQ(twin.get("rpm").value(), Value(1480));
  EXPECT_EQ(twin.get("boots").value(), Value(2));
  EXPECT_EQ(twin.members("alarms").value(), std::vector<Value>{"overheat"});
  EXPECT_EQ(twin.scan().value().size(), 3u);
  EXPECT_TRUE(node.verify().value().empty());
}

TEST_F(Nodes, FastCommitIsThereAfterAnOrderlyClose) {
  {
    auto node = open_node();
    node.state("twin").transact([](Edit& edit) { edit.set("a", 1); }, Durability::fast).value();
  }
  EXPECT_EQ(open_node().state("twin").get("a").value(), Value(1));
}

TEST_F(Nodes, ErrorsNameWhatAndWhere) {
  auto node = open_node();
  EXPECT_TRUE(node.state("a//b").set("x", 1).error().is(Errc::invalid_argument));
  EXPECT_NE(node.state("a//b").set("x", 1).error().detail.find("a//b"), std::string::npos);
  EXPECT_TRUE(node.state("a").set("../x", 1).error().is(Errc::invalid_argument));
  EXPECT_TRUE(node.state("a").get("nothing").error().is(Errc::not_found));
  EXPECT_TRUE(node.config("c").get("x").error().is(Errc::not_found));
  EXPECT_TRUE(node.stream("s").append({1}).error().is(Errc::not_found));
  EXPECT_TRUE(Node::open({.database = file("node.db")}).error().is(Errc::already_open));
  EXPECT_TRUE(Node::open({}).error().is(Errc::invalid_argument));
  EXPECT_TRUE(node.link({.url = "http://example.com"}).error().is(Errc::invalid_argument));
  EXPECT_TRUE(node.link({.url = "ws://127.0.0.1:1"}).error().is(Errc::insecure));
  EXPECT_THROW(node.state("a").get("nothing").value(), Failure);
}

TEST_F(Nodes, FailedTransactionLeavesNothing) {
  auto node = open_node();
  auto twin = node.state("twin");
  EXPECT_FALSE(twin.transact([](Edit& edit) { edit.set("good", 1).set("a//b", 2); }));
  EXPECT_TRUE(twin.get("good").error().is(Errc::not_found));
}

TEST_F(Nodes, StateGoesBothWaysAndConflictsAreListed) {
  auto hub = open_hub();
  auto node = open_node();
  auto here = node.state("twin");
  auto there = hub.state("twin");
  here.set("setpoint", 55).value();
  there.set("setpoint", 60).value();
  Witness witness;
  const auto watching = here.on_change("setpoint", [&](const Change& change) { witness.saw(to_json(*change.after)); });
  node.link(to_hub()).value();
  node.flush(20s).value();
  there.set("done", true).value();
  const auto done = here.on_change("done", [&](const Change&) { witness.saw("done"); });
  const bool already = here.get("done").value_or(Value()) == Value(true);
  ASSERT_TRUE(already || witness.waits_for("done"));
  EXPECT_EQ(here.get("setpoint").value(), there.get("setpoint").value());
  EXPECT_EQ(here.conflicts("setpoint").size(), 1u);
  EXPECT_EQ(here.digest().value(), there.digest().value());
}

TEST_F(Nodes, FlushTimesOutAndSaysWhatIsMissing) {
  auto node = open_node();
  node.state("twin").set("a", 1).value();
  const auto flushed = node.flush(1ms);
  ASSERT_TRUE(flushed.error().is(Errc::timed_out));
  EXPECT_NE(flushed.error().detail.find("state twin"), std::string::npos);
  EXPECT_NE(flushed.error().detail.find("no_link"), std::string::npos);
}

TEST_F(Nodes, FlushCallbackRunsOnceOrIsCancelled) {
  auto hub = open_hub();
  auto node = open_node();
  node.state("twin").set("a", 1).value();
  Witness witness;
  std::stop_source stop;
  node.flush([&](Result<void> result) { witness.saw(result ? "first" : name(Errc::cancelled)); }, stop.get_token());
  stop.request_stop();
  EXPECT_TRUE(witness.waits_for("cancelled"));
  node.flush([&](Result<void> result) { witness.saw(result ? "second" : "failed"); });
  node.link(to_hub()).value();
  EXPECT_TRUE(witness.waits_for("second"));
  EXPECT_EQ(witness.seen().size(), 2u);
}

TEST_F(Nodes, WrongTokenIsToldToBothAndRetried) {
  auto hub = open_hub();
  auto node = open_node();
  Witness witness;
  const auto events = node.on_event([&](const Event& event) {
    if (event.kind == EventKind::unlinked) witness.saw(name(static_cast<Errc>(event.error.code.value())));
  });
  node.link(to_hub("bad")).value();
  ASSERT_TRUE(witness.waits_for("unauthorized"));
  node.link(to_hub("good")).value();
  node.state("twin").set("a", 1).value();
  EXPECT_TRUE(node.flush(20s));
}

TEST_F(Nodes, HubRestartIsSurvived) {
  auto node = open_node();
  auto twin = node.state("twin");
  twin.set("a", 1).value();
  node.link(to_hub()).value();
  {
    auto hub = open_hub();
    ASSERT_TRUE(node.flush(20s));
  }
  twin.set("a", 2).value();
  auto hub = open_hub();
  ASSERT_TRUE(node.flush(20s));
  EXPECT_EQ(hub.state("twin").get("a").value(), Value(2));
}

TEST_F(Nodes, VersionsAreDecidedByTheApplication) {
  auto hub = open_hub();
  auto node = open_node();
  auto config = node.config("plant");
  Witness witness;
  const auto decides = config.on_activate(
      [](const Candidate& next) { return next.content.at("limit") == Value(13) ? Verdict::reject : Verdict::healthy; });
  const auto events = node.on_event([&](const Event& event) {
    if (event.kind == EventKind::activated || event.kind == EventKind::rejected)
      witness.saw(std::string(name(event.kind)) + " " + std::to_string(event.version.number));
  });
  node.link(to_hub()).value();
  auto authority = hub.config("plant");
  authority.publish([](Edit& edit) { edit.set("limit", 12); }).value();
  ASSERT_TRUE(witness.waits_for("activated 1"));
  authority.publish([](Edit& edit) { edit.set("limit", 13); }).value();
  ASSERT_TRUE(witness.waits_for("rejected 2"));
  EXPECT_EQ(config.get("limit").value(), Value(12));
  authority.publish([](Edit& edit) { edit.set("limit", 14); }).value();
  ASSERT_TRUE(witness.waits_for("activated 3"));
  EXPECT_EQ(config.last_good().number, 1u);
  node.unlink();
  EXPECT_EQ(config.rollback(config.last_good()).value().number, 1u);
  EXPECT_EQ(config.get("limit").value(), Value(12));
  EXPECT_EQ(config.diff(1, 3).value().size(), 1u);
}

TEST_F(Nodes, RollbackAtTheHubIsANewVersionForAll) {
  auto hub = open_hub();
  auto config = hub.config("plant");
  config.publish([](Edit& edit) { edit.set("limit", 1); }).value();
  config.publish([](Edit& edit) { edit.set("limit", 2); }).value();
  const VersionInfo rolled = config.rollback(1).value();
  EXPECT_EQ(rolled.number, 3u);
  EXPECT_EQ(rolled.id, config.history().value().back().version.id);
}

TEST_F(Nodes, RecordsAreCountedReadAndTrimmed) {
  auto hub = open_hub();
  auto node = open_node();
  auto stream = node.stream("telemetry", {.columns = {{"temp", f64}, {"rpm", i64}}});
  for (int i = 0; i < 100; ++i) stream.append({21.5, i}).value();
  EXPECT_EQ(stream.counts().value().pending, 100u);
  EXPECT_EQ(stream.read(1, 10).value().records.size(), 10u);
  node.link(to_hub()).value();
  node.flush(20s).value();
  const StreamCounts counts = stream.counts().value();
  EXPECT_EQ(counts.delivered, 100u);
  EXPECT_EQ(counts.produced, counts.delivered + counts.pending + counts.dropped);
  const auto read = hub.stream("telemetry").read(node.id(), 1, 1000).value();
  ASSERT_EQ(read.records.size(), 100u);
  EXPECT_EQ(read.records[99].fields[1], Value(99));
  EXPECT_TRUE(read.gaps.empty());
}

TEST_F(Nodes, WhatAQuotaTookIsCountedAndTheHubIsTold) {
  auto hub = open_hub();
  auto node = open_node();
  auto stream = node.stream("telemetry", {.columns = {{"text", text}}, .quota = 20 * KiB});
  for (int i = 0; i < 400; ++i) stream.append({std::to_string(i) + std::string(200, 'x')}).value();
  const StreamCounts before = stream.counts().value();
  EXPECT_GT(before.drops.quota, 0u);
  EXPECT_EQ(before.pending + before.dropped, 400u);
  EXPECT_LE(node.status().scopes.at(0).bytes, 20 * KiB);
  node.link(to_hub()).value();
  node.flush(20s).value();
  const auto there = hub.stream("telemetry");
  EXPECT_EQ(there.dropped(node.id()).value(), before.drops);
  const auto read = there.read(node.id(), 1, 1000).value();
  EXPECT_EQ(read.gaps, (std::vector<Gap>{{1, before.drops.quota, DropReason::quota}}));
  EXPECT_EQ(read.records.size(), before.pending);
  EXPECT_EQ(stream.counts().value().delivered, before.pending);
  EXPECT_EQ(hub.status().scopes.at(0).missing, before.drops);
}

TEST_F(Nodes, AStreamSaysWhichRulesMeanNothing) {
  auto node = open_node();
  const auto open = [&](StreamOptions options) {
    options.columns = {{"text", text}};
    return node.stream("telemetry", std::move(options)).counts();
  };
  EXPECT_TRUE(open({.retention = -1s}).error().is(Errc::invalid_argument));
  EXPECT_TRUE(open({.overflow = Overflow::thin(1)}).error().is(Errc::invalid_argument));
  EXPECT_TRUE(open({.retention = 0s, .quota = 0, .overflow = Overflow::reject}));
}

TEST_F(Nodes, HandlersMayThrowReenterAndClose) {
  auto hub = open_hub();
  auto node = open_node();
  auto twin = node.state("twin");
  Witness witness;
  const auto throwing = twin.on_change("", [](const Change&) { throw std::runtime_error("on purpose"); });
  const auto entering = twin.on_change("", [&](const Change& change) {
    if (change.key == "a") twin.set("b", 2).value();
    witness.saw(change.key);
  });
  twin.set("a", 1).value();
  EXPECT_TRUE(witness.waits_for("b"));
  EXPECT_GE(node.metrics().handler_faults, 1u);
  const auto closing = twin.on_change("c", [&](const Change&) {
    node.close();
    witness.saw("closed");
  });
  twin.set("c", 3).ignore();
  EXPECT_TRUE(witness.waits_for("closed"));
  EXPECT_TRUE(twin.set("d", 4).error().is(Errc::closed));
}

TEST_F(Nodes, CancelledSubscriptionIsNotCalled) {
  auto node = open_node();
  auto twin = node.state("twin");
  Witness witness;
  auto cancelled = twin.on_change("", [&](const Change&) { witness.saw("cancelled"); });
  cancelled.cancel();
  const auto kept = twin.on_change("", [&](const Change&) { witness.saw("kept"); });
  twin.set("a", 1).value();
  EXPECT_TRUE(witness.waits_for("kept"));
  EXPECT_EQ(witness.seen(), std::vector<std::string>{"kept"});
}

TEST_F(Nodes, ManyThreadsCommitTogether) {
  auto node = open_node();
  auto twin = node.state("twin");
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) {
        twin.set("k" + std::to_string(t), i).value();
        twin.add("sum", 1).value();
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(twin.get("sum").value(), Value(200));
  for (int t = 0; t < 4; ++t) EXPECT_EQ(twin.get("k" + std::to_string(t)).value(), Value(49));
  EXPECT_LT(node.metrics().group_commits, 400u);
}

TEST_F(Nodes, CloseWhileOthersWaitIsOrderly) {
  auto node = open_node();
  auto twin = node.state("twin");
  std::thread writer([&] {
    while (twin.set("a", 1)) {
    }
  });
  Witness witness;
  const auto first = twin.on_change("a", [&](const Change&) { witness.saw("written"); });
  ASSERT_TRUE(witness.waits_for("written"));
  std::thread waiter([&] { EXPECT_TRUE(node.flush(20s).error().is(Errc::closed)); });
  node.close();
  writer.join();
  waiter.join();
}

/// Lives on a runtime's thread, and counts how many such threads there are.
struct Resident {
  explicit Resident(std::atomic<int>& count) : count_(count) { ++count_; }
  ~Resident() { --count_; }
  std::atomic<int>& count_;
};

TEST_F(Nodes, ANodeThatIsGoneHasLeftNoThreadBehind) {
  const auto hub = open_hub();
  std::atomic<int> residents = 0;
  for (int round = 0; round < 300; ++round) {
    auto node = open_node();
    std::counting_semaphore<> called{0};
    auto options = to_hub();
    options.token = [&] {
      thread_local const Resident resident(residents);
      called.release();
      return std::string("good");
    };
    node.link(std::move(options)).value();
    called.acquire();
    { const Node gone = std::move(node); }
    ASSERT_EQ(residents, 0) << "round " << round;
  }
}

}  // namespace
}  // namespace edgesync
