// SPDX-License-Identifier: Apache-2.0
// Which node talks to which hub, and what stays at home.
#include "fleet.hpp"

#include <atomic>
#include <set>

namespace edgesync {
namespace {

class Links : public Fleet {
 protected:
  /// A hub on a loopback of its own that admits everybody and notes the tokens it was shown.
  Hub open_other(const std::string& name, const std::shared_ptr<Loopback>& at, bool relay = false) {
    HubOptions options;
    options.node = {.database = file(name + ".db"), .name = name};
    options.loopback = at;
    options.relay = relay;
    options.authorize.connect = [this, name](const Credentials& who) {
      const std::lock_guard lock(mutex_);
      shown_.insert(name + ": " + who.token);
      return true;
    };
    options.authorize.scope = [](const Credentials&, Plane, std::string_view) { return Access::read_write; };
    return Hub::open(std::move(options)).value();
  }
  LinkOptions to(const std::shared_ptr<Loopback>& at, std::string token = "good") {
    LinkOptions options = to_hub(std::move(token));
    options.loopback = at;
    return options;
  }
  std::set<std::string> shown() {
    const std::lock_guard lock(mutex_);
    return shown_;
  }

 private:
  std::mutex mutex_;
  std::set<std::string> shown_;
};

std::uint64_t stable_of(const Node& node, std::string_view scope) {
  for (const ScopeStatus& status : node.status().scopes)
    if (status.scope == scope) return status.stable;
  return 0;
}

TEST_F(Links, ALocalOnlyStreamDoesNotLeave) {
  auto hub = open_hub();
  auto node = open_node();
  node.link(to_hub()).value();
  node.flush(20s).value();
  // when: it is opened while the link is up
  auto diary = node.stream("diary", {.columns = {{"text", text}}, .local_only = true});
  diary.append({"dear diary"}).value();
  node.stream("public", {.columns = {{"text", text}}}).append({"hello"}).value();
  node.flush(20s).value();
  // then
  std::set<std::string> at_hub;
  for (const ScopeStatus& scope : hub.status().scopes) at_hub.insert(scope.scope);
  EXPECT_EQ(at_hub, std::set<std::string>{"public"});
  EXPECT_EQ(diary.counts().value().produced, 1u);
  EXPECT_EQ(diary.counts().value().delivered, 1u) << "where it is to go it is";
  EXPECT_EQ(diary.counts().value().pending, 0u);
}

TEST_F(Links, WhetherAStreamIsLocalOnlyIsDecidedOnce) {
  auto node = open_node();
  node.stream("diary", {.columns = {{"text", text}}, .local_only = true}).append({"x"}).value();
  EXPECT_TRUE(node.stream("diary", {.columns = {{"text", text}}}).append({"x"}).error().is(Errc::type_mismatch));
  EXPECT_TRUE(node.stream("new", {.local_only = true}).append({"x"}).error().is(Errc::invalid_argument));
  EXPECT_TRUE(node.stream("diary").append({"x"}));
}

TEST_F(Links, ANodeDoesNotGetARelaysScopesThatStayThere) {
  auto hub = open_hub();
  hub.stream("diary", {.columns = {{"text", text}}, .local_only = true}).append({"x"}).value();
  auto node = open_node();
  Witness witness;
  const auto events = node.on_event([&](const Event& event) {
    if (event.kind == EventKind::rejected) witness.saw(event.scope);
  });
  node.stream("diary", {.columns = {{"text", text}}}).append({"mine"}).value();
  node.link(to_hub()).value();
  EXPECT_TRUE(witness.waits_for("diary"));
}

TEST_F(Links, OnlyTheRootMakesThingsStable) {
  const auto above = make_loopback(), below = make_loopback();
  auto relay = open_other("relay", below, true);
  auto node = open_node();
  auto telemetry = node.stream("telemetry", {.columns = {{"n", i64}}});
  telemetry.append({1}).value();
  node.link(to(below)).value();
  ASSERT_TRUE(node.flush(20s));
  // then: the relay has it, and it has not been linked to anything yet
  EXPECT_EQ(stable_of(node, "telemetry"), 0u);
  EXPECT_EQ(telemetry.read(1, 10).value().records.size(), 1u);
  // when
  Witness witness;
  const auto events = node.on_event([&](const Event& event) { witness.saw(name(event.kind)); });
  auto root = open_other("root", above);
  relay.link(to(above)).value();
  // then
  EXPECT_TRUE(witness.waits_for("stable"));
  EXPECT_EQ(stable_of(node, "telemetry"), 1u);
}

TEST_F(Links, ARootLinksToNobody) {
  auto root = open_other("root", make_loopback());
  EXPECT_TRUE(root.link(to_hub()).error().is(Errc::invalid_argument));
}

TEST_F(Links, ASecondLinkReplacesTheFirstForGood) {
  const auto at_a = make_loopback(), at_b = make_loopback();
  auto a = open_other("a", at_a), b = open_other("b", at_b);
  std::atomic<int> linked = 0;
  const auto events = b.on_event([&](const Event& event) { linked += event.kind == EventKind::linked ? 1 : 0; });
  auto node = open_node();
  auto twin = node.state("twin");
  constexpr int rounds = 20;
  for (int round = 0; round < rounds; ++round) {
    node.link(to(at_a, "for a")).value();
    if (round % 2 == 0) node.flush(20s).value();
    node.link(to(at_b, "for b")).value();
    // Long enough for another attempt, if one were made: the pauses between attempts are 20 ms at most.
    for (int i = 0; i < 20; ++i) {
      twin.set("n", i).value();
      ASSERT_TRUE(node.flush(20s));
    }
    node.unlink();
    while (b.status().peers > 0) twin.set("n", -1).value();
  }
  EXPECT_EQ(linked, rounds);
  while (a.status().peers > 0) twin.set("n", -2).value();
  EXPECT_EQ(shown(), (std::set<std::string>{"a: for a", "b: for b"}));
}

TEST_F(Links, DurationsThatMakeNoSenseAreRefused) {
  auto node = open_node();
  for (const auto beat : {0ms, -1ms, std::chrono::milliseconds::max()}) {
    auto options = to_hub();
    options.heartbeat = beat;
    EXPECT_TRUE(node.link(std::move(options)).error().is(Errc::invalid_argument));
  }
  auto options = to_hub();
  options.backoff_max = 0ms;
  EXPECT_TRUE(node.link(std::move(options)).error().is(Errc::invalid_argument));
}

}  // namespace
}  // namespace edgesync
