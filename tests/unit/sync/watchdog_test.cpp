// SPDX-License-Identifier: Apache-2.0
// Whatever is awaited of a peer or a disk and does not come is named: in the link's end, in an event, in a count.
#include "unit/sync/pair.hpp"

namespace edgesync::sync {
namespace {

using namespace std::chrono_literals;

class Watchdogs : public Pair {
 protected:
  /// Lets `time` pass at the node, while the hub answers pings and nothing else is carried to it.
  void wait(std::chrono::milliseconds time) {
    for (const Instant end = now.monotonic + time; now.monotonic < end && !ended(); now.monotonic += 5s) {
      node->engine->tick(now);
      hear_pings();
    }
    node->engine->tick(now);
  }
  void hear_pings() {
    while (const auto frame = node->engine->next_frame(*node->link, now))
      for (const wire::Message& message : codec_.decode(*frame).value())
        if (const auto* ping = std::get_if<wire::Ping>(&message)) say(wire::Pong{ping->nonce});
  }
  void say(wire::Message message) {
    const std::vector<wire::Message> one{std::move(message)};
    node->engine->received(*node->link, codec_.encode(one), now);
  }
  std::optional<Error> ended() const { return node->engine->ending(*node->link); }
  /// The link has ended for want of `what`, and that was told.
  void expect_named(const std::string& what) {
    ASSERT_TRUE(ended());
    EXPECT_TRUE(ended()->is(Errc::timed_out));
    EXPECT_NE(ended()->detail.find(what), std::string::npos) << ended()->detail;
    EXPECT_EQ(node->engine->metrics().watchdogs, 1u);
    std::size_t told = 0;
    for (const Event& event : node->engine->take_events())
      if (event.kind == EventKind::watchdog) told += event.error.detail == ended()->detail ? 1 : 0;
    EXPECT_EQ(told, 1u);
  }
  /// Linked, with nothing under way.
  void introduce(std::vector<std::string> capabilities = {}) {
    node->link = node->engine->open_link(Role::node, {"good", "mute"}, now);
    hear_pings();
    wire::Hello hello;
    hello.replica.bytes.fill(std::byte{0x66});
    hello.name = "mute";
    hello.capabilities = std::move(capabilities);
    say(std::move(hello));
  }
  void admit(wire::Channel channel = 1) { say(wire::Subscribed{channel, {}, {}, true}); }

