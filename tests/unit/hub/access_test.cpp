// SPDX-License-Identifier: Apache-2.0
// A hub that goes by its access list: who is let in with which key, what a change of the list does to links that are
// up.
#include "fleet.hpp"
#include "unit/transport/certificates.hpp"

namespace edgesync {
namespace {

class Guarded : public Fleet {
 protected:
  Hub open_guarded(const std::string& name = "hub", bool relay = false, std::shared_ptr<Loopback> at = nullptr) {
    HubOptions options;
    options.node = {.database = file(name + ".db"), .name = name};
    options.loopback = at ? at : loopback_;
    options.access = true;
    options.relay = relay;
    options.authorize.connect = [](const Credentials& shown) { return shown.token == "operator"; };
    options.authorize.scope = [](const Credentials&, Plane, std::string_view) { return Access::read_write; };
    return Hub::open(std::move(options)).value();
  }
  LinkOptions with(const SigningKey& key, std::string token = {}) {
    LinkOptions options = to_hub(std::move(token));
    options.key = key;
    return options;
  }
  /// Of the node's link, once the hub has said no.
  static bool is_refused(Node& node, LinkOptions options) {
    const auto witness = std::make_shared<Witness>();
    const Subscription events = node.on_event([witness](const Event& event) {
      const bool own = event.error.is(Errc::cancelled);  // the unlink() of an earlier link
      if (event.kind == EventKind::linked || (event.kind == EventKind::unlinked && !own))
        witness->saw(std::string(name(event.kind)) + " " + event.error.detail);
    });
    node.link(std::move(options)).value();
    witness->waits_for_more_than(0, 20s);
    const auto seen = witness->seen();
    const bool refused = !seen.empty() && seen[0] == "unlinked the peer said: the key was refused";
    EXPECT_TRUE(refused || seen == std::vector<std::string>{"linked "}) << (seen.empty() ? "nothing" : seen[0]);
    node.unlink();
    return refused;
  }
  /// The same of what was taken away just now: the hub may let it in before it has followed its list, and ends the link
  /// once it has.
  static bool is_refused_soon(Node& node, LinkOptions options) {
    const auto witness = std::make_shared<Witness>();
    const Subscription events = node.on_event([witness](const Event& event) { witness->saw(event.error.detail); });
    node.link(std::move(options)).value();
    const bool refused = witness->waits_for("the peer said: the key was refused");
    node.unlink();
    return refused;
  }
  static Timestamp soon() {
    return std::chrono::time_point_cast<Timestamp::duration>(std::chrono::system_clock::now()) + 1h;
  }
  static void allow(AccessList& list) {
    list.allow("gateway", {Access::read_write, {}, "plant/{name}/*"}).value();
    list.allow("gateway", {Access::read, Plane::state, "notice"}).value();
  }

