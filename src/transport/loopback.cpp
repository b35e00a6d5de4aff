// SPDX-License-Identifier: Apache-2.0
// The in-process transport. A connection is a pipe with two ends; one message per direction is under way at a time, and
// the next is asked for when the other side has consumed it. A host that ends takes its ends of pipes with it; until
// then an open pipe keeps itself and its handlers alive.
#include "transport/close_reason.hpp"
#include "transport/contained.hpp"
#include "transport/transport.hpp"

#include <array>
#include <mutex>
#include <utility>

namespace edgesync {
namespace {

using transport::Connection;
using transport::contained;
using transport::Handler;
using transport::HandlerFactory;
using transport::Host;
using transport::HostRef;

/// What TLS would derive for its two ends.
Bytes fresh_binding() {
  const auto random = transport::system_random();
  Bytes binding = to_bytes(random->id().bytes), rest = to_bytes(random->id().bytes);
  binding.insert(binding.end(), rest.begin(), rest.end());
  return binding;
}

class Pipe : public std::enable_shared_from_this<Pipe> {
 public:
  struct End {
    std::shared_ptr<HostRef> host{};  // null before it is served and once it is over
    std::shared_ptr<void> watch{};    // for the end of the host
    std::shared_ptr<Handler> handler{};
    bool opened = false;
    bool wake_posted = false;
    bool sending = false;          // its message is not consumed yet
    std::optional<Error> closing;  // its own close() waits for that message
  };

  /// The connector's side.
  void start(std::shared_ptr<HostRef> host, std::shared_ptr<Handler> handler) {
    serve(0, std::move(host), std::move(handler));
  }

  /// The acceptor's side, on its host. Null: nobody serves.
  void accept(std::shared_ptr<HostRef> host, std::shared_ptr<Handler> handler);
  /// Nobody takes the other side.
  void refuse();
  void wake(std::size_t side);
  void close(std::size_t side, Error why);

 private:
  void serve(std::size_t side, std::shared_ptr<HostRef> host, std::shared_ptr<Handler> handler);
  void post(std::size_t side, Function<void(Pipe&)> work);
  void open(std::size_t side);
  void pump(std::size_t side);
  void deliver(std::size_t side, const Bytes& message);
  void consumed(std::size_t side);
  void part(std::size_t side, const Error& why);
  void over(std::size_t side, Error why);
  std::shared_ptr<Handler> handler(std::size_t side);
  void failed(std::size_t side) { part(side, {Errc::closed, "the handler failed"}); }

  const Bytes binding_ = fresh_binding();
  std::mutex mutex_;
  std::array<End, 2> ends_{};
  std::shared_ptr<Pipe> living_{};  // itself, while an end is open: nobody else need hold an idle pipe
};

class PipeHandle final : public Connection {
 public:
  PipeHandle(std::weak_ptr<Pipe> pipe, std::size_t side) : pipe_(std::move(pipe)), side_(side) {}
  void wake() override {
    if (const auto pipe = pipe_.lock()) pipe->wake(side_);
  }
  void close(Error why) override {
    if (const auto pipe = pipe_.lock()) pipe->close(side_, std::move(why));
  }

