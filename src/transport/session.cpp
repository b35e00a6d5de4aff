// SPDX-License-Identifier: Apache-2.0
#include "transport/session.hpp"

#include "transport/close_reason.hpp"
#include "transport/watchdog.hpp"
#include "transport/websocket.hpp"

#include <algorithm>
#include <atomic>
#include <optional>

namespace edgesync::transport {
namespace {

constexpr int control_frames_max = 10;  // per second; a peer of ours sends none at all
constexpr std::chrono::seconds arriving_interval{1};

Error timed_out(Wait wait) { return {Errc::timed_out, std::string("the peer took too long: ") + describe(wait)}; }
Error handler_failed() { return {Errc::closed, "the handler failed"}; }

class Session final : public Stoppable, public std::enable_shared_from_this<Session> {
 public:
  Session(std::shared_ptr<Engine> engine, SessionParts parts)
      : engine_(std::move(engine)), parts_(std::move(parts)), socket_(std::move(parts_.bytes), parts_.limits) {}

  void start();
  void stop(const Error& why) override { close(why); }
  /// From any thread.
  void request_wake();
  void request_close(Error why);

 private:
  enum class State : std::uint8_t { opening, open, closing, over };

  void secured(const Result<void>& result);
  void upgraded(const Result<void>& result);
  void open();
  void read_soon();
  void paused();
  void read();
  void received(const Result<WebSocket::Message>& message);
  void read_failed(const Error& error);
  void pump();
  void write(Bytes message);
  void written(const Result<void>& result);
  void has_room();
  void controlled(WebSocket::Control kind);
  void expired(Wait wait);
  Watchdog::Steady::time_point alive_until(Wait wait);
  void arriving();
  void close(Error why) { close(std::move(why), std::nullopt); }
  void close(Error why, std::optional<std::uint16_t> code);
  void say_goodbye();
  void finish(const Error& why);

  /// Calls the handler; one that throws loses its connection.
  template <class Call>
  void tell(Call&& call) {
    if (!contained([&] { call(*handler_); })) close(handler_failed());
  }
  /// A completion that keeps the session alive and lets nothing out.
  Function<void()> then(void (Session::*member)()) {
    return [self = shared_from_this(), member] {
      if (!contained([&] { (*self.*member)(); })) self->finish(handler_failed());
    };
  }
  template <class Argument>
  Function<void(Argument)> then(void (Session::*member)(const Argument&)) {
    return [self = shared_from_this(), member](const Argument& argument) {
      if (!contained([&] { (*self.*member)(argument); })) self->finish(handler_failed());
    };
  }

  const std::shared_ptr<Engine> engine_;
  SessionParts parts_;
  WebSocket socket_;
  std::shared_ptr<Watchdog> watchdog_;
  std::shared_ptr<Handler> handler_;
  std::shared_ptr<Session> pausing_;  // itself, during a pause: no operation keeps it then
  State state_ = State::opening;
  bool writing_ = false;
  Error why_{};                            // of closing
  std::optional<std::uint16_t> why_code_;  // instead of the one that belongs to why_
  std::optional<Error> write_error_;       // the reader may know better, so it is asked first
  std::atomic<bool> wake_requested_ = false;
  Watchdog::Steady::time_point told_{};  // the handler, that something came
  Watchdog::Steady::time_point control_second_{};
  int control_frames_ = 0;
};

/// What handlers hold: it keeps neither the session nor its handler alive.
class Handle final : public Connection {
 public:
  explicit Handle(std::shared_ptr<Engine> engine, std::weak_ptr<Session> session)
      : engine_(std::move(engine)), session_(std::move(session)) {}
  void wake() override {
    const auto context = engine_->hold();
    if (const auto session = session_.lock()) session->request_wake();
  }
  void close(Error why) override {
    const auto context = engine_->hold();
    if (const auto session = session_.lock()) session->request_close(std::move(why));
  }