  const SigningKey key_ = SigningKey::generate().value(), other_key_ = SigningKey::generate().value();
};

TEST_F(Guarded, ADeviceWithItsKeyDoesWhatItsRoleAllows) {
  auto hub = open_guarded();
  AccessList list(hub);
  allow(list);
  list.enroll({"gw-1", {"gateway"}}, key_.id()).value();
  auto node = open_node("gw-1");
  node.state("plant/gw-1/twin").set("a", 1).value();
  auto refused = std::make_shared<Witness>();
  const Subscription events = node.on_event([refused](const Event& event) {
    if (event.kind == EventKind::rejected) refused->saw(event.scope + " " + event.error.detail);
  });
  node.state("plant/gw-2/twin");
  node.link(with(key_)).value();
  EXPECT_TRUE(refused->waits_for("plant/gw-2/twin plant/gw-2/twin: not allowed"));
  auto notice = node.state("notice");
  const auto seen = std::make_shared<Witness>();
  const Subscription changes = notice.on_change({}, [seen](const Change& change) { seen->saw(change.key); });
  hub.state("notice").set("text", "hello").value();
  EXPECT_TRUE(seen->waits_for("text"));
  EXPECT_EQ(hub.state("plant/gw-1/twin").get("a").value(), Value(1));
}

TEST_F(Guarded, KeysOfNobodyAndOfOthersAreRefused) {
  auto hub = open_guarded();
  AccessList list(hub);
  allow(list);
  list.enroll({"gw-1", {"gateway"}}, key_.id()).value();
  list.enroll({"gw-2", {"gateway"}}, other_key_.id()).value();
  auto node = open_node("gw-1");
  EXPECT_TRUE(is_refused(node, with(SigningKey::generate().value())));
  EXPECT_TRUE(is_refused(node, with(other_key_)));
  EXPECT_FALSE(is_refused(node, with(key_)));
}

TEST_F(Guarded, AClaimLetsOneKeyIn) {
  std::string code;
  {
    auto hub = open_guarded();
    AccessList list(hub);
    allow(list);
    code = list.claim({"gw-1", {"gateway"}}, soon()).value();
    auto node = open_node("gw-1");
    node.state("plant/gw-1/twin").set("a", 1).value();
    node.link(with(key_, code)).value();
    node.flush(20s).value();
    auto thief = Node::open({.database = file("thief.db"), .name = "gw-1"}).value();
    EXPECT_TRUE(is_refused(thief, with(other_key_, code)));
  }
  auto hub = open_guarded();
  auto node = open_node("gw-1");
  EXPECT_FALSE(is_refused(node, with(key_)));
  auto thief = Node::open({.database = file("thief.db"), .name = "gw-1"}).value();
  EXPECT_TRUE(is_refused(thief, with(other_key_, code)));
  const auto devices = AccessList(hub).devices().value();
  ASSERT_EQ(devices.size(), 1U);
  EXPECT_EQ(devices[0].keys, std::vector<std::string>{key_.id()});
}

TEST_F(Guarded, AClaimEndsWithItsTime) {
  auto hub = open_guarded();
  AccessList list(hub);
  allow(list);
  const std::string late = list.claim({"gw-1", {"gateway"}}, soon() - 2h).value();
  auto node = open_node("gw-1");
  EXPECT_TRUE(is_refused(node, with(key_, late)));
}

TEST_F(Guarded, RevocationEndsTheLinkThatIsUp) {
  auto hub = open_guarded();
  AccessList list(hub);
  allow(list);
  list.enroll({"gw-1", {"gateway"}}, key_.id()).value();
  list.enroll({"gw-2", {"gateway"}}, other_key_.id()).value();
  auto node = open_node("gw-1"), other = open_node("gw-2");
  const auto witness = std::make_shared<Witness>();
  const Subscription events = node.on_event([witness](const Event& event) {
    if (event.kind == EventKind::unlinked) witness->saw(event.error.detail);
  });
  std::atomic<int> others{0};
  const Subscription undisturbed =
      other.on_event([&](const Event& event) { others += event.kind == EventKind::unlinked; });
  node.state("plant/gw-1/twin").set("a", 1).value();
  other.state("plant/gw-2/twin").set("a", 1).value();
  node.link(with(key_)).value();
  other.link(with(other_key_)).value();
  node.flush(20s).value();
  other.flush(20s).value();

  list.revoke("gw-1", "stolen").value();

  EXPECT_TRUE(witness->waits_for("the peer said: access was withdrawn", 5s));
  EXPECT_TRUE(witness->waits_for("the peer said: the key was refused"));
  EXPECT_EQ(others, 0);
  EXPECT_EQ(list.revoked().value(), (std::map<std::string, std::string>{{key_.id(), "stolen"}}));
  const auto again = list.enroll({"gw-1", {"gateway"}}, key_.id());
  ASSERT_FALSE(again);
  EXPECT_TRUE(again.error().is(Errc::forbidden));
  node.unlink();
}

TEST_F(Guarded, AnotherKeyTakesOverWithoutAGap) {
  auto hub = open_guarded();
  AccessList list(hub);
  allow(list);
  list.enroll({"gw-1", {"gateway"}}, key_.id()).value();
  list.enroll({"gw-1", {"gateway"}}, other_key_.id()).value();
  auto node = open_node("gw-1");
  EXPECT_FALSE(is_refused(node, with(key_)));
  node.state("plant/gw-1/twin").set("a", 1).value();
  std::atomic<int> unlinked{0};
  const Subscription events = node.on_event([&](const Event& event) { unlinked += event.kind == EventKind::unlinked; });
  node.link(with(other_key_)).value();
  node.flush(20s).value();
  const SigningKey third = SigningKey::generate().value();
  list.enroll({"gw-2", {"gateway"}}, third.id()).value();
  auto other = open_node("gw-2");
  const auto witness = std::make_shared<Witness>();
  const Subscription theirs = other.on_event([witness](const Event& event) { witness->saw(event.error.detail); });
  other.state("plant/gw-2/twin").set("a", 1).value();
  other.link(with(third)).value();
  other.flush(20s).value();
  list.revoke_key(key_.id()).value();
  list.revoke("gw-2").value();
  EXPECT_TRUE(witness->waits_for("the peer said: access was withdrawn"));  // so the hub has looked
  node.state("plant/gw-1/twin").set("a", 2).value();
  node.flush(20s).value();
  EXPECT_EQ(unlinked, 0);
  node.unlink();
  EXPECT_TRUE(is_refused(node, with(key_)));
}

TEST_F(Guarded, RightsThatChangeReachALinkThatIsUp) {
  auto hub = open_guarded();
  AccessList list(hub);
  allow(list);
  list.enroll({"gw-1", {"gateway"}}, key_.id()).value();
  auto node = open_node("gw-1");
  node.state("plant/gw-1/twin").set("a", 1).value();
  node.state("line").set("a", 1).value();
  const auto refused = std::make_shared<Witness>();
  const Subscription events = node.on_event([refused](const Event& event) {
    if (event.kind == EventKind::rejected) refused->saw(event.scope + ": " + event.error.detail);
  });
  node.link(with(key_)).value();
  EXPECT_TRUE(refused->waits_for("line: line: not allowed"));

  list.allow("gateway", {Access::read_write, Plane::state, "line"}).value();
  node.flush(20s).value();
  EXPECT_EQ(hub.state("line").get("a").value(), Value(1));

  list.disallow("gateway", {Access::read_write, Plane::state, "line"}).value();
  list.allow("gateway", {Access::read, Plane::state, "line"}).value();
  EXPECT_TRUE(refused->waits_for("line: the hub lets us read only"));
}

TEST_F(Guarded, TheListIsEditedOverALinkByWhomARuleNames) {
  auto hub = open_guarded();
  AccessList list(hub);
  allow(list);
  list.allow("admin", {Access::read_write, Plane::state, AccessList::scope}).value();
  list.allow("everything", {Access::read_write, {}, "*"}).value();
  list.enroll({"desk", {"admin"}}, key_.id()).value();
  list.enroll({"till", {"everything"}}, other_key_.id()).value();

  auto till = open_node("till");
  const auto refused = std::make_shared<Witness>();
  const Subscription events = till.on_event([refused](const Event& event) {
    if (event.kind == EventKind::rejected) refused->saw(event.scope + ": " + event.error.detail);
  });
  AccessList mine(till);
  mine.enroll({"till", {"admin"}}).value();
  till.link(with(other_key_)).value();
  EXPECT_TRUE(refused->waits_for("edgesync/access: edgesync/access: not allowed"));

  auto desk = open_node("desk");
  AccessList there(desk);
  desk.link(with(key_)).value();
  const SigningKey fresh = SigningKey::generate().value();
  there.enroll({"gw-9", {"gateway"}}, fresh.id()).value();
  desk.flush(20s).value();
  auto node = open_node("gw-9");
  node.state("plant/gw-9/twin").set("a", 1).value();
  node.link(with(fresh)).value();
  node.flush(20s).value();
  EXPECT_EQ(list.devices().value().size(), 3U);
}

TEST_F(Guarded, ARelayGoesByTheListOfTheRoot) {
  const auto below = make_loopback();
  auto root = open_guarded("root");
  AccessList list(root);
  allow(list);
  list.allow("relay", {Access::read, Plane::state, AccessList::scope}).value();
  list.allow("relay", {Access::read_write, {}, "*"}).value();
  list.enroll({"relay", {"relay"}}, key_.id()).value();
  list.enroll({"gw-1", {"gateway"}}, other_key_.id()).value();
  const std::string code = list.claim({"gw-2", {"gateway"}}, soon()).value();

  auto relay = open_guarded("relay", true, below);
  relay.link(with(key_)).value();
  auto node = open_node("gw-1");
  node.state("plant/gw-1/twin").set("a", 1).value();
  LinkOptions to_relay = with(other_key_);
  to_relay.loopback = below;
  node.link(std::move(to_relay)).value();
  node.flush(20s).value();

  auto claimant = open_node("gw-2");  // only the root enrolls
  LinkOptions with_code = with(SigningKey::generate().value(), code);
  with_code.loopback = below;
  EXPECT_TRUE(is_refused(claimant, std::move(with_code)));

  const auto witness = std::make_shared<Witness>();
  const Subscription events = node.on_event([witness](const Event& event) {
    if (event.kind == EventKind::unlinked) witness->saw(event.error.detail);
  });
  list.revoke("gw-1").value();
  EXPECT_TRUE(witness->waits_for("the peer said: access was withdrawn"));
  node.unlink();
}

/// It passes on what devices signed; of anything else the root believes it only what is its own.
TEST_F(Guarded, ARelayThatNobodyBelievesBringsRecordsOfDevices) {
  const auto below = make_loopback();
  auto root = open_guarded("root");
  AccessList list(root);
  allow(list);
  list.allow("relay", {Access::read, Plane::state, AccessList::scope}).value();
  list.allow("relay", {Access::write_own, Plane::stream, "*"}).value();
  list.enroll({"relay", {"relay"}}, key_.id()).value();
  list.enroll({"gw-1", {"gateway"}}, other_key_.id()).value();
  {  // whose id it is the root knows from itself
    auto node = open_node("gw-1");
    node.stream("plant/gw-1/log", {.columns = {{"n", ColumnType::i64}}}).append({std::int64_t{1}}).value();
    node.link(with(other_key_)).value();
    node.flush(20s).value();
  }
  auto log = root.stream("plant/gw-1/log");
  const auto witness = std::make_shared<Witness>();
  const Subscription arrivals = log.on_records([&] { witness->saw("records"); });
  auto relay = open_guarded("relay", true, below);
  relay.link(with(key_)).value();
  auto node = open_node("gw-1");
  node.stream("plant/gw-1/log").append({std::int64_t{2}}).value();
  LinkOptions to_relay = with(other_key_);
  to_relay.loopback = below;
  node.link(std::move(to_relay)).value();
  EXPECT_TRUE(witness->waits_for("records"));
  EXPECT_EQ(log.origins().value().at(0).second, 2U);
}

/// Over TLS, where a proof is bound to its connection, and a certificate is one as well.
TEST_F(Guarded, ACertificateOfItsNameLetsADeviceInAndAKeyBesideItCounts) {
  edgesync::rig::TestAuthority authority;
  const edgesync::rig::Certificate own = authority.issue("127.0.0.1"), device = authority.issue("gw-1");
  HubOptions options;
  options.node = {.database = file("hub.db"), .name = "hub"};
  options.address = "127.0.0.1";
  options.port = 0;
  options.tls = {authority.ca_file(), own.certificate_file, own.key_file};
  options.access = true;
  auto hub = Hub::open(std::move(options)).value();
  AccessList list(hub);
  allow(list);
  const auto to = [&](std::optional<SigningKey> key) {
    LinkOptions link;
    link.url = "wss://127.0.0.1:" + std::to_string(hub.port());
    link.tls = {authority.ca_file(), device.certificate_file, device.key_file};
    link.key = std::move(key);
    link.backoff_min = 1ms, link.backoff_max = 20ms;
    return link;
  };
  const auto is_in = [](Node& node, LinkOptions link) {
    node.link(std::move(link)).value();
    const auto flushed = node.flush(2s);
    node.unlink();
    return flushed.has_value();
  };
  auto node = open_node("gw-1");
  node.state("plant/gw-1/twin").set("a", 1).value();
  EXPECT_TRUE(is_refused(node, to(key_)));  // the certificate is good, and not on the list
  list.enroll({"gw-1", {"gateway"}}).value();
  EXPECT_TRUE(is_in(node, to(std::nullopt)));
  list.enroll({"gw-2", {"gateway"}}, key_.id()).value();
  EXPECT_TRUE(is_refused(node, to(key_)));  // the key of another one
  list.enroll({"gw-1", {"gateway"}}, other_key_.id()).value();
  node.state("plant/gw-1/twin").set("a", 2).value();
  EXPECT_TRUE(is_in(node, to(other_key_)));
}

TEST_F(Guarded, WhomTheListDoesNotKnowIsAskedAboutElsewhere) {
  auto hub = open_guarded();
  AccessList list(hub);
  allow(list);
  auto node = open_node("gw-1");
  node.state("anything").set("a", 1).value();
  node.link(to_hub("operator")).value();
  node.flush(20s).value();
  node.unlink();
  list.enroll({"gw-1", {"gateway"}}, key_.id()).value();
  list.revoke_key(key_.id()).value();
  EXPECT_TRUE(is_refused_soon(node, with(key_, "operator")));
}

TEST_F(Guarded, WhoIsRefusedByTheListGetsNothingElsewhere) {
  HubOptions options;
  options.node = {.database = file("hub.db"), .name = "hub"};
  options.loopback = loopback_;
  options.access = true;
  // It lets in nobody, and would let whoever is in do anything.
  options.authorize.connect = [](const Credentials&) { return false; };
  options.authorize.scope = [](const Credentials&, Plane, std::string_view) { return Access::read_write; };
  auto hub = Hub::open(std::move(options)).value();
  AccessList list(hub);
  allow(list);
  list.enroll({"gw-1", {"gateway"}}, key_.id()).value();
  auto node = open_node("gw-1");
  const auto witness = std::make_shared<Witness>();
  const Subscription events = node.on_event([witness](const Event& event) { witness->saw(event.error.detail); });
  node.state("plant/gw-1/twin").set("a", 1).value();
  node.link(with(key_)).value();
  node.flush(20s).value();
  AccessList mine(node);
  mine.allow("gateway", {Access::read_write, Plane::state, AccessList::scope}).value();
  EXPECT_TRUE(witness->waits_for("edgesync/access: not allowed"));
  list.revoke("gw-1").value();
  node.state("another");
  EXPECT_TRUE(witness->waits_for("the peer said: the key was refused"));
  EXPECT_EQ(list.roles().value().at("gateway").size(), 2U);
}

TEST_F(Guarded, AKeyThatIsRevokedEndsTheLinkThatSomethingElseLetIn) {
  auto hub = open_guarded();
  AccessList list(hub);
  auto node = open_node("gw-1");
  const auto witness = std::make_shared<Witness>();
  const Subscription events = node.on_event([witness](const Event& event) { witness->saw(event.error.detail); });
  node.state("anything").set("a", 1).value();
  node.link(with(key_, "operator")).value();
  node.flush(20s).value();
  list.revoke_key(key_.id()).value();
  EXPECT_TRUE(witness->waits_for("the peer said: access was withdrawn"));
}

TEST_F(Guarded, ACodeIsGoodNoLongerOnceThereIsAnother) {
  auto hub = open_guarded();
  AccessList list(hub);
  allow(list);
  const std::string first = list.claim({"gw-1", {"gateway"}}, soon()).value();
  const std::string second = list.claim({"gw-1", {"gateway"}}, soon()).value();
  auto node = open_node("gw-1");
  EXPECT_TRUE(is_refused(node, with(key_, first)));
  EXPECT_FALSE(is_refused(node, with(key_, second)));
}

TEST_F(Guarded, AKeyThatCameWhileItsDeviceWasRevokedElsewhereDoesNotComeBack) {
  auto hub = open_guarded();
  AccessList list(hub);
  allow(list);
  list.enroll({"gw-1", {"gateway"}}, key_.id()).value();
  hub.state(AccessList::scope).erase("device/gw-1").value();  // as an administrator's edit from afar merges
  list.enroll({"gw-1", {"gateway"}}, other_key_.id()).value();
  EXPECT_TRUE(list.revoked().value().contains(key_.id()));
  auto node = open_node("gw-1");
  EXPECT_TRUE(is_refused(node, with(key_)));
  EXPECT_FALSE(is_refused(node, with(other_key_)));
}

TEST_F(Guarded, NobodyTakesTheSessionOfAnotherDevice) {
  auto hub = open_guarded();
  AccessList list(hub);
  allow(list);
  list.enroll({"gw-1", {"gateway"}}, key_.id()).value();
  list.enroll({"gw-2", {"gateway"}}, other_key_.id()).value();
  const auto open = [this](const std::string& database, const std::string& name) {
    return Node::open({.database = file(database), .name = name, .environment = Environment{}}).value();
  };
  open("one.db", "gw-1").state("plant/gw-1/twin").set("a", 1).value();
  std::filesystem::copy_file(file("one.db"), file("copy.db"));
  auto node = open("one.db", "gw-1"), thief = open("copy.db", "gw-2");
  ASSERT_EQ(node.status().replica, thief.status().replica);
  const auto witness = std::make_shared<Witness>(), theirs = std::make_shared<Witness>();
  const Subscription events = node.on_event([witness](const Event& event) {
    if (event.kind == EventKind::unlinked) witness->saw(event.error.detail);
  });
  const Subscription told = thief.on_event([theirs](const Event& event) { theirs->saw(event.error.detail); });
  node.link(with(key_)).value();
  node.flush(20s).value();
  thief.link(with(other_key_)).value();
  EXPECT_TRUE(theirs->waits_for("the peer said: replica " + to_string(node.status().replica) + " is another device's"));
  node.state("plant/gw-1/twin").set("a", 2).value();
  node.flush(20s).value();
  EXPECT_EQ(witness->seen(), std::vector<std::string>{});
}

TEST_F(Guarded, WhatMeansNothingInTheListIsTold) {
  auto hub = open_guarded();
  const auto told = std::make_shared<Witness>();
  const Subscription events = hub.on_event([told](const Event& event) {
    if (event.kind == EventKind::rejected) told->saw(event.error.detail);
  });
  hub.state(AccessList::scope).insert("role/gateway", "rw everything").value();
  EXPECT_TRUE(told->waits_for("access list: role/gateway: rule: \"rw everything\": not \"ACCESS PLANE SCOPES\""));
}

TEST_F(Guarded, WhatCannotBeMeantIsRefusedWhenItIsWritten) {
  auto hub = open_guarded();
  AccessList list(hub);
  const auto bad = [](const auto& result) { return !result && result.error().is(Errc::invalid_argument); };
  EXPECT_TRUE(bad(list.allow("a/b", {Access::read, {}, "x"})));
  EXPECT_TRUE(bad(list.allow("a", {Access::none, {}, "x"})));
  EXPECT_TRUE(bad(list.allow("a", {Access::read, {}, "x*"})));
  EXPECT_TRUE(bad(list.enroll({"", {"a"}})));
  EXPECT_TRUE(bad(list.enroll({"gw", {}})));
  EXPECT_TRUE(bad(list.enroll({"gw", {"a"}, "x/y"})));
  EXPECT_TRUE(bad(list.enroll({"gw", {"a"}}, "abc")));
  EXPECT_TRUE(bad(list.enroll({std::string(257, 'x'), {"a"}})));
  EXPECT_TRUE(bad(list.revoke_key("abc")));
  EXPECT_TRUE(bad(list.allow("a", {Access::read, {}, "edgesync/*"})));
  EXPECT_TRUE(list.revoke("nobody").error().is(Errc::not_found));
  EXPECT_TRUE(list.disallow("a", {Access::read, {}, "x"}).error().is(Errc::not_found));
}

TEST_F(Guarded, RolesOfADeviceBecomeWhatIsSaidLast) {
  auto hub = open_guarded();
  AccessList list(hub);
  list.enroll({"gw", {"a", "b"}, "t"}).value();
  list.enroll({"gw", {"b", "c"}}).value();
  const auto devices = list.devices().value();
  ASSERT_EQ(devices.size(), 1U);
  EXPECT_EQ(devices[0].device.roles, (std::vector<std::string>{"b", "c"}));
  EXPECT_EQ(devices[0].device.tenant, "");
}

}  // namespace
}  // namespace edgesync
