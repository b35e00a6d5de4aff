// SPDX-License-Identifier: Apache-2.0
// Runtimes: their threads, their timers, and that they end without losing or repeating a word.
#include "network.hpp"

#include <edgesync/asio.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>

#include <atomic>
#include <set>
#include <thread>

namespace edgesync {
namespace {

using namespace edgesync::rig;

class RuntimeTest : public Network {
 protected:
  Instant soon(std::chrono::milliseconds after = 1ms) { return host().clock().now().monotonic + after; }
};

TEST_F(RuntimeTest, PostedWorkRunsInsideAndInOrder) {
  Mailbox<std::pair<int, bool>> seen;
  for (int i = 0; i < 100; ++i) host().post([&, i] { seen.put({i, host().inside()}); });
  for (int i = 0; i < 100; ++i) EXPECT_EQ(seen.take(), std::pair(i, true));
  EXPECT_FALSE(host().inside());
}

TEST_F(RuntimeTest, WorkThatThrowsHarmsNobody) {
  Mailbox<int> seen;
  host().post([] { throw std::runtime_error("oops"); });
  const auto timer = host().timer([] { throw 1; });
  timer->arm(soon());
  const auto second = host().timer([&] { seen.put(1); });
  second->arm(soon(20ms));
  EXPECT_EQ(seen.take(), 1);
}

TEST_F(RuntimeTest, TimerKeepsOnlyTheLastInstant) {
  Mailbox<Instant> fired;
  const auto timer = host().timer([&] { fired.put(host().clock().now().monotonic); });
  const Instant due = soon(50ms);
  timer->arm(soon(1ms) + 1h);
  timer->arm(due - 1h);
  timer->arm(due);
  Instant seen = fired.take().value();
  if (seen < due) seen = fired.take().value();  // the past instant may have fired before it was replaced
  EXPECT_GE(seen, due);
  timer->arm(soon());
  EXPECT_TRUE(fired.take());
}

TEST_F(RuntimeTest, TimerThatIsDisarmedOrDestroyedIsSilent) {
  Mailbox<int> done;
  std::atomic<int> fired = 0;
  host().post([&] {
    auto first = host().timer([&] { ++fired; });
    first->arm(soon(0ms));
    first->arm(never);
    auto second = host().timer([&] { ++fired; });
    second->arm(soon(0ms));
    second.reset();
    auto last = std::make_shared<std::unique_ptr<transport::Timer>>();
    *last = host().timer([&done, last] {
      done.put(0);
      last->reset();  // destroyed in its own call
    });
    (*last)->arm(soon(20ms));
  });
  done.take();
  EXPECT_EQ(fired, 0);
}

TEST_F(RuntimeTest, ClockTellsBothTimes) {
  const Now first = host().clock().now(), second = host().clock().now();
  EXPECT_LE(first.monotonic, second.monotonic);
  EXPECT_GT(second.wall.time_since_epoch(), 24h * 365 * 50);
}

TEST_F(RuntimeTest, TimerMayOutliveItsRuntime) {
  auto timer = host().timer([] {});
  timer->arm(soon(1h));
  runtime_.reset();
  timer->arm(Instant{});
  timer.reset();
}

TEST_F(RuntimeTest, EndsWhenLetGoFromItsOwnThread) {
  Mailbox<int> done;
  host().post([&, keep = runtime_]() mutable {
    done.take();  // until the test has let go of its own share
    keep.reset();
    done.put(1);
  });
  runtime_.reset();
  done.put(0);
  while (done.take() != 1) done.put(0);
}

TEST_F(RuntimeTest, LettingGoClosesWhatIsOpenAndTellsEverybodyOnce) {
  Server server(host(), tls(authority_->issue("127.0.0.1")));
  const auto client = connect(to_tls(server.port()));
  const auto served = server.accepted();
  client->wait_open();
  served->wait_open();
  const RawSocket mute = RawSocket::listen();
  const auto dialling = connect(to_tls(mute.port()));
  runtime_.reset();
  for (const auto& handler : {client, served, dialling}) {
    EXPECT_EQ(handler->closed_count(), 1U);
    expect_errc(Errc::closed, handler->wait_closed());
  }
  server.listener.reset();
}

TEST_F(RuntimeTest, LettingGoMidFlightLosesNobody) {
  const Certificate certificate = authority_->issue("127.0.0.1");
  for (int round = 0; round < 10; ++round) {
    auto other = make_runtime();
    Server server(transport::host(*other), tls(certificate), true);
    std::vector<std::shared_ptr<Recorder>> clients;
    for (int i = 0; i < 8; ++i) clients.push_back(connect(to_tls(server.port())));
    for (const auto& client : clients)
      for (int i = 0; i < 20; ++i) client->send(pattern(10'000));
    if (round % 2 == 0) clients.front()->wait_messages(1);
    if (round % 3 == 0) server.listener.reset();
    other.reset();
    for (const auto& client : clients) client->wait_closed();
  }
}

TEST_F(RuntimeTest, HandlerMayHoldTheLastShareOfItsRuntime) {
  class Owner final : public Recorder {
   public:
    void on_closed(const Error& why) override {
      runtime.reset();
      Recorder::on_closed(why);
    }
    std::shared_ptr<Runtime> runtime = make_runtime();
  };
  const auto owner = std::make_shared<Owner>();
  Server server(host(), plain());
  auto& theirs = transport::host(*owner->runtime);
  ASSERT_TRUE(theirs.connect(to_plain(server.port()), owner));
  server.accepted()->close({Errc::closed, "go"});
  expect_errc(Errc::closed, owner->wait_closed());
}

TEST(AsioRuntime, RunsOnTheCallersLoop) {
  boost::asio::io_context loop;
  auto runtime = asio_runtime(loop.get_executor());
  auto& host = transport::host(*runtime);
  const auto client = std::make_shared<Recorder>(), served = std::make_shared<Recorder>();
  auto listener = host.listen({.address = "127.0.0.1", .insecure = true}, [served] { return served; }).value();
  const std::string url = "ws://127.0.0.1:" + std::to_string(listener->port());
  ASSERT_TRUE(host.connect({.url = url, .insecure = true}, client));
  client->send(to_bytes("hello"));
  std::thread runner([&] { loop.run(); });
  EXPECT_EQ(served->wait_messages(1).at(0), to_bytes("hello"));
  runtime.reset();
  runner.join();  // nothing is left to do
  EXPECT_EQ(client->closed_count(), 1U);
  EXPECT_EQ(served->closed_count(), 1U);
}

TEST(AsioRuntime, RunsOneAtATimeOnAPool) {
  boost::asio::thread_pool pool(3);
  auto runtime = asio_runtime(pool.get_executor());
  int unprotected = 0;
  for (int i = 0; i < 10'000; ++i) transport::host(*runtime).post([&] { ++unprotected; });
  Mailbox<bool> inside;
  transport::host(*runtime).post([&] { inside.put(transport::host(*runtime).inside()); });
  EXPECT_EQ(inside.take(), true);
  EXPECT_EQ(unprotected, 10'000);
  runtime.reset();
  pool.join();
}

TEST(AsioRuntime, ContextThatIsDestroyedFirstLeaksNothing) {
  auto client = std::make_shared<Recorder>();
  const RawSocket mute = RawSocket::listen();
  {
    boost::asio::io_context loop;
    auto runtime = asio_runtime(loop.get_executor());
    const std::string url = "ws://127.0.0.1:" + std::to_string(mute.port());
    ASSERT_TRUE(transport::host(*runtime).connect({.url = url, .insecure = true}, client));
    loop.poll();
    runtime.reset();
  }
  EXPECT_EQ(client.use_count(), 1);
}

TEST(AsioRuntime, OtherBoostIsRefused) {
  boost::asio::io_context loop;
  const boost::asio::any_io_executor executor = loop.get_executor();
  const auto made = detail::make_asio_runtime(&executor, BOOST_VERSION + 100);
  ASSERT_FALSE(made);
  expect_errc(Errc::unsupported, made.error());
}

TEST(AsioErrors, CancelledIsOperationAborted) {
  EXPECT_EQ(to_asio({Errc::cancelled, ""}), boost::asio::error::operation_aborted);
  EXPECT_EQ(to_asio({Errc::timed_out, ""}), boost::asio::error::timed_out);
  EXPECT_EQ(std::error_code(to_asio({Errc::storage_full, ""})), make_error_code(Errc::storage_full));
}

TEST(SystemRandom, DoesNotRepeat) {
  const auto random = transport::system_random();
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 1'000; ++i) seen.insert(random->next());
  EXPECT_EQ(seen.size(), 1'000U);
}

}  // namespace
}  // namespace edgesync
