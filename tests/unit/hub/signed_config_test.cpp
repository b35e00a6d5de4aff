// SPDX-License-Identifier: Apache-2.0
// Signed config over a socket, from a hub that writes what it likes into the scope: it carries versions and cannot
// author one. Each of its attempts is told by its own error, changes nothing, and is forgotten with the next good one.
#include "fleet.hpp"

#include "config/manifest.hpp"
#include "node/core.hpp"

namespace edgesync {
namespace {

using Content = std::map<std::string, Value>;

/// A hub whose master writes past all calls.
class EvilHub : public Hub {
 public:
  explicit EvilHub(Hub&& hub) : Hub(std::move(hub)) {}

  void put(std::string_view key, const Bytes& value) {
    config("plant-7");
    auto lock = core_->lock_idle().value();
    const Edit edit = Edit().set(std::string(key), value);
    const auto scope = *core_->store().find_scope(Plane::config, "plant-7");
    const auto committed = core_->store().commit(scope, edit.ops(), core_->time()).value();
    core_->settle(lock, committed.ticket).value();
  }
};

Timestamp now() {
  return std::chrono::time_point_cast<Timestamp::duration>(
      Timestamp(std::chrono::duration_cast<Timestamp::duration>(std::chrono::system_clock::now().time_since_epoch())));
}

class SignedConfig : public Fleet {
 protected:
  EvilHub open_evil() {
    HubOptions options;
    options.node = {.database = file("hub.db"), .name = "hub"};
    options.address = "127.0.0.1";
    options.port = 0;
    options.insecure = true;
    options.authorize.connect = [](const Credentials&) { return true; };
    options.authorize.scope = [](const Credentials&, Plane, std::string_view) { return Access::read; };
    return EvilHub(Hub::open(std::move(options)).value());
  }

  /// Keeps what the node says of versions in `witness`, as "activated 3" and "rejected 4 outdated".
  Node open_guarded(const Bytes& root) {
    Node node = Node::open({.database = file("node.db"), .name = "node", .config_root = root}).value();
    events_.push_back(node.on_event([this](const Event& event) {
      const std::string what = std::string(name(event.kind)) + " " + std::to_string(event.version.number);
      if (event.kind == EventKind::activated) witness.saw(what);
      if (event.kind == EventKind::rejected)
        witness.saw(what + " " + name(static_cast<Errc>(event.error.code.value())));
    }));
    return node;
  }
  void link(Node& node, const Hub& hub) {
    LinkOptions options;
    options.url = "ws://127.0.0.1:" + std::to_string(hub.port());
    options.insecure = true;
    options.backoff_min = 1ms;
    options.backoff_max = 20ms;
    node.link(std::move(options)).value();
  }

  Bytes root(std::uint64_t version, const SigningKey& author, std::vector<SigningKey> signers) const {
    RootDraft draft;
    draft.version = version;
    draft.root = {1, {signers.back().id()}};
    draft.scopes = {{"plant-7", {1, {author.id()}}}, {"plant-8", {1, {author.id()}}}};
    Bytes document = make_root(draft).value();
    for (const SigningKey& signer : signers) document = sign(document, signer).value();
    return document;
  }
  ReleaseDraft draft(std::uint64_t number, int limit) const {
    ReleaseDraft made;
    made.scope = "plant-7";
    made.number = number;
    made.content = {{"limit", limit}};
    made.at = now();
    return made;
  }
  Bytes release(const ReleaseDraft& draft) const { return sign(make_release(draft).value(), publisher).value(); }

