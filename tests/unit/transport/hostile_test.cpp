// SPDX-License-Identifier: Apache-2.0
// Peers that are silent, slow, rude or broken. Each must cost a bounded time and end in a clear error on our side.
#include "network.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <filesystem>

namespace edgesync {
namespace {

using namespace edgesync::rig;
using transport::Limits;
using transport::ListenOptions;

class Silence : public Network {
 protected:
  void expect_timed_out(const Error& error, const char* stage) {
    expect_errc(Errc::timed_out, error);
    EXPECT_NE(error.detail.find(stage), std::string::npos) << error.detail;
  }
  /// Speaks the upgrade, then whatever the test says.
  RawSocket upgraded(std::uint16_t port) {
    RawSocket socket = RawSocket::connect(port);
    socket.send(upgrade_request());
    EXPECT_TRUE(socket.read_until("\r\n\r\n").starts_with("HTTP/1.1 101"));
    return socket;
  }
};

TEST_F(Silence, NobodyListens) {
  std::uint16_t port = 0;
  {
    const RawSocket gone = RawSocket::listen();
    port = gone.port();
  }
  const Error seen = connect(to_tls(port))->wait_closed();
  expect_errc(Errc::connection_refused, seen);
  EXPECT_NE(seen.detail.find("127.0.0.1 port " + std::to_string(port)), std::string::npos) << seen.detail;
}

TEST_F(Silence, UnknownNameIsUnreachable) {
  auto options = to_tls(1);
  options.url = "wss://no-such-host.invalid";
  options.limits.connect = 30s;
  const Error seen = connect(options)->wait_closed();
  EXPECT_TRUE(seen.is(Errc::unreachable) || seen.is(Errc::timed_out)) << seen.detail;
}

TEST_F(Silence, WhileConnecting) {
  // A full backlog drops what comes next, as a black hole would.
  const RawSocket full = RawSocket::listen(0);
  std::vector<RawSocket> waiting;
  for (int i = 0; i < 4; ++i) waiting.push_back(RawSocket::connect(full.port(), SOCK_NONBLOCK));
  expect_timed_out(connect(to_tls(full.port(), {.connect = 200ms}))->wait_closed(), "no answer from 127.0.0.1");
}

TEST_F(Silence, DuringTlsOfAServer) {
  const RawSocket mute = RawSocket::listen();
  expect_timed_out(connect(to_tls(mute.port(), {.handshake = 100ms}))->wait_closed(), "TLS handshake");
}

TEST_F(Silence, DuringUpgradeOfAServer) {
  const RawSocket mute = RawSocket::listen();
  expect_timed_out(connect(to_plain(mute.port(), {.handshake = 100ms}))->wait_closed(), "WebSocket upgrade");
}

TEST_F(Silence, DuringTlsOfAClient) {
  Server server(host(), tls(authority_->issue("127.0.0.1"), {.handshake = 100ms}));
  const RawSocket mute = RawSocket::connect(server.port());
  expect_timed_out(server.refused(), "TLS handshake");
  EXPECT_EQ(mute.read_all(), "");
}

TEST_F(Silence, DuringUpgradeOfAClient) {
  Server server(host(), plain({.handshake = 100ms}));
  const RawSocket mute = RawSocket::connect(server.port());
  mute.send("GET / HT");
  expect_timed_out(server.refused(), "WebSocket upgrade");
}

TEST_F(Silence, HalfOpenConnectionIsFoundByBothSides) {
  Server server(host(), tls(authority_->issue("127.0.0.1"), {.idle = 200ms}));
  const auto client = connect(to_tls(server.port()));
  expect_timed_out(server.accepted()->wait_closed(), "sign of life");
  expect_timed_out(client->wait_closed(), "sign of life");
}

TEST_F(Silence, PeerThatNeverReadsIsClosed) {
  Server server(host(), plain({.write = 200ms}));
  const RawSocket stuffed = upgraded(server.port());
  const auto handler = server.accepted();
  for (int i = 0; i < 64; ++i) handler->send(pattern(1 << 20));
  expect_timed_out(handler->wait_closed(), "writing");
}

TEST_F(Silence, PeerThatIgnoresGoodbyeIsDropped) {
  Server server(host(), plain({.close = 100ms}));
  const RawSocket deaf = upgraded(server.port());
  const auto handler = server.accepted();
  handler->close({Errc::forbidden, "not you"});
  expect_errc(Errc::forbidden, handler->wait_closed());
  EXPECT_NE(deaf.read_all().find("forbidden: not you"), std::string::npos);
}

TEST_F(Silence, ConnectionThatVanishes) {
  Server server(host(), plain());
  { const RawSocket gone = upgraded(server.port()); }
  expect_errc(Errc::unreachable, server.accepted()->wait_closed());
}

using Rudeness = Silence;

TEST_F(Rudeness, GarbageInsteadOfUpgrade) {
  for (const std::string& junk :
       {std::string(64, '\0') + "\r\n\r\n", std::string("\x16\x03\x01 hello\r\n\r\n"),
        std::string("GET / HTTP/9.9\r\n\r\n"), std::string("GET / HTTP/1.1\r\n\r\n"),
        std::string("POST / HTTP/1.1\r\nContent-Length: 99\r\n\r\n"),
        "GET / HTTP/1.1\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n", upgrade_request() + client_frame(2, "early"),
        upgrade_request().replace(upgrade_request().find("13"), 2, "12")}) {
    Server server(host(), plain());
    const RawSocket rude = RawSocket::connect(server.port());
    rude.send(junk);
    expect_errc(Errc::protocol_violation, server.refused());
  }
}

TEST_F(Rudeness, BrowsersAreRefused) {
  Server server(host(), plain());
  const RawSocket browser = RawSocket::connect(server.port());
  browser.send(upgrade_request("Origin: https://example.com\r\n"));
  expect_errc(Errc::forbidden, server.refused());
}

TEST_F(Rudeness, AnswersThatAreNoUpgrade) {
  const std::pair<std::string, Errc> cases[] = {
      {"\x15\x03\x03garbage\r\n\r\n", Errc::protocol_violation},
      {"HTTP/1.1 302 Found\r\nLocation: http://portal/\r\n\r\n", Errc::protocol_violation},
      {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", Errc::protocol_violation},
      {"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n", Errc::unauthorized},
      {"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", Errc::forbidden},
      {"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", Errc::unreachable},
      {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
       "Sec-WebSocket-Accept: wrong\r\n\r\n",
       Errc::protocol_violation},
      {"HTTP/1.1 101 Switching Protocols\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n", Errc::protocol_violation},
      {"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + std::string(1'000'000, 'x'), Errc::protocol_violation},
  };
  for (const auto& [answer, expected] : cases) {
    const RawSocket server = RawSocket::listen();
    const auto client = connect(to_plain(server.port()));
    const RawSocket conversation = server.accept();
    conversation.read_until("\r\n\r\n");
    conversation.send(answer);
    ::shutdown(conversation.descriptor(), SHUT_WR);
    expect_errc(expected, client->wait_closed());
  }
}

TEST_F(Rudeness, OversizedMessageIsClosedWith1009) {
  for (const bool secure : {true, false}) {
    auto options = secure ? tls(authority_->issue("127.0.0.1")) : plain();
    options.limits.message_bytes_max = 1000;
    Server server(host(), std::move(options), true);
    const auto client = connect(secure ? to_tls(server.port()) : to_plain(server.port()));
    client->send(pattern(1000));
    EXPECT_EQ(client->wait_messages(1).size(), 1U);
    client->send(pattern(4 << 20));
    expect_errc(Errc::limit_exceeded, server.accepted()->wait_closed());
    expect_errc(Errc::limit_exceeded, client->wait_closed());
  }
}

TEST_F(Rudeness, AnnouncedSizeAllocatesNothing) {
  Server server(host(), plain());
  const RawSocket liar = upgraded(server.port());
  liar.send(std::string("\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0", 14));
  expect_errc(Errc::limit_exceeded, server.accepted()->wait_closed());
}

TEST_F(Rudeness, TextMessageIsClosedWith1003) {
  Server server(host(), plain());
  const RawSocket talker = upgraded(server.port());
  talker.send(client_frame(1, "hello"));
  EXPECT_EQ(talker.read_bytes(4).substr(2), "\x03\xeb");
  expect_errc(Errc::protocol_violation, server.accepted()->wait_closed());
}

TEST_F(Rudeness, BrokenFrames) {
  for (const std::string& frames : {std::string("\x82\x05hello"),            // not masked
                                    std::string("\x83\x80\0\0\0\0", 6),      // reserved opcode
                                    std::string("\xf2\x80\0\0\0\0", 6),      // reserved bits
                                    std::string("\x80\x80\0\0\0\0", 6),      // continues nothing
                                    std::string("\x09\x80\0\0\0\0", 6),      // fragmented ping
                                    std::string("\x88\x81\0\0\0\0x", 7)}) {  // half a close code
    Server server(host(), plain());
    const RawSocket rude = upgraded(server.port());
    rude.send(frames);
    expect_errc(Errc::protocol_violation, server.accepted()->wait_closed());
  }
}

TEST_F(Rudeness, PingIsAnsweredAndFloodIsClosed) {
  Server server(host(), plain());
  const RawSocket pinger = upgraded(server.port());
  pinger.send(client_frame(9, "you there?"));
  EXPECT_EQ(pinger.read_bytes(12), "\x8a\x0ayou there?");
  for (int i = 0; i < 100; ++i) pinger.send(client_frame(9, "x"));
  expect_errc(Errc::limit_exceeded, server.accepted()->wait_closed());
}

TEST_F(Rudeness, FragmentsMakeOneMessage) {
  Server server(host(), plain(), true);
  const RawSocket slow = upgraded(server.port());
  std::string first = client_frame(2, "hel"), second = client_frame(0, "lo");
  first[0] = 0x02;
  for (const char byte : first + client_frame(9, "") + second) slow.send({&byte, 1});
  EXPECT_EQ(server.accepted()->wait_messages(1).at(0), to_bytes("hello"));
}

using Caps = Silence;

TEST_F(Caps, HandshakesAreCounted) {
  Server server(host(), plain({.handshake = 60s, .strangers_max = 2}));
  const RawSocket first = RawSocket::connect(server.port()), second = RawSocket::connect(server.port());
  const RawSocket third = RawSocket::connect(server.port());
  EXPECT_EQ(third.read_all(), "");
  expect_errc(Errc::limit_exceeded, server.refused());
  // One that finishes makes room.
  first.send(upgrade_request());
  first.read_until("\r\n\r\n");
  server.accepted()->wait_open();
  const RawSocket fourth = upgraded(server.port());
  server.accepted()->wait_open();
}

/// Remains a stranger until it says something: that it is known, or was refused.
class Unknown final : public Recorder {
 public:
  void on_open(std::shared_ptr<transport::Connection> connection, transport::Peer peer) override {
    stranger_ = peer.stranger;
    Recorder::on_open(std::move(connection), std::move(peer));
  }
  void on_message(ByteView message) override {
    if (equal(message, to_bytes("refused"))) stranger_->refused();
    stranger_.reset();
    Recorder::on_message(message);
  }
  void on_closed(const Error& why) override {
    stranger_.reset();
    Recorder::on_closed(why);
  }

 private:
  std::shared_ptr<transport::Stranger> stranger_;
};

TEST_F(Caps, StrangersAreCountedUntilSomebodyKnowsThem) {
  Mailbox<std::shared_ptr<Unknown>> served;
  Mailbox<std::string> refused;
  ListenOptions options = plain({.strangers_per_network = 2, .suspects_per_network = 1, .refusals_per_network = 1});
  options.address = "127.0.0.1";
  options.refused = [&](std::string_view, const Error& why) { refused.put(why.detail); };
  const auto listener = host().listen(std::move(options), [&] {
    auto handler = std::make_shared<Unknown>();
    served.put(handler);
    return handler;
  });
  ASSERT_TRUE(listener);
  const std::uint16_t port = (*listener)->port();
  const auto says = [&](const RawSocket& socket, const std::shared_ptr<Unknown>& at, const char* what) {
    socket.send(client_frame(2, what));
    at->wait_messages(1);
  };
  const auto turned_away = [&] {
    const RawSocket socket = RawSocket::connect(port);
    EXPECT_EQ(socket.read_all(), "");
    return *refused.take();
  };
  const RawSocket one = upgraded(port);
  const auto at_one = *served.take();
  EXPECT_EQ((at_one->wait_open(), at_one->peer().network), "127.0.0.0/24");
  const RawSocket two = upgraded(port);
  const auto at_two = *served.take();
  EXPECT_EQ(turned_away(), "too many from this network that are not open yet");

  says(one, at_one, "known");
  const RawSocket three = upgraded(port);
  const auto at_three = *served.take();
  says(two, at_two, "refused");
  says(three, at_three, "refused");
  const RawSocket four = upgraded(port);  // one at a time, from here on
  const auto at_four = *served.take();
  EXPECT_EQ(turned_away(), "too many from this network, which was refused too often");
}

/// Is not to be read before it is told.
class Pausing final : public Recorder {
 public:
  std::chrono::milliseconds pause() override {
    asked.put(1);
    return released ? 0ms : 5ms;
  }
  Mailbox<int> asked;
  std::atomic<bool> released = false;
};

TEST_F(Caps, AMessageStaysInTheNetworkDuringAPause) {
  const auto pausing = std::make_shared<Pausing>();
  ListenOptions options = plain();
  options.address = "127.0.0.1";
  const auto listener = host().listen(std::move(options), [pausing] { return pausing; }).value();
  const auto client = connect(to_plain(listener->port()));
  client->send(to_bytes("early"));
  for (int i = 0; i < 5; ++i) pausing->asked.take();
  EXPECT_TRUE(pausing->messages().empty());
  pausing->released = true;
  EXPECT_EQ(pausing->wait_messages(1).at(0), to_bytes("early"));
}

/// A program that the application starts must not keep connections open when the application ends.
TEST_F(Caps, NoChildInheritsASocket) {
  Server server(host(), plain());
  const auto client = connect(to_plain(server.port()));
  client->wait_open();
  server.accepted()->wait_open();
  std::size_t sockets = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    const int descriptor = std::stoi(entry.path().filename());
    struct stat kind {};
    if (::fstat(descriptor, &kind) != 0 || !S_ISSOCK(kind.st_mode)) continue;
    ++sockets;
    EXPECT_NE(::fcntl(descriptor, F_GETFD) & FD_CLOEXEC, 0) << descriptor;
  }
  EXPECT_EQ(sockets, 3U);  // one listens, and the two ends
}

TEST_F(Caps, ConnectionsAreCounted) {
  Server server(host(), plain({.connections_max = 1}));
  const auto first = connect(to_plain(server.port()));
  const auto accepted = server.accepted();
  first->wait_open();
  const auto second = connect(to_plain(server.port()));
  expect_errc(Errc::unreachable, second->wait_closed());
  expect_errc(Errc::limit_exceeded, server.refused());
  accepted->close({Errc::closed, "make room"});
  accepted->wait_closed();
  const auto third = connect(to_plain(server.port()));
  third->wait_open();
}

TEST_F(Caps, ListenerSurvivesWithoutFileDescriptors) {
  Server server(host(), plain());
  RawSocket client(::socket(AF_INET, SOCK_STREAM, 0));
  rlimit before{};
  ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &before));
  const rlimit none{0, before.rlim_max};
  ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &none));
  client.connect_to(server.port());
  const Error why = server.refused();
  ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &before));
  expect_errc(Errc::limit_exceeded, why);
  client.send(upgrade_request());
  EXPECT_TRUE(client.read_until("\r\n\r\n").starts_with("HTTP/1.1 101"));
}

}  // namespace
}  // namespace edgesync
