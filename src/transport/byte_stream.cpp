// SPDX-License-Identifier: Apache-2.0
#include "transport/byte_stream.hpp"

#include "transport/net_error.hpp"
#include "transport/tls.hpp"

#include <boost/asio/ssl/stream.hpp>

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

void end_and_drain(Socket& socket, Function<void()> done) {
  ErrorCode ignored;
  socket.shutdown(Socket::shutdown_send, ignored);
  drain(socket, std::make_shared<std::array<char, 4096>>(), std::move(done));
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
  Socket socket_;
};

class TlsStream final : public ByteStream {
 public:
  using Role = net::ssl::stream_base::handshake_type;

  TlsStream(Socket socket, std::shared_ptr<net::ssl::context> context, Role role, std::string host)
      : context_(std::move(context)), stream_(std::move(socket), *context_), role_(role), host_(std::move(host)) {}

  Executor executor() override { return stream_.get_executor(); }

  void begin_handshake(Done done) override {
    if (role_ == Role::client && !expect_peer(stream_.native_handle(), host_))
      return net::post(executor(), [done = std::move(done)] {
        done(Error(Errc::untrusted, "TLS: cannot set up the check of the peer's name"));
      });
    stream_.async_handshake(role_, [this, done = std::move(done)](const ErrorCode& error) {
      if (!error) return done({});
      const std::string reason = verify_failure(stream_.native_handle());
      if (reason.empty()) return done(net_error(error, "TLS handshake"));
      done(Error(Errc::untrusted, "TLS: the peer's certificate was refused: " + reason));
    });
  }
  void write_some(const ConstBuffers& buffers, IoHandler handler) override {
    stream_.async_write_some(buffers, std::move(handler));
  }
  void begin_shutdown(Function<void()> done) override {
    announce_shutdown();
    // The result does not matter: a peer that still sends data fails it, and is then drained below TLS.
    stream_.async_shutdown([this, done = std::move(done)](const ErrorCode&) mutable {
      end_and_drain(stream_.next_layer(), std::move(done));
    });
  }
  void close() noexcept override { close_socket(stream_.next_layer()); }

 private:
  void read_some(const MutableBuffers& buffers, IoHandler handler) override {
    stream_.async_read_some(buffers, std::move(handler));
  }
  const std::shared_ptr<net::ssl::context> context_;
  net::ssl::stream<Socket> stream_;
  const Role role_;
  const std::string host_;
};

}  // namespace

void ByteStream::count(std::size_t bytes) noexcept {
  if (bytes > 0) last_read_ = std::chrono::steady_clock::now();
  if (allowance_ != std::numeric_limits<std::size_t>::max()) allowance_ -= std::min(bytes, allowance_);
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
    std::move(handler)(error, bytes);
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

std::unique_ptr<ByteStream> tls_client_stream(Socket socket, std::shared_ptr<net::ssl::context> context,
                                              std::string host) {
  return std::make_unique<TlsStream>(std::move(socket), std::move(context), TlsStream::Role::client, std::move(host));
}

std::unique_ptr<ByteStream> tls_server_stream(Socket socket, std::shared_ptr<net::ssl::context> context) {
  return std::make_unique<TlsStream>(std::move(socket), std::move(context), TlsStream::Role::server, "");
}

}  // namespace edgesync::transport