  const SigningKey master = SigningKey::generate().value();
  const SigningKey publisher = SigningKey::generate().value();
  Witness witness;
  std::vector<Subscription> events_;
};

class EvilHubs : public SignedConfig {
 protected:
  /// `evil` is never active, is told as `alarm`, and version 9 goes through afterwards.
  void expect_refused(const Bytes& evil, const std::string& alarm, Errc why, const Bytes& before = {}) {
    Node node = open_guarded(root(1, publisher, {master}));
    Config config = node.config("plant-7");
    EvilHub hub = open_evil();
    link(node, hub);
    if (!before.empty()) {
      hub.put("release", before);
      ASSERT_TRUE(witness.waits_for("activated 2"));
    }
    hub.config("plant-7").publish_signed(release(draft(3, 30))).value();
    ASSERT_TRUE(witness.waits_for("activated 3"));

    hub.put("release", evil);
    ASSERT_TRUE(witness.waits_for("rejected " + alarm)) << testing::PrintToString(witness.seen());
    EXPECT_EQ(config.active().number, 3u);
    EXPECT_EQ(config.get("limit").value(), Value(30));
    ASSERT_TRUE(node.status().scopes.at(0).version_refused);
    EXPECT_TRUE(node.status().scopes.at(0).version_refused->is(why));
    EXPECT_EQ(config.history().value().size(), before.empty() ? 1u : 2u) << "it left no trace";

    hub.put("release", release(draft(9, 90)));
    ASSERT_TRUE(witness.waits_for("activated 9"));
    EXPECT_EQ(config.get("limit").value(), Value(90));
    EXPECT_FALSE(node.status().scopes.at(0).version_refused);
    for (const std::string& seen : witness.seen()) EXPECT_TRUE(seen.find("activated 4") == std::string::npos);
    node.close();
    hub.close();
  }
};

TEST_F(SignedConfig, ARolloutIsProvedLikeAnyVersionAndItsEndIsNoAlarm) {
  Node node = open_guarded(root(1, publisher, {master}));
  Config config = node.config("plant-7");
  EvilHub hub = open_evil();
  const RolloutController controller = RolloutController::start(hub).value();
  link(node, hub);
  hub.config("plant-7").publish_signed(release(draft(3, 30))).value();
  ASSERT_TRUE(witness.waits_for("activated 3"));
  Rollout rollout = hub.config("plant-7").rollout();
  const RolloutPlan all{{{.gate = {.approval = true}}}}, others{{{.labels = {{"pool", "other"}}}, {}}};
  rollout.publish_signed(release(draft(4, 40)), all).value();
  ASSERT_TRUE(witness.waits_for("activated 4"));
  rollout.abort().value();
  rollout = hub.config("plant-7").rollout();
  EXPECT_TRUE(rollout.publish_signed(release(draft(4, 41)), others).error().is(Errc::outdated));
  rollout.publish_signed(release(draft(5, 50)), others).value();
  rollout.publish_tree({{"limit", 60}}, all).value();  // by a hub that has no key
  ASSERT_TRUE(witness.waits_for("rejected 6 not_signed"));
  hub.config("plant-7").publish_signed(release(draft(7, 70))).value();
  ASSERT_TRUE(witness.waits_for("activated 7"));
  for (const std::string& seen : witness.seen()) {
    EXPECT_EQ(seen.find("outdated"), std::string::npos) << "4 was here, and 3 is right all the same";
    EXPECT_EQ(seen.find("activated 5") + seen.find("activated 6"), 2 * std::string::npos);
  }
  node.close();
  hub.close();
}

TEST_F(EvilHubs, CannotPublishUnsigned) {
  expect_refused(make_release(draft(4, 40)).value(), "4 not_signed", Errc::not_signed);
}

TEST_F(EvilHubs, CannotSignWithAKeyOfTheirOwn) {
  const SigningKey own = SigningKey::generate().value();
  expect_refused(sign(make_release(draft(4, 40)).value(), own).value(), "4 not_signed", Errc::not_signed);
}

TEST_F(EvilHubs, CannotAlterTheManifest) {
  config::Release altered = config::Release::decode(release(draft(4, 40))).value();
  altered.manifest.note = "innocent";
  expect_refused(altered.encode(), "4 untrusted", Errc::untrusted);
}

TEST_F(EvilHubs, CannotAlterTheContent) {
  config::Release altered = config::Release::decode(release(draft(4, 40))).value();
  altered.content = config::canonical({{"limit", 41}});
  expect_refused(altered.encode(), "4 untrusted", Errc::untrusted);
}

TEST_F(EvilHubs, CannotAlterABit) {
  Bytes altered = release(draft(4, 40));
  altered[altered.size() / 2] ^= std::byte{1};
  expect_refused(altered, "0 untrusted", Errc::untrusted);
}

TEST_F(EvilHubs, CannotGoBackToAnOlderVersion) { expect_refused(release(draft(2, 20)), "2 outdated", Errc::outdated); }

TEST_F(EvilHubs, CannotGoBackToAVersionThatWasActive) {
  const Bytes older = release(draft(2, 20));
  expect_refused(older, "2 outdated", Errc::outdated, older);
}

TEST_F(EvilHubs, CannotOfferAnExpiredVersion) {
  ReleaseDraft expired = draft(4, 40);
  expired.expires = now() - std::chrono::hours(1);
  expect_refused(release(expired), "4 not_in_force", Errc::not_in_force);
}

TEST_F(EvilHubs, CannotPassOnAVersionOfAnotherScope) {
  ReleaseDraft other = draft(4, 40);
  other.scope = "plant-8";
  expect_refused(release(other), "4 forbidden", Errc::forbidden);
}

TEST_F(EvilHubs, CannotShowOneNumberWithTwoContents) {
  expect_refused(release(draft(3, 31)), "3 equivocation", Errc::equivocation);
}

TEST_F(SignedConfig, NewKeysReplaceOldOnes) {
  Node node = open_guarded(root(1, publisher, {master}));
  node.config("plant-7");
  EvilHub hub = open_evil();
  link(node, hub);
  const SigningKey later = SigningKey::generate().value(), master_2 = SigningKey::generate().value();
  hub.put("root/2", root(2, later, {master_2}));  // the hub's own idea of who may publish
  hub.put("release", sign(make_release(draft(1, 10)).value(), later).value());
  ASSERT_TRUE(witness.waits_for("rejected 1 not_signed"));

  hub.put("root/2", root(2, later, {master, master_2}));
  ASSERT_TRUE(witness.waits_for("activated 1"));
  hub.put("release", release(draft(2, 20)));
  ASSERT_TRUE(witness.waits_for("rejected 2 not_signed")) << "the former publisher's time is over";

  node.close();
  events_.clear();
  node = open_guarded(root(1, publisher, {master}));
  link(node, hub);
  hub.put("release", release(draft(3, 30)));
  ASSERT_TRUE(witness.waits_for("rejected 3 not_signed")) << "a restart does not go back to the first root";
  hub.put("release", sign(make_release(draft(4, 40)).value(), later).value());
  ASSERT_TRUE(witness.waits_for("activated 4"));
  node.close();
}

TEST_F(SignedConfig, CarriersNeedNoKeysAndAuthorsDo) {
  Node node = open_guarded(root(1, publisher, {master}));
  Config config = node.config("plant-7");
  EXPECT_TRUE(config.publish_tree({{"limit", 1}}).error().is(Errc::not_signed));
  EXPECT_TRUE(config.publish_signed(make_release(draft(1, 1)).value()).error().is(Errc::not_signed));
  EXPECT_TRUE(config.publish_signed(Bytes(100)).error().is(Errc::invalid_argument));
  EXPECT_EQ(config.publish_signed(release(draft(1, 1))).value().number, 1u);
  ASSERT_TRUE(witness.waits_for("activated 1"));
  EXPECT_EQ(config.publish_signed(release(draft(2, 2))).value().number, 2u);
  ASSERT_TRUE(witness.waits_for("activated 2"));
  EXPECT_TRUE(config.publish_signed(release(draft(1, 1))).error().is(Errc::outdated));
  EXPECT_EQ(config.rollback(1).value().number, 1u) << "the way back needs nobody's signature";
  ReleaseDraft revoking = draft(3, 3);
  revoking.floor = 2;
  EXPECT_EQ(config.publish_signed(release(revoking)).value().number, 3u);
  ASSERT_TRUE(witness.waits_for("activated 3"));
  EXPECT_TRUE(config.rollback(1).error().is(Errc::rejected));
  EXPECT_EQ(config.rollback(2).value().number, 2u);
}

TEST_F(SignedConfig, ARootMustBeWhole) {
  RootDraft nobody;
  nobody.root = {1, {master.id()}};
  EXPECT_TRUE(Node::open({.database = file("a.db"), .config_root = make_root(nobody).value()})
                  .error()
                  .is(Errc::invalid_argument));
  EXPECT_TRUE(Node::open({.database = file("a.db"), .config_root = Bytes(9)}).error().is(Errc::invalid_argument));
}

TEST_F(SignedConfig, DocumentsTellWhatTheySay) {
  ReleaseDraft made = draft(7, 70);
  made.note = "by hand";
  made.floor = 3;
  made.expires = now() + std::chrono::hours(1);
  made.min_library = "0.1.0";
  made.signers = {publisher.id()};
  const ReleaseView view = read_release(release(made)).value();
  EXPECT_EQ(view.version.number, 7u);
  EXPECT_EQ(view.draft.content, made.content);
  EXPECT_EQ(view.draft.expires, made.expires);
  EXPECT_EQ(view.signed_by, std::vector{publisher.id()});
  const RootView shown = read_root(root(1, publisher, {master})).value();
  EXPECT_EQ(shown.signed_by, std::vector{master.id()});
  EXPECT_EQ(shown.draft.scopes.at("plant-7").keys, std::vector{publisher.id()});
  EXPECT_TRUE(sign(Bytes(50), master).error().is(Errc::invalid_argument));
  EXPECT_TRUE(read_release(root(1, publisher, {master})).error().is(Errc::invalid_argument));
}

}  // namespace
}  // namespace edgesync
