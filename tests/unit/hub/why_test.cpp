// SPDX-License-Identifier: Apache-2.0
// Why a node is not in sync: each reason is produced as it happens in the field, and asked for as an owner would ask.
#include "fleet.hpp"
#include "scripted_hub.hpp"
#include "unit/transport/certificates.hpp"
#include "unit/transport/raw_peer.hpp"

#include <thread>

namespace edgesync {
namespace {

using rig::RawSocket;
using rig::TestAuthority;

class Reasons : public Fleet {
 protected:
  /// To an address; one attempt, then a long pause in which its end can be looked at.
  static LinkOptions to(std::string url) {
    LinkOptions options;
    options.url = std::move(url);
    options.backoff_min = options.backoff_max = 1h;
    return options;
  }
  LinkOptions once(std::string token = "good") {
    LinkOptions options = to_hub(std::move(token));
    options.backoff_min = options.backoff_max = 1h;
    return options;
  }
  /// How `node` is after the link that `options` ask for has ended.
  static Status after(Node& node, LinkOptions options) {
    Witness witness;
    const auto events = node.on_event([&](const Event& event) {
      if (event.kind == EventKind::unlinked) witness.saw("unlinked");
    });
    node.link(std::move(options)).value();
    EXPECT_TRUE(witness.waits_for("unlinked"));
    return node.status();
  }
  /// Waits until the node's only scope is where it is for this reason.
  static bool comes_to(const Node& node, Why why) {
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    while (std::chrono::steady_clock::now() < deadline) {
      const Status status = node.status();
      if (!status.scopes.empty() && status.scopes[0].why == why) return true;
      std::this_thread::yield();
    }
    ADD_FAILURE() << name(node.status().why) << " instead of " << name(why);
    return false;
  }
  static std::string here(std::uint16_t port) { return "wss://127.0.0.1:" + std::to_string(port); }
};

TEST_F(Reasons, NobodyNamedAHub) {
  auto node = open_node();
  node.state("twin").set("a", 1).value();
  const Status status = node.status();
  EXPECT_EQ(status.why, Why::no_link);
  EXPECT_EQ(status.scopes.at(0).why, Why::no_link);
  EXPECT_EQ(status.pending, 1u);
  EXPECT_EQ(status.oldest_pending, status.scopes[0].oldest_pending);
}

TEST_F(Reasons, TheNameDoesNotResolve) {
  auto node = open_node();
  const Status status = after(node, to("wss://no-such-hub.invalid"));
  if (status.last_error.is(Errc::timed_out)) {  // a machine whose name server does not answer
    EXPECT_EQ(status.why, Why::no_answer);
    return;
  }
  EXPECT_EQ(status.why, Why::name_unknown) << status.last_error.detail;
  EXPECT_TRUE(status.last_error.is(Errc::unreachable)) << "name_unknown is a kind of it";
  EXPECT_GT(status.retry_in, 0ms);
}

TEST_F(Reasons, ThereIsNoWayToTheHub) {
  auto node = open_node();
  const Status status = after(node, to("wss://224.0.0.1"));  // TCP goes to no multicast address
  EXPECT_EQ(status.why, Why::no_route) << status.last_error.detail;
}

TEST_F(Reasons, NobodyListens) {
  auto node = open_node();
  const std::uint16_t port = RawSocket::listen().port();  // closed again
  const Status status = after(node, to(here(port)));
  EXPECT_EQ(status.why, Why::connection_refused) << status.last_error.detail;
  EXPECT_NE(status.last_error.detail.find(std::to_string(port)), std::string::npos) << status.last_error.detail;
}

TEST_F(Reasons, TheFirstAttemptIsUnderWay) {
  const RawSocket mute = RawSocket::listen();
  auto node = open_node();
  node.link(to(here(mute.port()))).value();
  EXPECT_EQ(node.status().why, Why::connecting);
  EXPECT_EQ(node.status().retry_in, 0ms);
}

TEST_F(Reasons, TheConnectionBreaks) {
  const RawSocket listener = RawSocket::listen();
  auto node = open_node();
  Witness witness;
  const auto events = node.on_event([&](const Event& event) { witness.saw(name(event.kind)); });
  node.link(to(here(listener.port()))).value();
  { const RawSocket taken = listener.accept(); }
  ASSERT_TRUE(witness.waits_for("unlinked"));
  EXPECT_EQ(node.status().why, Why::unreachable) << node.status().last_error.detail;
}

TEST_F(Reasons, TheHubFallsSilent) {
  const ScriptedHub hub(loopback_, ScriptedHub::admit);
  auto node = open_node();
  auto options = once();
  options.heartbeat = 100ms;
  const Status status = after(node, std::move(options));
  EXPECT_EQ(status.why, Why::no_answer);
  EXPECT_NE(status.last_error.detail.find("silent"), std::string::npos) << status.last_error.detail;
}

TEST_F(Reasons, TheHubEndsTheLinkInOrder) {
  auto node = open_node();
  Witness witness;
  const auto events = node.on_event([&](const Event& event) { witness.saw(name(event.kind)); });
  {
    auto hub = open_hub();
    node.link(once()).value();
    ASSERT_TRUE(witness.waits_for("linked"));
  }
  ASSERT_TRUE(witness.waits_for("unlinked"));
  EXPECT_EQ(node.status().why, Why::backoff) << node.status().last_error.detail;
  EXPECT_GT(node.status().retry_in, 0ms);
}

TEST_F(Reasons, TheCertificateIsSomebodyElses) {
  TestAuthority theirs, ours;
  const rig::Certificate certificate = theirs.issue("127.0.0.1");
  HubOptions options;
  options.node = {.database = file("hub.db"), .name = "hub"};
  options.address = "127.0.0.1";
  options.port = 0;
  options.tls = {.certificate_file = certificate.certificate_file, .key_file = certificate.key_file};
  const auto hub = Hub::open(std::move(options)).value();
  auto node = open_node();
  LinkOptions link = to(here(hub.port()));
  link.tls.ca_file = ours.ca_file();
  const Status status = after(node, std::move(link));
  EXPECT_EQ(status.why, Why::untrusted) << status.last_error.detail;
}

TEST_F(Reasons, TheTokenIsRefused) {
  auto hub = open_hub();
  auto node = open_node();
  EXPECT_EQ(after(node, once("bad")).why, Why::unauthorized);
}

TEST_F(Reasons, TheScopeIsRefusedAndOthersAreInSync) {
  auto hub = open_hub();
  auto node = open_node();
  node.state("secret").set("a", 1).value();
  node.link(once()).value();
  EXPECT_TRUE(comes_to(node, Why::refused));
  EXPECT_EQ(node.status().why, Why::refused) << "the node is as well as its worst scope";
  node.state("twin").set("a", 1).value();
  node.flush(1s).ignore();
  for (const ScopeStatus& scope : node.status().scopes)
    EXPECT_EQ(scope.why, scope.scope == "twin" ? Why::in_sync : Why::refused) << scope.scope;
  EXPECT_EQ(node.status().scopes.at(0).rejected, 1u);
  ASSERT_TRUE(node.status().scopes.at(0).refusal);
  EXPECT_TRUE(node.status().scopes.at(0).refusal->is(Errc::forbidden));
  EXPECT_FALSE(node.status().scopes.at(1).refusal);
}

struct Goodbye {
  Errc code;
  Why why;
};
class Goodbyes : public Reasons, public ::testing::WithParamInterface<Goodbye> {};

TEST_P(Goodbyes, AreUnderstood) {
  const ScriptedHub hub(loopback_, [](const wire::Message&) {
    return ScriptedHub::Messages{wire::Bye{GetParam().code, "because", 0ms}};
  });
  auto node = open_node();
  const Status status = after(node, once());
  EXPECT_EQ(status.why, GetParam().why) << name(status.why);
  EXPECT_NE(status.last_error.detail.find("because"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Hub, Goodbyes,
                         ::testing::Values(Goodbye{Errc::storage_full, Why::hub_storage},
                                           Goodbye{Errc::storage_io, Why::hub_storage},
                                           Goodbye{Errc::limit_exceeded, Why::limit},
                                           Goodbye{Errc::protocol_mismatch, Why::protocol_mismatch}),
                         [](const auto& made) { return std::string(name(made.param.code)); });

TEST_F(Reasons, TheHubSpeaksAnotherVersion) {
  const ScriptedHub hub(loopback_, [](const wire::Message&) {
    wire::Hello hello = ScriptedHub::hello();
    hello.version_min = 7, hello.version_max = 9;
    return ScriptedHub::Messages{hello};
  });
  auto node = open_node();
  const Status status = after(node, once());
  EXPECT_EQ(status.why, Why::protocol_mismatch);
  EXPECT_NE(status.last_error.detail.find("7 to 9"), std::string::npos) << status.last_error.detail;
}

TEST_F(Reasons, TheHubBreaksTheProtocol) {
  const ScriptedHub hub(loopback_, [](const wire::Message&) { return ScriptedHub::Messages{wire::Ack{1}}; });
  auto node = open_node();
  EXPECT_EQ(after(node, once()).why, Why::protocol_violation);
}

TEST_F(Reasons, WhatWasSentIsNotAckedYet) {
  const ScriptedHub hub(loopback_, ScriptedHub::admit);
  auto node = open_node();
  node.state("twin").set("a", 1).value();
  node.link(once()).value();
  ASSERT_TRUE(comes_to(node, Why::syncing));
  EXPECT_EQ(node.status().scopes[0].pending, 1u);
}

TEST_F(Reasons, AChangeIsArrivingAndNotWhole) {
  const ScriptedHub hub(loopback_, [](const wire::Message& said) {
    auto answers = ScriptedHub::admit(said);
    if (const auto* subscribe = std::get_if<wire::Subscribe>(&said)) {
      wire::DeltaPart part{1, subscribe->channel, true, {}};
      part.delta.upto.advance({ScriptedHub::hello().replica, 1000});
      answers.emplace_back(std::move(part));
    }
    return answers;
  });
  auto node = open_node();
  node.state("twin").set("a", 1).value();
  node.link(once()).value();
  ASSERT_TRUE(comes_to(node, Why::waiting_cut));
  EXPECT_GT(node.status().scopes[0].arriving.value().done, 0u);
}

TEST_F(Reasons, EverythingIsThere) {
  auto hub = open_hub();
  auto node = open_node();
  node.state("twin").set("a", 1).value();
  node.stream("diary", {.columns = {{"n", i64}}, .local_only = true}).append({1}).value();
  node.link(to_hub()).value();
  ASSERT_TRUE(node.flush(20s));
  const Status status = node.status();
  EXPECT_EQ(status.why, Why::in_sync);
  EXPECT_EQ(status.pending, 0u);
  EXPECT_FALSE(status.oldest_pending);
  for (const ScopeStatus& scope : status.scopes)
    EXPECT_EQ(scope.why, scope.scope == "diary" ? Why::local_only : Why::in_sync);
}

TEST_F(Reasons, TheNodeWasClosed) {
  auto node = open_node();
  node.close();
  EXPECT_EQ(node.status().why, Why::closed);
}

}  // namespace
}  // namespace edgesync