 private:
  const std::weak_ptr<Pipe> pipe_;
  const std::size_t side_;
};

/// Requires: the lock is held.
void Pipe::post(std::size_t side, Function<void(Pipe&)> work) {
  if (const auto& host = ends_[side].host)
    host->post([self = shared_from_this(), work = std::move(work)] { work(*self); });
}

void Pipe::serve(std::size_t side, std::shared_ptr<HostRef> host, std::shared_ptr<Handler> handler) {
  auto watch = host->on_end([weak = weak_from_this(), side] {
    if (const auto self = weak.lock()) self->part(side, {Errc::closed, "the runtime has ended"});
  });
  const std::lock_guard lock(mutex_);
  End& end = ends_[side];
  end.host = std::move(host);
  end.watch = std::move(watch);
  end.handler = std::move(handler);
  living_ = shared_from_this();
}

void Pipe::refuse() {
  const std::lock_guard lock(mutex_);
  post(0, [](Pipe& pipe) { pipe.over(0, {Errc::unreachable, "loopback: nobody listens"}); });
}

std::shared_ptr<Handler> Pipe::handler(std::size_t side) {
  const std::lock_guard lock(mutex_);
  return ends_[side].handler;
}

void Pipe::accept(std::shared_ptr<HostRef> host, std::shared_ptr<Handler> handler) {
  serve(1, std::move(host), std::move(handler));
  bool connector_waits = false;
  {
    const std::lock_guard lock(mutex_);
    connector_waits = ends_[0].handler != nullptr;
    post(0, [](Pipe& pipe) { pipe.open(0); });
  }
  if (!connector_waits) return over(1, {Errc::unreachable, "the peer has gone"});
  // At once, for we are on the acceptor's host: what it posts to itself may run after what the other side posts to it.
  open(1);
}

void Pipe::open(std::size_t side) {
  const auto handler = this->handler(side);
  if (!handler) return;
  {
    const std::lock_guard lock(mutex_);
    ends_[side].opened = true;
  }
  if (!contained([&] {
        handler->on_open(std::make_shared<PipeHandle>(weak_from_this(), side), {"loopback", binding_, {}});
      }))
    return failed(side);
  pump(side);
}

void Pipe::wake(std::size_t side) {
  const std::lock_guard lock(mutex_);
  if (std::exchange(ends_[side].wake_posted, true)) return;
  post(side, [side](Pipe& pipe) {
    {
      const std::lock_guard inner(pipe.mutex_);
      pipe.ends_[side].wake_posted = false;
    }
    pipe.pump(side);
  });
}

void Pipe::pump(std::size_t side) {
  std::shared_ptr<Handler> handler;
  {
    const std::lock_guard lock(mutex_);
    const End& end = ends_[side];
    if (end.sending || end.closing || !end.opened) return;
    handler = end.handler;
  }
  if (!handler) return;
  std::optional<Bytes> message;
  if (!contained([&] { message = handler->next_message(); })) return failed(side);
  if (!message) return;
  const std::lock_guard lock(mutex_);
  if (!ends_[1 - side].host) return;
  ends_[side].sending = true;
  post(1 - side, [side, message = std::move(*message)](Pipe& pipe) { pipe.deliver(1 - side, message); });
}

void Pipe::deliver(std::size_t side, const Bytes& message) {
  const auto handler = this->handler(side);
  if (!handler) return;
  bool wanted = false;
  {
    const std::lock_guard lock(mutex_);
    wanted = !ends_[side].closing;
  }
  if (wanted && !contained([&] { handler->on_message(message); })) return failed(side);
  const std::lock_guard lock(mutex_);
  post(1 - side, [side](Pipe& pipe) { pipe.consumed(1 - side); });
}

void Pipe::consumed(std::size_t side) {
  std::optional<Error> closing;
  {
    const std::lock_guard lock(mutex_);
    ends_[side].sending = false;
    closing = ends_[side].closing;
  }
  if (closing) return part(side, *closing);
  pump(side);
}

void Pipe::close(std::size_t side, Error why) {
  const std::lock_guard lock(mutex_);
  if (ends_[side].closing || !ends_[side].host) return;
  ends_[side].closing = why;
  // With a message under way, consumed() does it.
  if (ends_[side].sending) return;
  post(side, [side, why = std::move(why)](Pipe& pipe) { pipe.part(side, why); });
}

/// Ends both sides: `side` with its own reason, the other with what would arrive over a wire.
void Pipe::part(std::size_t side, const Error& why) {
  {
    const std::lock_guard lock(mutex_);
    const transport::CloseReason reason = transport::to_close_reason(why);
    post(1 - side,
         [side, reason](Pipe& pipe) { pipe.over(1 - side, transport::from_close_reason(reason.code, reason.text)); });
  }
  over(side, why);
}

void Pipe::over(std::size_t side, Error why) {
  End ended;  // these two are let go of after the lock: their destructors are somebody else's code
  std::shared_ptr<Pipe> last;
  {
    const std::lock_guard lock(mutex_);
    ended = std::exchange(ends_[side], End{});
    if (!ends_[1 - side].host) last = std::move(living_);
  }
  if (ended.handler) contained([&] { ended.handler->on_closed(why); });
}

/// What listens on a loopback, shared by the loopback, its listener and the connections that knock.
class Ear : public std::enable_shared_from_this<Ear> {
 public:
  /// Nothing if somebody listens already; else the round to give close().
  std::optional<std::uint64_t> open(const std::shared_ptr<HostRef>& host, HandlerFactory factory) {
    const std::lock_guard lock(mutex_);
    if (host_) return {};
    host_ = host;
    factory_ = std::make_shared<HandlerFactory>(std::move(factory));
    return ++round_;
  }
  /// Nobody is served after this. An earlier round's listener closes nothing.
  void close(std::uint64_t round) {
    std::shared_ptr<HandlerFactory> factory;  // outlives the lock: its destructor is somebody else's code
    const std::lock_guard lock(mutex_);
    if (round_ != round) return;
    host_ = nullptr;
    factory = std::exchange(factory_, nullptr);
  }
  void knock(const std::shared_ptr<Pipe>& pipe) {
    const std::lock_guard lock(mutex_);
    if (!host_) return pipe->refuse();
    host_->post([self = shared_from_this(), pipe, host = host_, round = round_] {
      std::shared_ptr<Handler> handler;
      contained([&] { handler = self->serve(round); });
      handler ? pipe->accept(host, std::move(handler)) : pipe->refuse();
    });
  }

