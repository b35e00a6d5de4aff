// SPDX-License-Identifier: Apache-2.0
#include "transport/dial.hpp"

#include "transport/net_error.hpp"
#include "transport/resolve.hpp"
#include "transport/session.hpp"
#include "transport/socket.hpp"
#include "transport/tls.hpp"
#include "transport/url.hpp"
#include "transport/watchdog.hpp"

namespace edgesync::transport {
namespace {

class Dialer final : public Stoppable, public std::enable_shared_from_this<Dialer> {
 public:
  Dialer(std::shared_ptr<Engine> engine, Url url, TlsContext tls, Limits limits, std::shared_ptr<Handler> handler)
      : engine_(std::move(engine)),
        url_(std::move(url)),
        tls_(std::move(tls)),
        limits_(limits),
        socket_(engine_->executor()),
        handler_(std::move(handler)) {}

  void start();
  void stop(const Error& why) override { finish(why); }

 private:
  void look_up();
  void found(Result<Lookup::Addresses> addresses);
  void try_next();
  void tried(const boost::system::error_code& error);
  void connected();
  void expired();
  void finish(const Error& why);

  const std::shared_ptr<Engine> engine_;
  const Url url_;
  const TlsContext tls_;
  const Limits limits_;
  Socket socket_;
  std::shared_ptr<Handler> handler_;  // until it is handed to the session or told
  std::shared_ptr<Watchdog> watchdog_;
  std::shared_ptr<Lookup> lookup_;
  Watchdog::Steady::time_point deadline_;
  Lookup::Addresses addresses_;
  std::size_t next_ = 0;
  Error last_error_{};
};

void Dialer::start() {
  const std::weak_ptr<Dialer> weak = weak_from_this();
  watchdog_ = std::make_shared<Watchdog>(engine_->executor(), [weak](Wait) {
    if (const auto self = weak.lock()) self->expired();
  });
  if (!engine_->enter(shared_from_this())) return finish(runtime_ended());
  deadline_ = Watchdog::Steady::now() + limits_.connect;
  watchdog_->expect(Wait::connect, deadline_);
  if (!contained([this] { look_up(); })) finish({Errc::limit_exceeded, url_.host + ": out of memory"});
}

void Dialer::look_up() {
  lookup_ = Lookup::start(url_.host, [self = shared_from_this()](Result<Lookup::Addresses> addresses) {
    self->engine_->post([self, addresses = std::move(addresses)]() mutable { self->found(std::move(addresses)); });
  });
}

void Dialer::found(Result<Lookup::Addresses> addresses) {
  if (!handler_) return;
  if (!addresses) return finish(addresses.error());
  addresses_ = *std::move(addresses);
  try_next();
}

void Dialer::try_next() {
  if (next_ == addresses_.size()) return finish(last_error_);
  const auto left = deadline_ - Watchdog::Steady::now();
  watchdog_->expect(Wait::connect, Watchdog::Steady::now() + left / static_cast<int>(addresses_.size() - next_));
  const boost::asio::ip::tcp::endpoint endpoint(addresses_[next_++], url_.port);
  socket_ = Socket(engine_->executor());
  boost::system::error_code failure;  // of which connecting tells
  socket_.open(endpoint.protocol(), failure);
  if (!failure) keep_from_children(socket_);
  socket_.async_connect(endpoint, [self = shared_from_this()](const boost::system::error_code& error) {
    if (!contained([&] { self->tried(error); })) self->finish({Errc::unreachable, "out of memory"});
  });
}

void Dialer::tried(const boost::system::error_code& error) {
  if (!handler_) return;
  if (!error) return connected();
  const std::string where = url_.host + " port " + std::to_string(url_.port);
  last_error_ = error == boost::asio::error::operation_aborted ? Error(Errc::timed_out, "no answer from " + where)
                                                               : net_error(error, where);
  try_next();
}

void Dialer::connected() {
  watchdog_->stop();
  engine_->leave(this);
  prepare(socket_);
  SessionParts parts;
  parts.peer = peer_name(socket_);
  parts.bytes = url_.secure ? tls_client_stream(std::move(socket_), tls_, url_.host) : plain_stream(std::move(socket_));
  parts.client = true;
  parts.host = url_.authority();
  parts.target = url_.target;
  parts.limits = limits_;
  auto handler = std::exchange(handler_, nullptr);
  parts.opened = [handler] { return handler; };
  parts.failed = [handler = std::move(handler)](const Error& why) { handler->on_closed(why); };
  start_session(engine_, std::move(parts));
}

void Dialer::expired() {
  if (addresses_.empty()) return finish({Errc::timed_out, "no answer from a name server about " + url_.host});
  boost::system::error_code ignored;
  socket_.close(ignored);
}

void Dialer::finish(const Error& why) {
  const auto self = shared_from_this();
  const auto handler = std::exchange(handler_, nullptr);
  if (!handler) return;
  watchdog_->stop();
  engine_->leave(this);
  if (lookup_) lookup_->cancel();
  boost::system::error_code ignored;
  socket_.close(ignored);
  contained([&] { handler->on_closed(why); });
}

}  // namespace

Result<void> dial(const std::shared_ptr<Engine>& engine, ConnectOptions options, std::shared_ptr<Handler> handler) {
  Result<Url> url = parse_url(options.url, options.insecure);
  if (!url) return url.error();
  TlsContext tls;
  if (url->secure) {
    Result<TlsContext> context = client_context(options.tls);
    if (!context) return context.error();
    tls = *std::move(context);
  }
  auto dialer = std::make_shared<Dialer>(engine, *std::move(url), std::move(tls), options.limits, std::move(handler));
  engine->post([dialer] { dialer->start(); });
  return {};
}

}  // namespace edgesync::transport