 private:
  wire::Codec codec_{Limits{}.wire};
};

TEST_F(Watchdogs, NameTheHello) {
  node->link = node->engine->open_link(Role::node, {"good", "mute"}, now);
  wait(limits.hello);
  expect_named("hello");
}

TEST_F(Watchdogs, NameTheAnswerToASubscribe) {
  node->open(Plane::state, "plant/line-3");
  node->commit();
  introduce();
  wait(limits.ack - 10s);
  EXPECT_FALSE(ended());
  wait(20s);
  expect_named("the answer to subscribe state plant/line-3");
}

TEST_F(Watchdogs, NameTheAckOfACutAndItsScopes) {
  const auto one = node->open(Plane::state, "plant/line-3");
  const auto two = node->open(Plane::state, "plant/line-4");
  set(*node, one, "a", 1);
  set(*node, two, "a", 1);
  node->commit();
  introduce();
  admit(1), admit(2);
  wait(limits.ack + 10s);
  expect_named("the ack of cut 1 in state plant/line-3 and 1 other scope");
}

TEST_F(Watchdogs, NameTheAckOfRecords) {
  const auto scope = node->open(Plane::stream, "telemetry");
  node->store->define_stream(scope, {{{"n", i64}}}, false).value();
  const Record row{0, now.wall, {std::int64_t{1}}};
  node->store->append(scope, {&row, 1}).value();
  node->commit();
  introduce();
  admit();
  wait(limits.ack + 10s);
  expect_named("the ack of records in stream telemetry");
}

TEST_F(Watchdogs, NameTheProof) {
  const auto scope = node->open(Plane::stream, "telemetry");
  node->store->define_stream(scope, {{{"n", i64}}}, false).value();
  const Record row{0, now.wall, {std::int64_t{1}}};
  node->store->append(scope, {&row, 1}).value();
  node->commit();
  introduce({"segment", "proof"});
  crdt::Context told;
  told.advance({node->store->replica(), 1});
  say(wire::Subscribed{1, told, {}, true});
  wait(limits.ack + 10s);
  expect_named("the proof of records in stream telemetry");
}

TEST_F(Watchdogs, NameTheSearch) {
  const auto scope = node->open(Plane::state, "twin");
  const crdt::Stamp first = set(*node, scope, "k0", 0);
  for (int i = 1; i < 300; ++i) set(*node, scope, "k" + std::to_string(i), i);
  node->commit();
  Edit edit;
  edit.erase("k7");
  node->store->commit(scope, edit.ops(), now.wall).value();
  node->commit();
  node->store->compact(0).value();
  introduce({"search"});
  crdt::Context behind;
  behind.advance({node->store->replica(), first});
  say(wire::Subscribed{1, behind, {}, true});
  wait(limits.ack + 10s);
  expect_named("the end of a search in state twin");
}

TEST_F(Watchdogs, NameASilentPeer) {
  connect();
  settle();
  for (int i = 0; i < 5 && !ended(); ++i) {
    now.monotonic += limits.heartbeat;
    node->engine->tick(now);
    while (node->engine->next_frame(*node->link, now)) {
    }
  }
  expect_named("silent");
}

TEST_F(Watchdogs, TakeEveryByteForASignOfLife) {
  introduce();
  hear_pings();
  const auto sent = node->engine->metrics().bytes_sent;
  for (const Instant end = now.monotonic + 600s; now.monotonic < end; now.monotonic += 5s) {
    node->engine->arriving(*node->link, now);
    node->engine->tick(now);
    while (node->engine->next_frame(*node->link, now)) {
    }
  }
  EXPECT_FALSE(ended());
  EXPECT_GT(node->engine->metrics().bytes_sent, sent) << "a peer that writes for so long must hear from us as well";
}

TEST_F(Watchdogs, AwaitNothingBeforeItWasWritten) {
  const auto scope = node->open(Plane::state, "twin");
  set(*node, scope, "a", 1);
  node->commit();
  introduce();
  admit();
  ASSERT_TRUE(node->engine->next_frame(*node->link, now));  // and the network takes it slowly
  for (const Instant end = now.monotonic + 600s; now.monotonic < end; now.monotonic += 5s) {
    node->engine->arriving(*node->link, now);
    node->engine->tick(now);
  }
  EXPECT_FALSE(ended());
  wait(limits.ack - 10s);
  EXPECT_FALSE(ended());
  wait(20s);
  expect_named("the ack of cut 1 in state twin");
}

TEST_F(Watchdogs, AreQuietWhileAnswersCome) {
  const auto state = node->open(Plane::state, "twin");
  const auto stream = node->open(Plane::stream, "telemetry");
  node->store->define_stream(stream, {{{"n", i64}}}, false).value();
  connect();
  for (int i = 0; i < 100; ++i) {
    set(*node, state, "a", i);
    const Record row{0, now.wall, {std::int64_t{i}}};
    node->store->append(stream, {&row, 1}).value();
    settle();
    now.monotonic += 10s;
    for (Side* side : {node.get(), hub.get()}) side->engine->tick(now);
  }
  settle();
  EXPECT_TRUE(node->engine->linked());
  EXPECT_EQ(node->engine->metrics().watchdogs + hub->engine->metrics().watchdogs, 0u);
}

TEST_F(Watchdogs, NameADiskThatIsStillWriting) {
  node->engine->tick(now);
  node->engine->write_begins(now);
  EXPECT_EQ(node->engine->deadline(), now.monotonic + limits.disk_write);
  now.monotonic += limits.disk_write;
  node->engine->tick(now);
  now.monotonic += 30s;
  node->engine->tick(now);
  EXPECT_TRUE(node->engine->disk_stalls(now));
  node->engine->write_ends(now);
  EXPECT_FALSE(node->engine->disk_stalls(now));
  EXPECT_EQ(node->engine->metrics().watchdogs, 1u) << "once for each";
  EXPECT_TRUE(has_event(node->engine->take_events(), EventKind::watchdog));
}

TEST_F(Watchdogs, NameADiskThatTookLongWhileNobodyLooked) {
  node->engine->write_begins(now);
  now.monotonic += limits.disk_write - 1ms;
  node->engine->write_ends(now);
  EXPECT_EQ(node->engine->metrics().watchdogs, 0u);
  node->engine->write_begins(now);
  now.monotonic += 75s;
  node->engine->write_ends(now);
  const auto events = node->engine->take_events();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_NE(events[0].error.detail.find("took 1 min 15 s"), std::string::npos) << events[0].error.detail;
}

}  // namespace
}  // namespace edgesync::sync