 private:
  const std::shared_ptr<Engine> engine_;  // held during calls, so that the session's socket never outlives its context
  const std::weak_ptr<Session> session_;
};

void Session::request_wake() {
  if (wake_requested_.exchange(true)) return;
  engine_->post([self = shared_from_this()] {
    self->wake_requested_ = false;
    self->pump();
  });
}

void Session::request_close(Error why) {
  engine_->post([self = shared_from_this(), why = std::move(why)]() mutable { self->close(std::move(why)); });
}

void Session::start() {
  const std::weak_ptr<Session> weak = weak_from_this();
  const auto guarded = [weak](auto call) {
    if (const auto self = weak.lock()) contained([&] { call(*self); });
  };
  watchdog_ = std::make_shared<Watchdog>(
      engine_->executor(), [guarded](Wait wait) { guarded([wait](Session& self) { self.expired(wait); }); });
  if (!engine_->enter(shared_from_this())) return finish(runtime_ended());
  socket_.on_control([guarded](WebSocket::Control kind) { guarded([kind](Session& self) { self.controlled(kind); }); });
  socket_.bytes().on_shutdown(
      [guarded] { guarded([](Session& self) { self.watchdog_->expect(Wait::close, self.parts_.limits.close); }); });
  socket_.bytes().on_read([guarded] { guarded([](Session& self) { self.arriving(); }); });
  watchdog_->expect(Wait::tls, parts_.limits.handshake);
  socket_.bytes().handshake(then(&Session::secured));
}

void Session::secured(const Result<void>& result) {
  if (state_ != State::opening) return;
  if (!result) return finish(result.error());
  watchdog_->done(Wait::tls);
  watchdog_->expect(Wait::upgrade, parts_.limits.handshake);
  if (parts_.client)
    socket_.connect(parts_.host, parts_.target, then(&Session::upgraded));
  else
    socket_.accept(then(&Session::upgraded));
}

void Session::upgraded(const Result<void>& result) {
  if (state_ != State::opening) return;
  if (!result) return finish(result.error());
  watchdog_->done(Wait::upgrade);
  open();
}

void Session::open() {
  state_ = State::open;
  if (!contained([&] { handler_ = parts_.opened(); }) || !handler_) return close({Errc::closed, "not served here"});
  watchdog_->expect(Wait::idle, parts_.limits.idle);
  tell([&](Handler& handler) {
    ByteStream& bytes = socket_.bytes();
    handler.on_open(std::make_shared<Handle>(engine_, weak_from_this()),
                    {parts_.peer, bytes.binding(), bytes.certificate(), parts_.network, std::move(parts_.stranger)});
  });
  if (state_ == State::open) read_soon();
  pump();
}

/// At once, or after a pause: the network holds what is not read, and makes the peer wait.
void Session::read_soon() {
  std::chrono::milliseconds pause{};
  tell([&](Handler& handler) { pause = handler.pause(); });
  if (state_ != State::open) return;
  if (pause == std::chrono::milliseconds(0)) return read();
  pausing_ = shared_from_this();
  watchdog_->expect(Wait::pause, pause);
}

void Session::paused() {
  const auto self = std::exchange(pausing_, nullptr);
  if (state_ == State::open) read_soon();
}

void Session::read() {
  std::size_t bytes_max = 0;
  tell([&](Handler& handler) { bytes_max = handler.message_bytes_max(); });
  socket_.message_bytes_max(std::min(bytes_max, parts_.limits.message_bytes_max));
  socket_.read(then(&Session::received));
}

void Session::received(const Result<WebSocket::Message>& message) {
  if (state_ == State::over) return;
  if (!message) return read_failed(message.error());
  if (state_ == State::closing) return;  // the close under way reads on
  if (message->text)
    return close({Errc::protocol_violation, "a text message; only binary ones are understood"}, unknown_data);
  told_ = Watchdog::Steady::now();
  tell([&](Handler& handler) { handler.on_message(message->bytes); });
  socket_.consumed();
  if (state_ == State::open) read_soon();
}

void Session::read_failed(const Error& error) {
  if (state_ == State::closing) return writing_ ? finish(why_) : void();
  if (const auto said = socket_.peer_reason()) return finish(*said);
  if (!error.is(Errc::cancelled)) return finish(error);
  finish(write_error_.value_or(timed_out(Wait::close)));  // only expired() closes the socket under the reader
}

void Session::pump() {
  if (state_ != State::open || writing_) return;
  std::optional<Bytes> message;
  tell([&](Handler& handler) { message = handler.next_message(); });
  if (message && state_ == State::open) write(std::move(*message));
}

void Session::write(Bytes message) {
  writing_ = true;
  watchdog_->expect(Wait::write, parts_.limits.write);
  socket_.write(std::move(message), then(&Session::written));
}

void Session::written(const Result<void>& result) {
  if (state_ == State::over) return;
  // What is next is chosen as late as can be: what happens meanwhile may be more urgent.
  if (result && state_ == State::open) return socket_.bytes().when_room(then(&Session::has_room));
  watchdog_->done(Wait::write);
  if (!result && state_ == State::open) {
    // writing_ stays set: nothing more goes out, and the reader is given a moment to find the peer's goodbye.
    write_error_ = result.error();
    return watchdog_->expect(Wait::close, parts_.limits.close);
  }
  writing_ = false;
  say_goodbye();
}

void Session::has_room() {
  if (state_ == State::over) return;
  watchdog_->done(Wait::write);
  writing_ = false;
  if (state_ == State::closing) return say_goodbye();
  pump();
}

void Session::controlled(WebSocket::Control kind) {
  if (kind == WebSocket::Control::close) return watchdog_->expect(Wait::close, parts_.limits.close);
  const auto now = Watchdog::Steady::now();
  if (now - control_second_ >= std::chrono::seconds(1)) control_second_ = now, control_frames_ = 0;
  if (++control_frames_ > control_frames_max) request_close({Errc::limit_exceeded, "too many control frames"});
}

void Session::expired(Wait wait) {
  if (wait == Wait::pause) return paused();
  // While open, the goodbye is Beast's; its read then fails and says what it was about.
  if (wait == Wait::close) return state_ == State::open ? socket_.bytes().close() : finish(why_);
  if (const auto until = alive_until(wait); until > Watchdog::Steady::now()) return watchdog_->expect(wait, until);
  const Error why = timed_out(wait);
  if (state_ == State::opening || wait == Wait::write) return finish(why);
  close(why);
}

/// A peer that sends or takes bytes is slow, not dead.
Watchdog::Steady::time_point Session::alive_until(Wait wait) {
  if (wait == Wait::idle) return socket_.bytes().last_read() + parts_.limits.idle;
  if (wait == Wait::write) return socket_.bytes().last_written() + parts_.limits.write;
  return {};
}

void Session::arriving() {
  const auto now = Watchdog::Steady::now();
  if (state_ != State::open || now < told_ + arriving_interval) return;
  told_ = now;
  tell([](Handler& handler) { handler.on_bytes(); });
}

void Session::close(Error why, std::optional<std::uint16_t> code) {
  if (state_ == State::opening) return finish(why);
  if (state_ != State::open) return;
  state_ = State::closing;
  why_ = std::move(why);
  why_code_ = code;
  watchdog_->done(Wait::idle);
  watchdog_->expect(Wait::close, parts_.limits.close);
  if (write_error_) return finish(why_);
  if (!writing_) say_goodbye();
}

void Session::say_goodbye() {
  CloseReason reason = to_close_reason(why_);
  if (why_code_) reason.code = *why_code_;
  socket_.close(reason, [self = shared_from_this()](const Result<void>&) { self->finish(self->why_); });
}

void Session::finish(const Error& why) {
  if (state_ == State::over) return;
  const bool was_open = handler_ != nullptr;
  state_ = State::over;
  const auto self = shared_from_this();
  watchdog_->stop();
  socket_.bytes().close();
  // After what completes now has been heard; see WebSocket::abandon().
  socket_.bytes().when_idle([self] { self->engine_->post([self] { self->socket_.abandon(); }); });
  engine_->leave(this);
  if (was_open)
    contained([&] { handler_->on_closed(why); });
  else if (parts_.failed)
    contained([&] { parts_.failed(why); });
  handler_.reset();
  parts_.opened = nullptr;
  parts_.failed = nullptr;
  parts_.presence.reset();
  parts_.stranger.reset();
  pausing_.reset();
}

}  // namespace

void start_session(std::shared_ptr<Engine> engine, SessionParts parts) {
  std::make_shared<Session>(std::move(engine), std::move(parts))->start();
}

}  // namespace edgesync::transport
