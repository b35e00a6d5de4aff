// SPDX-License-Identifier: Apache-2.0
// TLS straight on the socket: OpenSSL reads and writes through a BIO that asks the socket itself, and when that would
// block, waits until it would not. So an idle connection holds no buffer of anybody's: neither of OpenSSL, which
// releases its own, nor the four that Asio's ssl::stream keeps between the two, 17 KiB each.
#include "transport/byte_stream.hpp"
#include "transport/drain.hpp"
#include "transport/net_error.hpp"
#include "transport/tls.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/error.hpp>

#include <algorithm>
#include <climits>
#include <utility>

namespace edgesync::transport {
namespace {

namespace net = boost::asio;
using ErrorCode = ByteStream::ErrorCode;

constexpr std::size_t record_bytes = 16 * 1024;  // the most that one TLS record holds

/// What the BIO works on.
struct Wire {
  Socket socket;
  ErrorCode error{};  ///< Of the last read or write; OpenSSL only knows that it failed.
};

/// One read or write of the socket, in the BIO's terms: what was moved, 0 at the end of the stream, -1 for everything
/// else, where `retry` says that it would have blocked.
template <class Move>
int transfer(BIO* bio, int retry, Move move) {
  Wire& wire = *static_cast<Wire*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  const std::size_t moved = move(wire.socket, wire.error);
  if (!wire.error) return static_cast<int>(moved);
  if (wire.error == net::error::would_block || wire.error == net::error::try_again) BIO_set_flags(bio, retry);
  return wire.error == net::error::eof ? 0 : -1;
}

int bio_read(BIO* bio, char* data, int size) {
  return transfer(bio, BIO_FLAGS_READ | BIO_FLAGS_SHOULD_RETRY, [&](Socket& socket, ErrorCode& error) {
    return socket.read_some(net::buffer(data, static_cast<std::size_t>(size)), error);
  });
}

int bio_write(BIO* bio, const char* data, int size) {
  return transfer(bio, BIO_FLAGS_WRITE | BIO_FLAGS_SHOULD_RETRY, [&](Socket& socket, ErrorCode& error) {
    return socket.write_some(net::buffer(data, static_cast<std::size_t>(size)), error);
  });
}

long bio_control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

struct Free {
  void operator()(BIO_METHOD* method) const noexcept { BIO_meth_free(method); }
  void operator()(SSL* ssl) const noexcept { SSL_free(ssl); }
};

std::unique_ptr<BIO_METHOD, Free> make_method() {
  std::unique_ptr<BIO_METHOD, Free> method(BIO_meth_new(BIO_TYPE_SOURCE_SINK, "edgesync socket"));
  if (method == nullptr) return method;
  BIO_meth_set_read(method.get(), bio_read);
  BIO_meth_set_write(method.get(), bio_write);
  BIO_meth_set_ctrl(method.get(), bio_control);
  return method;
}

/// Null if there is no memory for it.
std::unique_ptr<SSL, Free> make_ssl(SSL_CTX* context, Wire& wire) {
  static const std::unique_ptr<BIO_METHOD, Free> method = make_method();
  std::unique_ptr<SSL, Free> ssl(SSL_new(context));
  BIO* const bio = method ? BIO_new(method.get()) : nullptr;
  if (ssl == nullptr || bio == nullptr) return BIO_free(bio), nullptr;
  BIO_set_data(bio, &wire);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl.get(), bio, bio);
  // Beast may offer the same bytes again from another place, and is content if some of them went.
  SSL_set_mode(ssl.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  return ssl;
}

class TlsStream final : public ByteStream {
 public:
  enum class Role : std::uint8_t { client, server };

  TlsStream(Socket socket, const TlsContext& context, Role role, std::string host)
      : wire_{std::move(socket)}, ssl_(make_ssl(context->native_handle(), wire_)), role_(role), host_(std::move(host)) {
    ErrorCode failed;  // then the first read says so
    wire_.socket.non_blocking(true, failed);
  }

  Executor executor() override { return wire_.socket.get_executor(); }
  void begin_handshake(Done done) override;
  void write_some(const ConstBuffers& buffers, IoHandler handler) override;
  void begin_shutdown(Function<void()> done) override;
  Bytes binding() override { return channel_binding(ssl_.get()); }
  std::string certificate() override { return role_ == Role::server ? certificate_name(ssl_.get()) : std::string(); }
  void close() noexcept override {
    ErrorCode ignored;
    wire_.socket.close(ignored);
  }

 private:
  void read_some(const MutableBuffers& buffers, IoHandler handler) override;
  Socket& socket() noexcept override { return wire_.socket; }

  /// Calls `step`, one of OpenSSL's functions, until it has succeeded or failed, and the handler after that, though
  /// never inside this call.
  template <class Step, class Handler>
  void run(Step step, Handler handler, bool waited = false);
  template <class Handler>
  void finish(Handler handler, const ErrorCode& error, int result, bool waited);
  ErrorCode reason(int failure) const;

