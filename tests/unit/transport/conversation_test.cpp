// SPDX-License-Identifier: Apache-2.0
// What every transport promises, whatever it is made of: TLS, plain TCP, or a loopback between two runtimes.
#include "network.hpp"

#include <atomic>

namespace edgesync {
namespace {

using namespace edgesync::rig;
using transport::Handler;

enum class Kind { tls, plain, loopback };

/// Two runtimes with a connection between them.
class Conversation : public ::testing::TestWithParam<Kind> {
 protected:
  void listen(transport::HandlerFactory factory) {
    if (GetParam() == Kind::loopback) return keep(loopback_->listen(theirs(), std::move(factory)));
    transport::ListenOptions options{.address = "127.0.0.1", .insecure = GetParam() == Kind::plain};
    if (GetParam() == Kind::tls)
      options.tls = {.certificate_file = certificate_.certificate_file, .key_file = certificate_.key_file};
    keep(theirs().listen(std::move(options), std::move(factory)));
  }
  void connect(std::shared_ptr<Handler> handler) {
    if (GetParam() == Kind::loopback) return loopback_->connect(ours(), std::move(handler));
    const bool secure = GetParam() == Kind::tls;
    const std::string url = (secure ? "wss://127.0.0.1:" : "ws://127.0.0.1:") + std::to_string(listener_->port());
    const auto started =
        ours().connect({.url = url, .tls = {.ca_file = authority_.ca_file()}, .insecure = !secure}, std::move(handler));
    ASSERT_TRUE(started) << started.error().detail;
  }
  void join(std::shared_ptr<Handler> client, std::shared_ptr<Handler> server) {
    listen([server] { return server; });
    connect(std::move(client));
  }
  void join() { join(client_, server_); }

  transport::Host& ours() { return transport::host(*our_runtime_); }
  transport::Host& theirs() { return transport::host(*their_runtime_); }

  TestAuthority authority_;
  Certificate certificate_ = authority_.issue("127.0.0.1");
  std::shared_ptr<Runtime> our_runtime_ = make_runtime(), their_runtime_ = make_runtime();
  std::shared_ptr<Loopback> loopback_ = make_loopback();
  std::unique_ptr<transport::Listener> listener_;
  std::shared_ptr<Recorder> client_ = std::make_shared<Recorder>(), server_ = std::make_shared<Recorder>();

 private:
  void keep(Result<std::unique_ptr<transport::Listener>> listening) {
    ASSERT_TRUE(listening) << listening.error().detail;
    listener_ = *std::move(listening);
  }
};

TEST_P(Conversation, CarriesMessagesBothWays) {
  server_->echo = true;
  join();
  client_->send(to_bytes("hello"));
  EXPECT_EQ(client_->wait_messages(1).at(0), to_bytes("hello"));
  EXPECT_EQ(server_->wait_messages(1).at(0), to_bytes("hello"));
  EXPECT_FALSE(client_->peer().address.empty());
}

TEST_P(Conversation, CarriesEmptyAndBigMessages) {
  server_->echo = true;
  join();
  const std::vector<Bytes> sent{{}, pattern(1), pattern(65'535), pattern(65'536), pattern(1 << 20)};
  for (const Bytes& message : sent) client_->send(message);
  EXPECT_EQ(client_->wait_messages(sent.size()), sent);
}

TEST_P(Conversation, KeepsOrderWithManyMessagesBothWaysAtOnce) {
  join();
  std::vector<Bytes> up, down;
  for (unsigned i = 0; i < 2'000; ++i) {
    up.push_back(pattern(i % 700, i));
    down.push_back(pattern(i % 900, i + 7));
    client_->send(up.back());
    server_->send(down.back());
  }
  EXPECT_EQ(server_->wait_messages(up.size()), up);
  EXPECT_EQ(client_->wait_messages(down.size()), down);
}

TEST_P(Conversation, CloseReasonTravels) {
  join();
  server_->close({Errc::unauthorized, "token expired"});
  expect_errc(Errc::unauthorized, server_->wait_closed());
  const Error seen = client_->wait_closed();
  expect_errc(Errc::unauthorized, seen);
  EXPECT_EQ(seen.detail, "the peer closed the connection: token expired");
}

TEST_P(Conversation, CancelHereIsClosedThere) {
  join();
  server_->wait_open();
  client_->close({Errc::cancelled, "unlinked"});
  expect_errc(Errc::cancelled, client_->wait_closed());
  expect_errc(Errc::closed, server_->wait_closed());
}

TEST_P(Conversation, ClosingBothSidesAtOnceEndsOnceEach) {
  join();
  const auto one = client_->wait_open(), other = server_->wait_open();
  one->close({Errc::closed, "bye"});
  other->close({Errc::closed, "bye"});
  one->close({Errc::closed, "bye again"});
  client_->wait_closed();
  server_->wait_closed();
  listener_.reset();
  our_runtime_.reset();
  their_runtime_.reset();
  EXPECT_EQ(client_->closed_count(), 1U);
  EXPECT_EQ(server_->closed_count(), 1U);
}

/// Fails in one of the three calls.
class Thrower final : public Recorder {
 public:
  explicit Thrower(int where) : where_(where) {}
  void on_open(std::shared_ptr<transport::Connection> connection, transport::Peer peer) override {
    Recorder::on_open(std::move(connection), std::move(peer));
    if (where_ == 0) throw std::runtime_error("on_open");
  }
  void on_message(ByteView) override {
    if (where_ == 1) throw 1;
  }
  std::optional<Bytes> next_message() override {
    if (where_ == 2) throw std::runtime_error("next_message");
    return {};
  }
  void on_closed(const Error& why) override {
    Recorder::on_closed(why);
    throw std::runtime_error("on_closed");
  }

