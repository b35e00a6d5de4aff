// SPDX-License-Identifier: Apache-2.0
// Whom a client and a listener trust, over real TLS on 127.0.0.1.
#include "network.hpp"

#include <fstream>
#include <set>

namespace edgesync {
namespace {

using namespace edgesync::rig;

class Trust : public Network {
 protected:
  /// The client refuses, and both sides know why.
  void expect_untrusted(const Certificate& certificate, transport::ConnectOptions options, const char* reason) {
    Server server(host(), tls(certificate));
    options.url = "wss://" + host_ + ":" + std::to_string(server.port());
    const Error seen = connect(std::move(options))->wait_closed();
    expect_errc(Errc::untrusted, seen);
    EXPECT_NE(seen.detail.find(reason), std::string::npos) << seen.detail;
    const Error theirs = server.refused();
    EXPECT_TRUE(theirs.is(Errc::untrusted) || theirs.is(Errc::unreachable)) << theirs.detail;
  }
  void expect_bad_file(const transport::Tls& files, const std::string& path) {
    auto listening = host().listen({.address = "127.0.0.1", .tls = files}, [] { return nullptr; });
    ASSERT_FALSE(listening);
    expect_errc(Errc::invalid_argument, listening.error());
    EXPECT_NE(listening.error().detail.find(path), std::string::npos) << listening.error().detail;
  }
  std::string host_ = "127.0.0.1";
};

TEST_F(Trust, NameAndAddressAreAccepted) {
  for (const std::string name : {"localhost", "127.0.0.1"}) {
    Server server(host(), tls(authority_->issue(name)), true);
    auto options = to_tls(0);
    options.url = "wss://" + name + ":" + std::to_string(server.port()) + "/some/path";
    const auto client = connect(options);
    client->send(to_bytes("hello"));
    EXPECT_EQ(client->wait_messages(1).at(0), to_bytes("hello"));
  }
}

TEST_F(Trust, BothEndsOfASessionShareWhatNoOtherSessionHas) {
  Server server(host(), tls(authority_->issue("127.0.0.1")));
  std::set<Bytes> bindings;
  for (int i = 0; i < 3; ++i) {
    const auto client = connect(to_tls(server.port()));
    client->wait_open();
    const auto accepted = server.accepted();
    accepted->wait_open();
    EXPECT_EQ(client->peer().binding.size(), 32U);
    EXPECT_EQ(client->peer().binding, accepted->peer().binding);
    EXPECT_EQ(accepted->peer().certificate, "");  // none was asked for
    bindings.insert(client->peer().binding);
  }
  EXPECT_EQ(bindings.size(), 3U);
}

TEST_F(Trust, AServerLearnsTheNameThatAClientProved) {
  const Certificate own = authority_->issue("gw-17");
  auto options = tls(authority_->issue("127.0.0.1"));
  options.tls.ca_file = authority_->ca_file();
  Server server(host(), std::move(options));
  auto to = to_tls(server.port());
  to.tls.certificate_file = own.certificate_file;
  to.tls.key_file = own.key_file;
  connect(std::move(to))->wait_open();
  const auto accepted = server.accepted();
  accepted->wait_open();
  EXPECT_EQ(accepted->peer().certificate, "gw-17");
}

TEST_F(Trust, OtherAuthorityIsRefused) {
  const TestAuthority other("somebody else");
  expect_untrusted(authority_->issue("127.0.0.1"), {.tls = {.ca_file = other.ca_file()}}, "certificate");
}

TEST_F(Trust, SystemStoreDoesNotKnowOurAuthority) {
  expect_untrusted(authority_->issue("127.0.0.1"), {}, "certificate");
}

TEST_F(Trust, OtherNameIsRefused) {
  host_ = "localhost";
  expect_untrusted(authority_->issue("hub.example.com"), to_tls(0), "hostname mismatch");
}

TEST_F(Trust, OtherAddressIsRefused) {
  expect_untrusted(authority_->issue("127.0.0.2"), to_tls(0), "IP address mismatch");
}

TEST_F(Trust, ExpiredIsRefused) {
  expect_untrusted(authority_->issue("127.0.0.1", {.from = -7200, .until = -3600}), to_tls(0), "expired");
}

TEST_F(Trust, NotYetValidIsRefused) {
  expect_untrusted(authority_->issue("127.0.0.1", {.from = 3600, .until = 7200}), to_tls(0), "not yet valid");
}

TEST_F(Trust, AWrongSystemClockIsReplacedByABetterTimeAndNothingElseIs) {
  const auto now = std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now());
  const Certificate later = authority_->issue("127.0.0.1", {.from = 1200, .until = 2400});
  Server server(host(), tls(later), true);
  auto to = to_tls(server.port());
  // The system's clock is half an hour behind.
  to.tls.as_of = now + 30min;
  const auto client = connect(to);
  client->send(to_bytes("hello"));
  EXPECT_EQ(client->wait_messages(1).size(), 1U);
  // Dates still count, and so does the authority.
  to.tls.as_of = now + 50min;
  expect_untrusted(later, to, "expired, as of");
  to.tls.as_of = now + 30min;
  expect_untrusted(authority_->self_signed("127.0.0.1", {.from = 1200, .until = 2400}), to, "self");
  expect_untrusted(authority_->issue("127.0.0.2", {.from = 1200, .until = 2400}), to, "IP address mismatch");
}

TEST_F(Trust, SelfSignedIsRefused) {
  expect_untrusted(authority_->self_signed("127.0.0.1"), to_tls(0), "self-signed certificate");
}

TEST_F(Trust, ListenerAsksForClientCertificates) {
  auto options = tls(authority_->issue("127.0.0.1"));
  options.tls.ca_file = authority_->ca_file();
  Server server(host(), std::move(options), true);

  expect_errc(Errc::untrusted, connect(to_tls(server.port()))->wait_closed());
  expect_errc(Errc::untrusted, server.refused());

  const TestAuthority other("somebody else");
  TestAuthority theirs("theirs");
  const Certificate foreign = theirs.issue("gateway"), own = authority_->issue("gateway");
  auto to = to_tls(server.port());
  to.tls.certificate_file = foreign.certificate_file, to.tls.key_file = foreign.key_file;
  expect_errc(Errc::untrusted, connect(to)->wait_closed());
  expect_errc(Errc::untrusted, server.refused());

  to.tls.certificate_file = own.certificate_file, to.tls.key_file = own.key_file;
  const auto client = connect(to);
  client->send(to_bytes("hello"));
  EXPECT_EQ(client->wait_messages(1).size(), 1U);
}

TEST_F(Trust, FilesAreNamedInErrors) {
  const Certificate good = authority_->issue("127.0.0.1"), other = authority_->issue("127.0.0.1");
  const std::string junk = authority_->directory() + "/junk.pem";
  std::ofstream(junk) << "not a certificate";
  expect_bad_file({}, "no file given");
  expect_bad_file({.certificate_file = "/nowhere/hub.pem", .key_file = good.key_file}, "/nowhere/hub.pem");
  expect_bad_file({.certificate_file = good.certificate_file, .key_file = "/nowhere/hub.key"}, "/nowhere/hub.key");
  expect_bad_file({.certificate_file = junk, .key_file = good.key_file}, junk);
  expect_bad_file({.certificate_file = good.certificate_file, .key_file = junk}, junk);
  expect_bad_file({.certificate_file = good.certificate_file, .key_file = other.key_file}, other.key_file);
  expect_bad_file({.ca_file = junk, .certificate_file = good.certificate_file, .key_file = good.key_file}, junk);
  const auto started = host().connect({.url = "wss://hub", .tls = {.ca_file = junk}}, std::make_shared<Recorder>());
  ASSERT_FALSE(started);
  EXPECT_NE(started.error().detail.find(junk), std::string::npos);
}

TEST_F(Trust, PlaintextNeedsLeaveAndLoopback) {
  const auto refused = [&](transport::ConnectOptions options) {
    const auto started = host().connect(std::move(options), std::make_shared<Recorder>());
    ASSERT_FALSE(started);
    expect_errc(Errc::insecure, started.error());
  };
  refused({.url = "ws://127.0.0.1:9"});
  refused({.url = "ws://hub.example.com", .insecure = true});
  for (const char* address : {"0.0.0.0", "192.0.2.1", "::"}) {
    auto listening = host().listen({.address = address, .insecure = true}, [] { return nullptr; });
    ASSERT_FALSE(listening);
    expect_errc(Errc::insecure, listening.error());
  }
}

TEST_F(Trust, PlaintextClientAtTlsListener) {
  Server server(host(), tls(authority_->issue("127.0.0.1")));
  const Error seen = connect(to_plain(server.port()))->wait_closed();
  EXPECT_TRUE(seen.is(Errc::protocol_violation) || seen.is(Errc::unreachable)) << seen.detail;
  expect_errc(Errc::protocol_violation, server.refused());
}

TEST_F(Trust, TlsClientAtPlaintextListener) {
  Server server(host(), plain());
  const Error seen = connect(to_tls(server.port()))->wait_closed();
  EXPECT_TRUE(seen.is(Errc::protocol_violation) || seen.is(Errc::unreachable)) << seen.detail;
  expect_errc(Errc::protocol_violation, server.refused());
}

}  // namespace
}  // namespace edgesync
