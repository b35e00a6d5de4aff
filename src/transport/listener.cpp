// SPDX-License-Identifier: Apache-2.0
#include "transport/listener.hpp"

#include "transport/net_error.hpp"
#include "transport/session.hpp"
#include "transport/socket.hpp"
#include "transport/strangers.hpp"
#include "transport/timer.hpp"
#include "transport/tls.hpp"
#include "transport/url.hpp"

#include <boost/asio/steady_timer.hpp>

#include <atomic>

namespace edgesync::transport {
namespace {

namespace net = boost::asio;
using net::ip::tcp;

constexpr auto accept_retry = std::chrono::milliseconds(100);  // without file descriptors, trying harder is of no use

/// Counts for as long as it lives. Counters outlive their listener: connections do.
class Ticket {
 public:
  explicit Ticket(std::shared_ptr<std::size_t> counter) : counter_(std::move(counter)) { ++*counter_; }
  ~Ticket() { --*counter_; }
  Ticket(const Ticket&) = delete;
  Ticket& operator=(const Ticket&) = delete;

 private:
  const std::shared_ptr<std::size_t> counter_;
};

Instant now() { return SystemClock().now().monotonic; }

/// One that came in. The book outlives its listener, as connections do.
class Guest final : public Stranger {
 public:
  Guest(std::shared_ptr<Strangers> book, std::string network) : book_(std::move(book)), network_(std::move(network)) {}
  ~Guest() override { book_->leave(network_, now()); }
  Guest(const Guest&) = delete;
  Guest& operator=(const Guest&) = delete;
  void refused() override { book_->refused(network_, now()); }

 private:
  const std::shared_ptr<Strangers> book_;
  const std::string network_;
};

class Door final : public Stoppable, public std::enable_shared_from_this<Door> {
 public:
  Door(std::shared_ptr<Engine> engine, tcp::acceptor acceptor, TlsContext tls, ListenOptions options,
       HandlerFactory factory)
      : engine_(std::move(engine)),
        acceptor_(std::move(acceptor)),
        retry_(engine_->executor()),
        tls_(std::move(tls)),
        options_(std::move(options)),
        factory_(std::make_shared<HandlerFactory>(std::move(factory))),
        strangers_(std::make_shared<Strangers>(options_.limits)) {}

  void start() {
    if (engine_->enter(shared_from_this())) accept();
  }
  void stop(const Error&) override { close(); }
  void close();
  void renew(TlsContext tls) { tls_ = std::move(tls); }

 private:
  void accept();
  void accepted(const boost::system::error_code& error, Socket socket);
  void accept_later();
  void admit(Socket socket);
  std::shared_ptr<Handler> serve() const;
  void refused(const std::string& peer, const Error& why);

  const std::shared_ptr<Engine> engine_;
  tcp::acceptor acceptor_;
  net::steady_timer retry_;
  TlsContext tls_;
  const ListenOptions options_;
  std::shared_ptr<HandlerFactory> factory_;
  const std::shared_ptr<std::size_t> connections_ = std::make_shared<std::size_t>(0);
  const std::shared_ptr<Strangers> strangers_;
};

void Door::close() {
  boost::system::error_code ignored;
  acceptor_.close(ignored);
  retry_.cancel();
  factory_.reset();
  engine_->leave(this);
}

void Door::accept() {
  if (!acceptor_.is_open()) return;
  acceptor_.async_accept([self = shared_from_this()](const boost::system::error_code& error, Socket socket) {
    contained([&] { self->accepted(error, std::move(socket)); });
  });
}

void Door::accepted(const boost::system::error_code& error, Socket socket) {
  if (!acceptor_.is_open()) return;
  if (!error) {
    contained([&] { admit(std::move(socket)); });
    return accept();
  }
  refused("", net_error(error, "accept"));
  accept_later();
}

void Door::accept_later() {
  retry_.expires_after(accept_retry);
  retry_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
    if (!error) contained([&] { self->accept(); });
  });
}