 private:
  const int where_;
};

TEST_P(Conversation, HandlerThatThrowsLosesItsConnection) {
  std::atomic<int> where = 0;
  Mailbox<std::shared_ptr<Recorder>> served;
  listen([&] {
    auto handler = std::make_shared<Thrower>(where);
    served.put(handler);
    return handler;
  });
  for (where = 0; where < 3; ++where) {
    const auto client = std::make_shared<Recorder>();
    client->send(to_bytes("x"));
    connect(client);
    expect_errc(Errc::closed, client->wait_closed());
    expect_errc(Errc::closed, (*served.take())->wait_closed());
  }
}

/// Sends without end, and counts what it was asked for.
class Endless final : public Recorder {
 public:
  std::optional<Bytes> next_message() override {
    ++asked;
    return pattern(256 * 1024);
  }
  std::atomic<int> asked = 0;
};

/// Stands still in its first message until it is let go.
class Sleeper final : public Recorder {
 public:
  void on_message(ByteView message) override {
    Recorder::on_message(message);
    go.take();
  }
  Mailbox<int> go;
};

TEST_P(Conversation, AsksForNoMoreThanThePeerTakes) {
  const auto sender = std::make_shared<Endless>();
  const auto reader = std::make_shared<Sleeper>();
  join(sender, reader);
  reader->wait_messages(1);
  // Waking it often does not push more into the pipe than the system's buffers hold.
  for (int i = 0; i < 1'000; ++i) sender->wait_open()->wake();
  EXPECT_LT(sender->asked, 100);
  sender->close({Errc::closed, "enough"});
  for (int i = 0; i < 1'000; ++i) reader->go.put(0);
  sender->wait_closed();
  reader->wait_closed();
}

TEST_P(Conversation, ClosedListenerServesNobody) {
  join();
  server_->wait_open();  // the client may think so a moment before
  const auto port = listener_->port();
  Mailbox<int> closed;
  theirs().post([&] {
    listener_->close();
    closed.put(0);
  });
  closed.take();
  const auto late = std::make_shared<Recorder>();
  if (GetParam() == Kind::loopback) {
    loopback_->connect(ours(), late);
  } else {
    const auto started = ours().connect({.url = "ws://127.0.0.1:" + std::to_string(port), .insecure = true}, late);
    ASSERT_TRUE(started);
  }
  expect_errc(Errc::unreachable, late->wait_closed());
  // The open connection is left alone.
  client_->send(to_bytes("still here"));
  EXPECT_EQ(server_->wait_messages(1).at(0), to_bytes("still here"));
}

TEST_P(Conversation, EndOfOneRuntimeIsToldToBothSides) {
  join();
  client_->wait_open();
  server_->wait_open();
  client_->send(pattern(1000));
  their_runtime_.reset();
  expect_errc(Errc::closed, server_->wait_closed());
  expect_errc(Errc::closed, client_->wait_closed());
  const auto late = std::make_shared<Recorder>();
  connect(late);
  expect_errc(Errc::unreachable, late->wait_closed());
}

TEST_P(Conversation, WakeAndCloseAfterTheEndDoNothing) {
  join();
  const auto connection = client_->wait_open();
  connection->close({Errc::closed, "done"});
  client_->wait_closed();
  connection->wake();
  connection->close({Errc::closed, "again"});
  server_->wait_closed();
  our_runtime_.reset();
  connection->wake();
  EXPECT_EQ(client_->closed_count(), 1U);
}

INSTANTIATE_TEST_SUITE_P(Transports, Conversation, ::testing::Values(Kind::tls, Kind::plain, Kind::loopback),
                         [](const auto& made) {
                           return made.param == Kind::tls ? "tls" : made.param == Kind::plain ? "plain" : "loopback";
                         });

TEST(Loopback, SecondListenerIsRefused) {
  const auto runtime = make_runtime();
  const auto loopback = make_loopback();
  auto first = loopback->listen(transport::host(*runtime), [] { return std::make_shared<Recorder>(); });
  ASSERT_TRUE(first);
  auto second = loopback->listen(transport::host(*runtime), [] { return std::make_shared<Recorder>(); });
  ASSERT_FALSE(second);
  expect_errc(Errc::already_open, second.error());
  first->reset();
  EXPECT_TRUE(loopback->listen(transport::host(*runtime), [] { return std::make_shared<Recorder>(); }));
}

}  // namespace
}  // namespace edgesync
