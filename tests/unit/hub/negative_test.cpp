// SPDX-License-Identifier: Apache-2.0
// The negative suite: what must not get in, said by hand over TLS to a hub that goes by its access list: log-ins that
// are forged, replayed, too late or somebody else's, scopes of others, of other tenants and by tricks of their names,
// and data where none may be sent. Each case is counted, none is let in, and those of a kind are answered alike, so
// that an answer says nothing about what there is.
#include "fleet.hpp"
#include "sync/introduction.hpp"
#include "talk.hpp"
#include "transport/ed25519.hpp"
#include "unit/transport/certificates.hpp"

#include <set>

namespace edgesync {
namespace {

using transport::SecretKey;
using Tree = std::map<std::string, Value>;

std::string id_of(const SecretKey& key) { return config::key_id(key.public_key()); }

/// Two tenants with devices of their own, and something of everybody's at the hub.
class Negatives : public Fleet {
 protected:
  Negatives() {
    HubOptions options;
    options.node = {.database = file("hub.db"), .name = "hub"};
    options.address = "127.0.0.1", options.port = 0;
    options.tls = {{}, own_.certificate_file, own_.key_file};
    options.access = true;
    options.limits.refusals_per_name = 1e6, options.limits.refusals_per_network = 1e6;
    options.limits.arrivals = options.limits.arrivals_per_network = {.per_second = 1e6, .burst = 1e6};
    hub_.emplace(Hub::open(std::move(options)).value());
    AccessList list(*hub_);
    for (const char* rule : {"rw * plant/{name}/*", "own * shared/{tenant}/*", "ro state notice", "ro config app"})
      list.allow("gateway", access_rule(rule).value()).value();
    list.enroll({"gw-1", {"gateway"}, "acme"}, id_of(key_)).value();
    list.enroll({"gw-10", {"gateway"}, "acme"}, id_of(sibling_)).value();
    list.enroll({"other", {"gateway"}, "rival"}, id_of(stranger_)).value();
    list.enroll({"gone", {"gateway"}, "acme"}, id_of(revoked_)).value();
    list.revoke("gone").value();
    for (const char* scope : {"plant/gw-1/twin", "plant/gw-10/twin", "plant/other/twin", "shared/acme/board",
                              "shared/rival/board", "secret", "notice", "plant"})
      hub_->state(scope).set("k", std::string(scope)).value();
    before_ = state();
  }

  static SecretKey key() { return SecretKey::generate().value(); }
  std::unique_ptr<Talk> connect() {
    return std::make_unique<Talk>(host_, "wss://127.0.0.1:" + std::to_string(hub_->port()), authority_.ca_file());
  }
  static wire::Hello hello(const std::string& name) {
    wire::Hello hello;
    hello.capabilities = {"delta", "segment", "search", "proof", "repair", "patch"};
    hello.replica.bytes.fill(std::byte{0x77});
    hello.name = name;
    return hello;
  }
  static wire::Hello signed_by(const SecretKey& key, wire::Hello hello, ByteView binding) {
    hello.key = to_bytes(ByteView(key.public_key()));
    hello.proof = to_bytes(ByteView(key.sign(sync::claim_of(binding, hello.replica, hello.name)).value()));
    return hello;
  }
  /// What the hub answers to a log-in that it must not take.
  void refuses(const std::string& what, Talk& talk, wire::Hello hello) {
    ++cases_;
    talk.say({std::move(hello)});
    const auto answer = talk.answer<wire::Hello>();
    ASSERT_FALSE(answer.said) << what << ": was let in";
    ASSERT_TRUE(answer.bye) << what;
    EXPECT_EQ(answer.bye->code, Errc::unauthorized) << what << ": " << answer.bye->detail;
    answers_.insert(answer.bye->detail);
  }
  void refuses(const std::string& what, const Function<wire::Hello(ByteView binding)>& make) {
    const auto talk = connect();
    refuses(what, *talk, make(talk->binding()));
  }
  std::unique_ptr<Talk> come_in() {
    auto talk = connect();
    talk->say({signed_by(key_, hello("gw-1"), talk->binding())});
    EXPECT_TRUE(talk->answer<wire::Hello>().said);
    return talk;
  }
  /// What there is, scope by scope.
  std::map<std::string, Tree> state() {
    std::map<std::string, Tree> all;
    for (const ScopeStatus& scope : hub_->status().scopes)
      if (scope.plane == Plane::state && scope.scope != AccessList::scope)
        for (const Item& item : hub_->state(scope.scope).scan().value()) all[scope.scope][item.key] = item.value;
    return all;
  }
  void expect_nothing_changed(std::size_t cases) {
    EXPECT_EQ(state(), before_);
    EXPECT_GE(cases_, cases);
    RecordProperty("cases", static_cast<int>(cases_));
  }