  Wire wire_;
  std::unique_ptr<SSL, Free> ssl_;
  const Role role_;
  const std::string host_;
};

template <class Handler>
void TlsStream::finish(Handler handler, const ErrorCode& error, int result, bool waited) {
  const std::size_t bytes = error ? 0 : static_cast<std::size_t>(result);
  if (waited) return std::move(handler)(error, bytes);
  net::post(executor(), [handler = std::move(handler), error, bytes]() mutable { std::move(handler)(error, bytes); });
}

template <class Step, class Handler>
void TlsStream::run(Step step, Handler handler, bool waited) {
  ERR_clear_error();
  const int result = step();
  if (result > 0) return finish(std::move(handler), {}, result, waited);
  const int failure = SSL_get_error(ssl_.get(), result);
  if (failure != SSL_ERROR_WANT_READ && failure != SSL_ERROR_WANT_WRITE)
    return finish(std::move(handler), reason(failure), 0, waited);
  wire_.socket.async_wait(failure == SSL_ERROR_WANT_READ ? Socket::wait_read : Socket::wait_write,
                          [this, step = std::move(step), handler = std::move(handler)](const ErrorCode& error) mutable {
                            if (error) return finish(std::move(handler), error, 0, true);
                            run(std::move(step), std::move(handler), true);
                          });
}

ErrorCode TlsStream::reason(int failure) const {
  if (failure == SSL_ERROR_ZERO_RETURN) return net::error::eof;
  const unsigned long queued = ERR_get_error();
  // A peer that ends TCP without ending TLS: whatever it was about to say is missing.
  if (wire_.error == net::error::eof) return net::ssl::error::stream_truncated;
  if (wire_.error && wire_.error != net::error::would_block && wire_.error != net::error::try_again) return wire_.error;
  return {static_cast<int>(queued), net::error::get_ssl_category()};
}

void TlsStream::begin_handshake(Done done) {
  const auto fail = [&](Errc code, const char* what) {
    net::post(executor(), [done = std::move(done), code, what] { done(Error(code, what)); });
  };
  if (!ssl_) return fail(Errc::limit_exceeded, "TLS: no memory for another connection");
  if (role_ == Role::client && !expect_peer(ssl_.get(), host_))
    return fail(Errc::untrusted, "TLS: cannot set up the check of the peer's name");
  if (role_ == Role::client)
    SSL_set_connect_state(ssl_.get());
  else
    SSL_set_accept_state(ssl_.get());
  run([ssl = ssl_.get()] { return SSL_do_handshake(ssl); },
      [this, done = std::move(done)](const ErrorCode& error, std::size_t) {
        if (!error) return done({});
        const std::string refused = verify_failure(ssl_.get());
        if (refused.empty()) return done(net_error(error, "TLS handshake"));
        done(Error(Errc::untrusted, "TLS: the peer's certificate was refused: " + refused));
      });
}

void TlsStream::read_some(const MutableBuffers& buffers, IoHandler handler) {
  const net::mutable_buffer buffer = buffers.begin() == buffers.end() ? net::mutable_buffer() : *buffers.begin();
  if (buffer.size() == 0) return finish(std::move(handler), {}, 0, false);
  const auto size = static_cast<int>(std::min<std::size_t>(buffer.size(), INT_MAX));
  run([ssl = ssl_.get(), buffer, size] { return SSL_read(ssl, buffer.data(), size); }, std::move(handler));
}

/// Several buffers go as one record: a frame's head and body must not be two. One record at a time, so that somebody
/// sees how a long message gets on over a slow network.
void TlsStream::write_some(const ConstBuffers& buffers, IoHandler handler) {
  if (buffers.begin() == buffers.end()) return finish(std::move(handler), {}, 0, false);
  run(
      [ssl = ssl_.get(), buffers] {
        const net::const_buffer& first = *buffers.begin();
        if (buffers.begin() + 1 == buffers.end() || first.size() >= record_bytes)
          return SSL_write(ssl, first.data(), static_cast<int>(std::min(first.size(), record_bytes)));
        std::array<std::byte, record_bytes> record;
        const std::size_t size = net::buffer_copy(net::buffer(record), buffers);
        return SSL_write(ssl, record.data(), static_cast<int>(size));
      },
      std::move(handler));
}

void TlsStream::begin_shutdown(Function<void()> done) {
  announce_shutdown();
  // Our goodbye; the peer's is not waited for here. Whatever it still sends is drained below TLS.
  run(
      [ssl = ssl_.get()] {
        const int said = SSL_shutdown(ssl);
        return said == 0 ? 1 : said;
      },
      [this, done = std::move(done)](const ErrorCode&, std::size_t) mutable {
        end_and_drain(wire_.socket, std::move(done));
      });
}

}  // namespace

std::unique_ptr<ByteStream> tls_client_stream(Socket socket, TlsContext context, std::string host) {
  return std::make_unique<TlsStream>(std::move(socket), context, TlsStream::Role::client, std::move(host));
}

std::unique_ptr<ByteStream> tls_server_stream(Socket socket, TlsContext context) {
  return std::make_unique<TlsStream>(std::move(socket), context, TlsStream::Role::server, std::string());
}

}  // namespace edgesync::transport
