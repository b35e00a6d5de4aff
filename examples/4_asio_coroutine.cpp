// SPDX-License-Identifier: Apache-2.0
// Lesson 4: edgesync in an Asio program. Everything runs on the caller's io_context, with no thread of its own, and a
// coroutine awaits the hub's word that it holds every commit durably. Usage: 4_asio_coroutine DIRECTORY
#include <edgesync/asio.hpp>
#include <edgesync/edgesync.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstdio>

namespace es = edgesync;
namespace net = boost::asio;

namespace {

net::awaitable<void> work(es::Node& node) {
  auto twin = node.state("twin/gw-17");
  for (int rpm = 1480; rpm < 1490; ++rpm) twin.set("reported/rpm", rpm).value();
  co_await es::async_flush(node, net::use_awaitable);
  std::printf("flushed: %d keys pending\n", static_cast<int>(node.status().scopes.front().pending));
}

void run(const std::string& directory) {
  net::io_context io;
  const auto runtime = es::asio_runtime(io.get_executor());
  const auto loopback = es::make_loopback();
  es::HubOptions options;
  options.node = {.database = directory + "/hub.db", .name = "hub", .runtime = runtime};
  options.loopback = loopback;
  options.authorize.connect = [](const es::Credentials&) { return true; };
  options.authorize.scope = [](const es::Credentials&, es::Plane, std::string_view) { return es::Access::read_write; };
  auto hub = es::Hub::open(std::move(options)).value();
  auto node = es::Node::open({.database = directory + "/node.db", .name = "gw-17", .runtime = runtime}).value();
  node.link({.loopback = loopback}).value();

  std::exception_ptr failure;
  es::Value rpm;
  net::co_spawn(io, work(node), [&](std::exception_ptr thrown) {
    failure = thrown;
    rpm = hub.state("twin/gw-17").get("reported/rpm").value_or(es::Value());
    node.close();  // The link would keep the loop busy for ever.
    hub.close();
  });
  io.run();
  if (failure) std::rethrow_exception(failure);
  std::printf("the hub reads rpm %s\n", es::to_json(rpm).c_str());
  if (rpm != es::Value(std::int64_t{1489})) throw std::runtime_error("not the last write");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::fputs("usage: 4_asio_coroutine DIRECTORY\n", stderr), 2;
  try {
    run(argv[1]);
  } catch (const std::exception& failure) {
    return std::fprintf(stderr, "4_asio_coroutine: %s\n", failure.what()), 1;
  }
}