 private:
  /// Null once the listener is closed: whoever owns the factory may be gone.
  std::shared_ptr<Handler> serve(std::uint64_t round) {
    std::shared_ptr<HandlerFactory> factory;
    {
      const std::lock_guard lock(mutex_);
      if (round_ == round) factory = factory_;
    }
    return factory ? (*factory)() : nullptr;
  }

  std::mutex mutex_;
  std::shared_ptr<HostRef> host_;  // null: nobody listens
  std::shared_ptr<HandlerFactory> factory_;
  std::uint64_t round_ = 0;  // of the last open()
};

class EarHandle final : public transport::Listener {
 public:
  EarHandle(std::shared_ptr<Ear> ear, std::uint64_t round, std::shared_ptr<void> watch)
      : ear_(std::move(ear)), round_(round), watch_(std::move(watch)) {}
  ~EarHandle() override { EarHandle::close(); }
  std::uint16_t port() const noexcept override { return 0; }
  Result<void> renew(const transport::Tls&) override {
    return Error(Errc::invalid_argument, "loopback: there are no certificates");
  }
  void close() override { ear_->close(round_); }

 private:
  const std::shared_ptr<Ear> ear_;
  const std::uint64_t round_;
  const std::shared_ptr<void> watch_;
};

class PipeLoopback final : public Loopback {
 public:
  Result<std::unique_ptr<transport::Listener>> listen(Host& host, HandlerFactory factory) override {
    const auto reference = host.reference();
    const auto round = ear_->open(reference, std::move(factory));
    if (!round) return Error(Errc::already_open, "loopback: somebody listens already");
    auto watch = reference->on_end([ear = ear_, round = *round] { ear->close(round); });
    return std::unique_ptr<transport::Listener>(std::make_unique<EarHandle>(ear_, *round, std::move(watch)));
  }
  void connect(Host& host, std::shared_ptr<Handler> handler) override {
    const auto pipe = std::make_shared<Pipe>();
    pipe->start(host.reference(), std::move(handler));
    ear_->knock(pipe);
  }

 private:
  const std::shared_ptr<Ear> ear_ = std::make_shared<Ear>();
};

}  // namespace

std::shared_ptr<Loopback> make_loopback() { return std::make_shared<PipeLoopback>(); }

}  // namespace edgesync