void Door::admit(Socket socket) {
  const std::string peer = peer_name(socket);
  if (*connections_ >= options_.limits.connections_max)
    return refused(peer, {Errc::limit_exceeded, "too many connections"});
  boost::system::error_code gone;
  const std::string network = network_of(socket.remote_endpoint(gone).address().to_string());
  if (gone) return;
  if (auto room = strangers_->enter(network, now()); !room) return refused(peer, room.error());
  SessionParts parts;
  parts.stranger = std::make_shared<Guest>(strangers_, network);
  parts.network = network;
  prepare(socket);
  parts.bytes = tls_ ? tls_server_stream(std::move(socket), tls_) : plain_stream(std::move(socket));
  parts.peer = peer;
  parts.limits = options_.limits;
  parts.presence = std::make_shared<Ticket>(connections_);
  parts.opened = [self = shared_from_this()] { return self->serve(); };
  parts.failed = [self = shared_from_this(), peer](const Error& why) { self->refused(peer, why); };
  start_session(engine_, std::move(parts));
}

/// Nobody once the listener is closed: whoever owns the factory may be gone.
std::shared_ptr<Handler> Door::serve() const {
  const auto factory = factory_;
  return factory ? (*factory)() : nullptr;
}

void Door::refused(const std::string& peer, const Error& why) {
  if (factory_ && options_.refused) contained([&] { options_.refused(peer, why); });
}

class DoorHandle final : public Listener {
 public:
  DoorHandle(std::shared_ptr<Engine> engine, std::shared_ptr<Door> door, std::uint16_t port)
      : context_(engine->hold()), engine_(std::move(engine)), door_(std::move(door)), port_(port) {}
  ~DoorHandle() override {
    contained([this] { DoorHandle::close(); });
  }
  std::uint16_t port() const noexcept override { return port_; }
  Result<void> renew(const Tls& tls) override {
    auto context = server_context(tls);
    if (!context) return context.error();
    engine_->dispatch([door = door_, tls = *std::move(context)] { door->renew(tls); });
    return {};
  }
  void close() override {
    engine_->dispatch([door = door_] { door->close(); });
  }

 private:
  const std::shared_ptr<void> context_;
  const std::shared_ptr<Engine> engine_;
  const std::shared_ptr<Door> door_;
  const std::uint16_t port_;
};

Result<tcp::acceptor> bind(const Executor& executor, const ListenOptions& options) {
  const std::string where = "listen on " + options.address + " port " + std::to_string(options.port);
  boost::system::error_code error;
  const auto address = net::ip::make_address(options.address, error);
  if (error) return Error(Errc::invalid_argument, where + ": not an IP address");
  const tcp::endpoint endpoint(address, options.port);
  tcp::acceptor acceptor(executor);
  acceptor.open(endpoint.protocol(), error);
  if (!error) keep_from_children(acceptor);
  if (!error) acceptor.set_option(net::socket_base::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(net::socket_base::max_listen_connections, error);
  if (error) return net_error(error, where);
  return acceptor;
}

}  // namespace

Result<std::unique_ptr<Listener>> listen(const std::shared_ptr<Engine>& engine, ListenOptions options,
                                         HandlerFactory factory) {
  TlsContext tls;
  if (!options.insecure) {
    Result<TlsContext> context = server_context(options.tls);
    if (!context) return context.error();
    tls = *std::move(context);
  } else if (!is_loopback(options.address) || !is_address(options.address)) {
    return Error(Errc::insecure, "listen on " + options.address + ": plaintext is for loopback addresses only");
  }
  Result<tcp::acceptor> acceptor = bind(engine->executor(), options);
  if (!acceptor) return acceptor.error();
  boost::system::error_code error;
  const std::uint16_t port = acceptor->local_endpoint(error).port();
  if (error) return net_error(error, "listen");
  auto door =
      std::make_shared<Door>(engine, *std::move(acceptor), std::move(tls), std::move(options), std::move(factory));
  engine->post([door] { door->start(); });
  return std::unique_ptr<Listener>(std::make_unique<DoorHandle>(engine, std::move(door), port));
}

}  // namespace edgesync::transport
