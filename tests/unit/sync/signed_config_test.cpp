// SPDX-License-Identifier: Apache-2.0
// What a node makes of signed versions over time: clocks, restarts, roots that change while a version waits.
#include "pair.hpp"
#include "unit/config/samples.hpp"
#include "unit/config/signers.hpp"

namespace edgesync::sync {
namespace {

using namespace std::chrono_literals;

const config::HashVerifier verifier;

class SignedVersions : public Pair {
 protected:
  SignedVersions() {
    adjust_node = [](EngineOptions& options) {
      options.config_root = config::sample_root();
      options.verifier = &verifier;
    };
    restart_node();
  }
  void restart_node() {
    node.reset();
    node = std::make_unique<Side>(path(Role::node), Role::node, 2, limits, false, adjust_node);
    node->engine->tick(now);
    scope = node->open(Plane::config, "plant-7");
  }

  static config::Release version(std::uint64_t number, int limit) {
    return config::release_of({{"limit", limit}}, number);
  }
  static config::Release sign(config::Release release, std::initializer_list<unsigned> signers = {2}) {
    release.manifest = config::signed_by(release.manifest, signers);
    return release;
  }
  /// As if a hub had written it: whatever it is.
  void offer(std::string_view key, const Bytes& value) {
    const Edit edit = Edit().set(std::string(key), value);
    node->store->commit(scope, edit.ops(), now.wall).value();
    work();
  }
  void offer(const config::Release& release) { offer(release_key, release.encode()); }
  void work() {
    while (node->commit()) {
    }
  }
  void pass(std::chrono::seconds time) {
    now.wall += time;
    now.monotonic += time;
    node->engine->tick(now);
    work();
  }
  std::uint64_t active() const { return node->engine->config().active(scope).number; }
  std::vector<std::string> told() {
    std::vector<std::string> all;
    for (const Event& event : node->engine->take_events())
      if (event.kind == EventKind::rejected || event.kind == EventKind::stale)
        all.push_back(std::to_string(event.version.number) + " " + name(static_cast<Errc>(event.error.code.value())));
    return all;
  }

