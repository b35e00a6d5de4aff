// SPDX-License-Identifier: Apache-2.0
#include "transport/byte_stream.hpp"

#include "transport/drain.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <utility>

namespace edgesync::transport {
namespace {

namespace net = boost::asio;
using ErrorCode = ByteStream::ErrorCode;

/// Reads and forgets until the peer ends the connection. The socket outlives it: its owner waits for `done`.
void drain(Socket& socket, std::shared_ptr<std::array<char, 4096>> scrap, Function<void()> done) {
  const auto buffer = net::buffer(*scrap);
  socket.async_read_some(
      buffer, [&socket, scrap = std::move(scrap), done = std::move(done)](const ErrorCode& error, std::size_t) mutable {
        if (error) return done();
        drain(socket, std::move(scrap), std::move(done));
      });
}

void close_socket(Socket& socket) noexcept {
  ErrorCode ignored;
  socket.close(ignored);
}

class PlainStream final : public ByteStream {
 public:
  explicit PlainStream(Socket socket) : socket_(std::move(socket)) {}
  Executor executor() override { return socket_.get_executor(); }
  void begin_handshake(Done done) override {
    net::post(socket_.get_executor(), [done = std::move(done)] { done({}); });
  }
  void write_some(const ConstBuffers& buffers, IoHandler handler) override {
    socket_.async_write_some(buffers, std::move(handler));
  }
  void begin_shutdown(Function<void()> done) override {
    announce_shutdown();
    end_and_drain(socket_, std::move(done));
  }
  void close() noexcept override { close_socket(socket_); }

 private:
  void read_some(const MutableBuffers& buffers, IoHandler handler) override {
    socket_.async_read_some(buffers, std::move(handler));
  }
  Socket& socket() noexcept override { return socket_; }
  Socket socket_;
};

}  // namespace

void end_and_drain(Socket& socket, Function<void()> done) {
  ErrorCode ignored;
  socket.shutdown(Socket::shutdown_send, ignored);
  drain(socket, std::make_shared<std::array<char, 4096>>(), std::move(done));
}

void ByteStream::count(std::size_t bytes) {
  if (allowance_ != std::numeric_limits<std::size_t>::max()) allowance_ -= std::min(bytes, allowance_);
  if (bytes == 0) return;
  last_read_ = std::chrono::steady_clock::now();
  if (read_) read_();
}

void ByteStream::announce_shutdown() const {
  if (shutting_down_) shutting_down_();
}

void ByteStream::ended() {
  if (--under_way_ > 0 || !idle_) return;
  const auto idle = std::exchange(idle_, {});
  idle();
}

void ByteStream::when_idle(Function<void()> idle) {
  if (under_way_ == 0) return idle();
  idle_ = std::move(idle);
}

void ByteStream::handshake(Done done) {
  ++under_way_;
  begin_handshake([this, done = std::move(done)](Result<void> result) {
    done(std::move(result));
    ended();
  });
}

void ByteStream::shutdown(Function<void()> done) {
  ++under_way_;
  begin_shutdown([this, done = std::move(done)] {
    done();
    ended();
  });
}

void ByteStream::write(const ConstBuffers& buffers, IoHandler handler) {
  ++under_way_;
  write_some(buffers, [this, handler = std::move(handler)](const ErrorCode& error, std::size_t bytes) mutable {
    if (bytes > 0) last_written_ = std::chrono::steady_clock::now();
    std::move(handler)(error, bytes);
    ended();
  });
}

void ByteStream::when_room(Function<void()> done) {
  ++under_way_;
  socket().async_wait(Socket::wait_write, [this, done = std::move(done)](const ErrorCode&) {
    done();
    ended();
  });
}

void ByteStream::read(const MutableBuffers& buffers, IoHandler handler) {
  ++under_way_;
  auto counted = [this, handler = std::move(handler)](const ErrorCode& error, std::size_t bytes) mutable {
    count(bytes);
    std::move(handler)(error, bytes);
    ended();
  };
  if (allowance_ == 0)
    return net::post(executor(), [handler = std::move(counted)]() mutable {
      handler(make_error_code(boost::system::errc::message_size), 0);
    });
  read_some(MutableBuffers(buffers, allowance_), std::move(counted));
}

std::unique_ptr<ByteStream> plain_stream(Socket socket) { return std::make_unique<PlainStream>(std::move(socket)); }

}  // namespace edgesync::transport