  const SecretKey key_ = key(), sibling_ = key(), stranger_ = key(), revoked_ = key(), nobody_ = key();
  std::size_t cases_ = 0;
  std::set<std::string> answers_{};
  std::optional<Hub> hub_{};
  std::map<std::string, Tree> before_{};

 private:
  edgesync::rig::TestAuthority authority_{};
  const edgesync::rig::Certificate own_ = authority_.issue("127.0.0.1");
  std::shared_ptr<Runtime> runtime_ = make_runtime();
  transport::Host& host_ = transport::host(*runtime_);
};

TEST_F(Negatives, NoLogInIsTakenThatIsNotTheDevicesOwnOnThisConnection) {
  const auto first = connect();
  const wire::Hello genuine = signed_by(key_, hello("gw-1"), first->binding());
  refuses("replayed on another connection", [&](ByteView) { return genuine; });
  const auto altered = [&](const std::string& what, const Function<void(wire::Hello&)>& alter) {
    refuses(what, [&](ByteView binding) {
      wire::Hello made = signed_by(key_, hello("gw-1"), binding);
      alter(made);
      return made;
    });
  };
  for (std::size_t i = 0; i < genuine.proof.size(); ++i)
    altered("byte " + std::to_string(i) + " of the proof", [i](wire::Hello& made) { made.proof[i] ^= std::byte{1}; });
  for (std::size_t i = 0; i < genuine.key.size(); ++i)
    altered("byte " + std::to_string(i) + " of the key", [i](wire::Hello& made) { made.key[i] ^= std::byte{1}; });
  for (const std::string name : {"gw-10", "other", "gone", "GW-1", "gw-1/twin", "*", "{name}", "hub", "edgesync"}) {
    altered("signed for gw-1, said by " + name, [&](wire::Hello& made) { made.name = name; });
    refuses("gw-1's key as " + name, [&](ByteView binding) { return signed_by(key_, hello(name), binding); });
  }
  altered("another replica", [](wire::Hello& made) { made.replica.bytes[0] ^= std::byte{1}; });
  altered("a proof of nothing",
          [](wire::Hello& made) { std::fill(made.proof.begin(), made.proof.end(), std::byte{0}); });
  altered("the neutral element", [](wire::Hello& made) {
    made.key.assign(32, std::byte{0}), made.proof.assign(64, std::byte{0});
    made.key[0] = made.proof[0] = std::byte{1};
  });
  for (const SecretKey* other : {&sibling_, &stranger_, &revoked_, &nobody_})
    for (const char* name : {"gw-1", "gone", "nobody"})
      refuses(std::string("another key as ") + name,
              [&](ByteView binding) { return signed_by(*other, hello(name), binding); });
  EXPECT_EQ(answers_, std::set<std::string>{"the key was refused"});
  expect_nothing_changed(120);
}

TEST_F(Negatives, NoClaimIsTakenThatIsLateUsedOrSomebodyElses) {
  AccessList list(*hub_);
  const auto now = std::chrono::time_point_cast<Timestamp::duration>(std::chrono::system_clock::now());
  const std::string late = list.claim({"new-1", {"gateway"}, "acme"}, now - 1s).value();
  const std::string good = list.claim({"new-2", {"gateway"}, "acme"}, now + 1h).value();
  const std::string replaced = list.claim({"new-3", {"gateway"}, "acme"}, now + 1h).value();
  const std::string used = list.claim({"new-3", {"gateway"}, "acme"}, now + 1h).value();
  const auto shows = [&](const SecretKey& key, const std::string& name, const std::string& token) {
    return [&key, name, token](ByteView binding) {
      wire::Hello made = hello(name);
      made.token = token;
      return signed_by(key, std::move(made), binding);
    };
  };
  {
    const auto talk = connect();
    talk->say({shows(nobody_, "new-3", used)(talk->binding())});
    ASSERT_TRUE(talk->answer<wire::Hello>().said) << "once it is good";
  }
  before_ = state();
  const SecretKey thief = key();
  refuses("too late", shows(thief, "new-1", late));
  refuses("used", shows(thief, "new-3", used));
  refuses("replaced by another", shows(thief, "new-3", replaced));
  for (const char* name : {"new-1", "new-3", "gw-1", "gw-10", "other", "gone", "New-2", "new-2/x", "*", "{name}"})
    refuses(std::string("of new-2, as ") + name, shows(thief, name, good));
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string cut = good;
    cut[i] = cut[i] == 'a' ? 'b' : 'a';
    refuses("altered at " + std::to_string(i), shows(thief, "new-2", cut));
  }
  refuses("cut", shows(thief, "new-2", good.substr(1)));
  refuses("lengthened", shows(thief, "new-2", good + "0"));
  refuses("by a key that was revoked", shows(revoked_, "new-2", good));
  for (const std::string& token : {good, std::string(), std::string("operator")})
    refuses("without a key", [&](ByteView) {
      wire::Hello made = hello("new-2");
      made.token = token;
      return made;
    });
  expect_nothing_changed(30);
  const auto talk = connect();
  talk->say({shows(thief, "new-2", good)(talk->binding())});
  EXPECT_TRUE(talk->answer<wire::Hello>().said) << "and is good still";
}

/// What is there and what is not are answered alike.
TEST_F(Negatives, NoScopeIsOpenedThatIsSomebodyElses) {
  const std::vector<std::string> names{"plant/gw-10/twin",
                                       "plant/gw-10/nothing",
                                       "plant/gw-1",
                                       "plant/gw-10",
                                       "plant/gw-11/twin",
                                       "plant/other/twin",
                                       "plant/gw-1twin",
                                       "plant/gw-1/",
                                       "plant",
                                       "plant/",
                                       "plant/*",
                                       "plant/*/twin",
                                       "*",
                                       "",
                                       "/",
                                       "secret",
                                       "nothing",
                                       "shared/rival/board",
                                       "shared/rival",
                                       "shared/acme",
                                       "shared/acme2/board",
                                       "shared/{tenant}/board",
                                       "shared/*",
                                       "plant/{name}/twin",
                                       "edgesync/access",
                                       "edgesync/other",
                                       "edgesync",
                                       "edgesync/*",
                                       "/plant/gw-1/twin",
                                       "./plant/gw-1/twin",
                                       "plant/./gw-1/twin",
                                       "plant//gw-1/twin",
                                       "plant/x/../gw-1/twin",
                                       "../plant/gw-1/twin",
                                       "PLANT/gw-1/twin",
                                       "plant/GW-1/twin",
                                       "plant/gw-1 /twin",
                                       " plant/gw-1/twin",
                                       "plant\\gw-1\\twin",
                                       "%70lant/gw-1/twin",
                                       "plant%2fgw-1/twin",
                                       std::string("plant\0/gw-1/twin", 17),
                                       std::string("plant/gw-1\0/twin", 17),
                                       "plant\xe2\x88\x95gw-1/twin",
                                       "pl\xd0\xb0nt/gw-1/twin"};
  const std::vector<std::string> crooked{"plant/gw-1/../gw-10/twin",
                                         "plant/gw-1/../../secret",
                                         "plant/gw-1/.",
                                         "plant/gw-1//twin",
                                         "plant/gw-1/..",
                                         "shared/acme/../rival/board",
                                         std::string("plant/gw-1/\0", 12),
                                         "plant/gw-1/\xff"};
  const auto talk = come_in();
  wire::Channel channel = 0;
  const auto ask = [&](Plane plane, const std::string& name) {
    ++cases_;
    talk->say({wire::Subscribe{++channel, plane, name, {}, crdt::Summary::unknown(), {}}});
    const auto said = talk->answer<wire::Unsubscribed>().said;
    EXPECT_TRUE(said) << name;
    return said.value_or(wire::Unsubscribed{});
  };
  for (const Plane plane : {Plane::state, Plane::config, Plane::stream}) {
    for (const std::string& name : names) {
      const wire::Unsubscribed said = ask(plane, name);
      EXPECT_EQ(said.channel, channel);
      EXPECT_EQ(said.code, Errc::forbidden) << name;
      EXPECT_EQ(said.detail, name + ": not allowed");
    }
    for (const std::string& name : crooked) EXPECT_EQ(ask(plane, name).code, Errc::invalid_argument) << name;
  }
  for (const auto& [plane, name] : {std::pair{Plane::config, "notice"},
                                    {Plane::stream, "notice"},
                                    {Plane::state, "app"},
                                    {Plane::stream, "app"},
                                    {static_cast<Plane>(4), "plant/gw-1/twin"}})
    EXPECT_NE(ask(plane, name).code, Errc{}) << name;
  expect_nothing_changed(150);
}

/// A link that sends where it may not is ended.
TEST_F(Negatives, NothingIsTakenWhereNothingMayBeSent) {
  constexpr wire::Channel notice = 1, forbidden = 2, unknown = 3;
  const auto tell = [&](const std::string& what, std::vector<wire::Message> messages) {
    ++cases_;
    const auto talk = come_in();
    talk->say({wire::Subscribe{notice, Plane::state, "notice", {}, crdt::Summary::unknown(), {}},
               wire::Subscribe{forbidden, Plane::state, "secret", {}, crdt::Summary::unknown(), {}}});
    ASSERT_TRUE(talk->answer<wire::Unsubscribed>().said);
    talk->say(std::move(messages));
    const auto bye = talk->answer<wire::Bye>().bye;
    ASSERT_TRUE(bye) << what;
    const Errc code = bye->code;
    EXPECT_TRUE(code == Errc::forbidden || code == Errc::protocol_violation) << what << ": " << name(code);
  };
  const ReplicaId self = hello("gw-1").replica;
  for (const wire::Channel channel : {notice, forbidden, unknown, wire::Channel{0}}) {
    const std::string at = " on channel " + std::to_string(channel);
    wire::DeltaPart part{1, channel, true, {}};
    part.delta.upto.advance({self, 7});
    part.delta.keys = {{crdt::cell_key("k", crdt::Kind::value), {{{{self, 7}, 0, {}}, false}}}};
    tell("a cut" + at, {part, wire::Cut{1, 1}});
    tell("a complete cut" + at, {[&] {
                                   part.delta.complete = true;
                                   return part;
                                 }(),
                                 wire::Cut{1, 1}});
    tell("a patch" + at, {wire::PatchedPart{1, channel, Bytes(32), 10, {}}});
    tell("a stage" + at, {wire::Staged{1, channel}, wire::Cut{1, 1}});
    tell("a chunk" + at, {part, wire::Chunk{1, channel, true, {}, {}, part.delta.upto}});
    tell("records" + at, {wire::Segment{channel, self, 1, 1, Bytes(10)}});
    tell("a gap" + at, {wire::Dropped{channel, self, 1, 9, DropReason::quota}});
    tell("a trim" + at, {wire::Trimmed{channel, self, 9, {}}});
    tell("a proof" + at, {wire::Prove{channel, 1}});
    tell("a word on what is stable" + at, {wire::Stable{channel, {}}});
  }
  expect_nothing_changed(40);
}

}  // namespace
}  // namespace edgesync