  store::ScopeId scope{};
};

using Told = std::vector<std::string>;

TEST_F(SignedVersions, AreTakenWhenTheirTimeComes) {
  config::Release later = version(1, 10);
  later.manifest.not_before = now.wall + 1h;
  offer(sign(later));
  EXPECT_EQ(active(), 0u);
  EXPECT_TRUE(node->engine->config().refused(scope)->is(Errc::not_in_force));
  EXPECT_EQ(told(), Told{}) << "nothing is wrong with waiting";
  for (int minute = 0; minute < 59; ++minute) pass(60s);
  EXPECT_EQ(active(), 0u);
  EXPECT_LE(node->engine->config().deadline(), now.monotonic + 60s);
  pass(60s);
  EXPECT_EQ(active(), 1u);
  EXPECT_FALSE(node->engine->config().refused(scope));
}

TEST_F(SignedVersions, ThatExpireStayActiveAndSaySoOnce) {
  config::Release brief = version(1, 10);
  brief.manifest.expires = now.wall + 1h;
  offer(sign(brief));
  ASSERT_EQ(active(), 1u);
  pass(59min);
  EXPECT_EQ(told(), Told{});
  pass(1min);
  pass(1h);
  EXPECT_EQ(told(), Told{"1 not_in_force"});
  EXPECT_EQ(active(), 1u);
  EXPECT_EQ(node->engine->config().active_content(scope)->at("limit"), Value(10));
  EXPECT_TRUE(node->engine->config().refused(scope)->is(Errc::not_in_force));
  restart_node();
  work();
  EXPECT_EQ(active(), 1u) << "a restart does not stop the device either";
  pass(1s);
  EXPECT_EQ(told(), Told{"1 not_in_force"});
  offer(sign(version(2, 20)));
  EXPECT_EQ(active(), 2u);
  EXPECT_FALSE(node->engine->config().refused(scope));
}

TEST_F(SignedVersions, RefusedByAClockThatIsSetLaterAreTakenThen) {
  config::Release brief = version(1, 10);
  brief.manifest.expires = now.wall + 1h;
  const Now right = now;
  pass(24h * 365);
  offer(sign(brief));
  EXPECT_EQ(active(), 0u);
  EXPECT_EQ(told(), Told{"1 not_in_force"});
  now.wall = right.wall;
  pass(60s);
  EXPECT_EQ(active(), 1u);
}

TEST_F(SignedVersions, OfOneNumberAreAllRefusedIfTheyComeTogether) {
  const auto commit_at = [&](Side& side, store::ScopeId id, const config::Release& release) {
    const Edit edit = Edit().set(release_key, release.encode());
    side.store->commit(id, edit.ops(), now.wall).value();
    side.commit();
  };
  offer(sign(version(1, 10)));
  connect();
  settle();
  disconnect();
  const auto at_hub = *hub->store->find_scope(Plane::config, "plant-7");
  commit_at(*hub, at_hub, sign(version(2, 20)));
  auto other = std::make_unique<Side>(file("other.db"), Role::node, 3);
  commit_at(*other, other->open(Plane::config, "plant-7"), sign(version(2, 21)));
  std::swap(node, other);  // its version meets the hub's there, as a concurrent one
  connect();
  settle();
  disconnect();
  std::swap(node, other);
  connect();
  settle();
  EXPECT_EQ(active(), 1u);
  EXPECT_EQ(told(), (Told{"2 equivocation", "2 equivocation"}));
  commit_at(*hub, at_hub, sign(version(3, 30)));
  settle();
  EXPECT_EQ(active(), 3u);
}

TEST_F(SignedVersions, WhatWasSeenIsRememberedOverARestart) {
  node->verdict = Verdict::reject;
  offer(sign(version(5, 50)));
  EXPECT_EQ(active(), 0u);
  node->verdict = Verdict::healthy;
  restart_node();
  told();
  offer(sign(version(4, 40)));
  EXPECT_EQ(active(), 0u);
  EXPECT_EQ(told(), Told{"4 outdated"});
  offer(sign(version(6, 60)));
  EXPECT_EQ(active(), 6u);
}

TEST_F(SignedVersions, ThatWaitFallWithTheirKeys) {
  node->verdict = Verdict::hold;
  offer(sign(version(1, 10), {2}));
  ASSERT_EQ(node->store->versions(scope)->size(), 1u);
  config::Root next = config::sample_root(2);
  next.scopes["plant-7"] = config::group(1, {3});
  next.signatures.clear();
  offer("root/2", config::signed_by(next, {9}).encode());
  EXPECT_EQ(node->engine->config().gate().root()->version, 2u);
  EXPECT_TRUE(node->store->versions(scope)->empty());
  node->verdict = Verdict::healthy;
  restart_node();
  work();
  EXPECT_EQ(node->engine->config().gate().root()->version, 2u);
  EXPECT_EQ(active(), 0u);
  offer(sign(version(1, 10), {3}));
  EXPECT_EQ(active(), 1u) << "the same version, signed again";
}

TEST_F(SignedVersions, StagedBeforeThereWasARootAreNotAskedAbout) {
  adjust_node = {};
  restart_node();
  node->verdict = Verdict::hold;
  offer(version(1, 10));
  adjust_node = [](EngineOptions& options) {
    options.config_root = config::sample_root();
    options.verifier = &verifier;
  };
  restart_node();
  work();
  EXPECT_EQ(active(), 0u);
  EXPECT_EQ(told(), Told{"1 not_signed"});
}

TEST_F(SignedVersions, RootsAreFollowedOneByOne) {
  offer("root/4", config::sample_root(4).encode());
  EXPECT_EQ(node->engine->config().gate().root()->version, 1u);
  offer("root/2", config::sample_root(2).encode());
  EXPECT_EQ(node->engine->config().gate().root()->version, 2u);
  offer("root/3", config::sample_root(3).encode());
  EXPECT_EQ(node->engine->config().gate().root()->version, 4u);
}

TEST_F(SignedVersions, GivingAScopeUpDoesNotForgetWhatWasSeen) {
  const auto at_hub = hub->open(Plane::config, "plant-7");
  const auto publish = [&](const config::Release& release) {
    const Edit edit = Edit().set(release_key, release.encode());
    hub->store->commit(at_hub, edit.ops(), now.wall).value();
    settle();
  };
  connect();
  publish(sign(version(5, 50)));
  ASSERT_EQ(active(), 5u);
  node->engine->scope_given_up(scope);
  node->store->give_up(scope);
  node->commit();
  disconnect();
  connect();
  settle();
  publish(sign(version(4, 40)));
  scope = node->open(Plane::config, "plant-7");
  settle();
  EXPECT_EQ(active(), 0u);
  EXPECT_EQ(told(), Told{"4 outdated"});
  publish(sign(version(6, 60)));
  EXPECT_EQ(active(), 6u);
}

TEST_F(SignedVersions, OnTrialKeepTheirCountOfStartsWhateverElseArrives) {
  adjust_node = [adjust = adjust_node](EngineOptions& options) {
    adjust(options);
    options.versions = {.health_window = 1h, .starts_max = 3};
  };
  restart_node();
  offer(sign(version(1, 10)));
  node->engine->config().confirm(scope).value();
  work();
  offer(sign(version(2, 20)));
  for (std::uint64_t start = 1; start <= 2; ++start) {
    restart_node();
    work();
    ASSERT_EQ(active(), 2u);
    offer(sign(version(2 + start, 30)));  // waits for the end of the trial
  }
  node->verdict = Verdict::hold;
  restart_node();
  node->verdict = Verdict::hold;
  work();
  EXPECT_EQ(active(), 1u) << "the third start is one too many";
}

TEST_F(SignedVersions, ThatFailDoNotBringBackWhatTheyRevoked) {
  adjust_node = [adjust = adjust_node](EngineOptions& options) {
    adjust(options);
    options.versions = {.health_window = 1h};
  };
  restart_node();
  ConfigPlane* plane = &node->engine->config();
  for (const int number : {1, 2, 3}) {
    offer(sign(version(static_cast<std::uint64_t>(number), 10 * number)));
    plane->confirm(scope, static_cast<std::uint64_t>(number)).value();
    work();
  }
  plane->rollback(scope, 1, "by hand").value();
  work();
  config::Release last = version(4, 40);
  last.manifest.floor = 2;
  offer(sign(last));
  restart_node();
  work();
  plane = &node->engine->config();
  ASSERT_EQ(active(), 4u);
  EXPECT_TRUE(plane->fail(scope, 2, "another one").error().is(Errc::not_found));
  plane->fail(scope, 4, "it stutters").value();
  work();
  EXPECT_EQ(active(), 2u);
  EXPECT_TRUE(plane->rollback(scope, 1, "by hand").error().is(Errc::rejected));
}

TEST_F(SignedVersions, LeaveATraceOfWhenTheyWereInUseAndWhy) {
  for (const int number : {1, 2}) {
    offer(sign(version(static_cast<std::uint64_t>(number), 10 * number)));
    pass(1h);
  }
  node->engine->config().rollback(scope, 1, "by hand").value();
  work();
  restart_node();
  work();
  const config::Uses& uses = node->engine->config().uses(scope);
  ASSERT_EQ(uses.all().size(), 3U) << "a restart is no other version";
  EXPECT_EQ(uses.at(now.wall)->reason, "by hand");
  EXPECT_EQ(uses.at(now.wall - 30min)->version.number, 2u);
  EXPECT_EQ(uses.at(now.wall - 90min)->version.number, 1u);
  EXPECT_EQ(uses.all()[0].signed_by.size(), 1U);
}

TEST_F(SignedVersions, ThatAreMarkedStayWhateverRoomThereIs) {
  adjust_node = [adjust = adjust_node](EngineOptions& options) {
    adjust(options);
    options.versions = {.kept = 3};
  };
  restart_node();
  offer(sign(version(1, 10)));
  node->engine->config().tag(scope, 1, "golden").value();
  offer(sign(version(2, 20)));
  node->engine->config().pin(scope, 2, true).value();
  work();
  restart_node();
  for (std::uint64_t number = 3; number <= 12; ++number) offer(sign(version(number, static_cast<int>(number))));
  EXPECT_TRUE(node->engine->config().tag(scope, 5, "gone").error().is(Errc::not_found));
  const auto golden = node->engine->config().marks(scope).tagged("golden");
  ASSERT_TRUE(golden);
  EXPECT_EQ(golden->first, 1u);
  node->engine->config().rollback(scope, golden->first, "by hand").value();
  work();
  EXPECT_EQ(node->engine->config().active_content(scope)->at("limit"), Value(10));
  EXPECT_TRUE(node->engine->config().release(scope, 2));
}

TEST_F(SignedVersions, BeyondTheirBytesGoOneByOne) {
  adjust_node = [adjust = adjust_node](EngineOptions& options) {
    adjust(options);
    options.versions = {.bytes_max = 100'000};
  };
  restart_node();
  Xoshiro random(1);
  for (std::uint64_t number = 1; number <= 20; ++number) {
    Bytes noise(20'000);
    for (std::byte& byte : noise) byte = static_cast<std::byte>(random.next());
    offer(sign(config::release_of({{"limit", noise}}, number)));
    EXPECT_LE(node->store->versions_bytes(scope).value(), 100'000u) << number;
  }
  EXPECT_EQ(active(), 20u);
  EXPECT_EQ(node->engine->config().last_good(scope).number, 19u);
}

}  // namespace
}  // namespace edgesync::sync
