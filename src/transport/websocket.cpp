// SPDX-License-Identifier: Apache-2.0
#include "transport/websocket.hpp"

#include "transport/net_error.hpp"

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/version.hpp>
#include <boost/beast/websocket/stream.hpp>

#include <algorithm>

namespace edgesync::transport {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;
namespace ws = beast::websocket;
using ErrorCode = boost::system::error_code;

constexpr std::size_t write_buffer_bytes = 16 * 1024;  // a client masks through it; one TLS record
constexpr std::size_t idle_buffer_bytes = 16 * 1024;   // what a quiet connection keeps of its read buffer

Errc status_errc(http::status status) {
  switch (status) {
    case http::status::unauthorized:
      return Errc::unauthorized;
    case http::status::forbidden:
      return Errc::forbidden;
    case http::status::too_many_requests:
    case http::status::bad_gateway:
    case http::status::service_unavailable:
    case http::status::gateway_timeout:
      return Errc::unreachable;
    default:
      return Errc::protocol_violation;
  }
}

/// Errors of HTTP and of the WebSocket protocol; everything else is the network's.
Error explain(const ErrorCode& error, const char* what) {
  const std::string text = std::string(what) + ": " + error.message();
  if (error == boost::system::errc::message_size)
    return {Errc::protocol_violation, std::string(what) + ": the header is too long"};
  if (error == http::error::end_of_stream || error == http::error::partial_message)
    return {Errc::unreachable, std::string(what) + ": the peer ended the connection"};
  if (error == ws::error::message_too_big || error == ws::error::buffer_overflow) return {Errc::limit_exceeded, text};
  if (error == ws::error::closed) return {Errc::closed, text};
  const ErrorCode any_http(0, make_error_code(http::error::bad_version).category());
  const ErrorCode any_ws(0, make_error_code(ws::error::closed).category());
  if (error.category() == any_http.category() || error.category() == any_ws.category())
    return {Errc::protocol_violation, text};
  return net_error(error, what);
}

constexpr const char* upgrade = "WebSocket upgrade";
constexpr const char* connection = "connection";

}  // namespace

struct WebSocket::Impl {
  Impl(std::unique_ptr<ByteStream> bytes, const Limits& limits) : stream(std::move(bytes)) {
    header_bytes = limits.header_bytes_max;
    stream.read_message_max(limits.message_bytes_max);
    stream.write_buffer_bytes(write_buffer_bytes);
    stream.auto_fragment(false);
    stream.binary(true);
  }

  void accept_request(const ErrorCode& error, Done done) {
    if (error) return done(explain(error, upgrade));
    const auto& request = parser->get();
    if (request.count(http::field::origin) > 0)
      return done(Error(Errc::forbidden, "WebSocket upgrade: browsers are not served here"));
    if (buffer.size() > 0) return done(Error(Errc::protocol_violation, "WebSocket upgrade: data before the answer"));
    stream.async_accept(request, [this, done = std::move(done)](const ErrorCode& failed) {
      parser.reset();
      done(failed ? Result<void>(explain(failed, upgrade)) : Result<void>());
    });
  }

  ws::stream<AnyStream, false> stream;
  beast::flat_buffer buffer;
  std::size_t header_bytes = 0;
  std::optional<http::request_parser<http::empty_body>> parser;  // during accept
  ws::response_type response;                                    // during connect
};

WebSocket::WebSocket(std::unique_ptr<ByteStream> bytes, const Limits& limits)
    : impl_(std::make_unique<Impl>(std::move(bytes), limits)) {}
WebSocket::~WebSocket() = default;

ByteStream& WebSocket::bytes() noexcept { return impl_->stream.next_layer().bytes(); }

void WebSocket::connect(const std::string& host, const std::string& target, Done done) {
  bytes().allow(impl_->header_bytes);
  impl_->stream.async_handshake(impl_->response, host, target,
                                [impl = impl_.get(), done = std::move(done)](const ErrorCode& error) {
                                  impl->stream.next_layer().bytes().allow_all();
                                  const ws::response_type response = std::exchange(impl->response, {});
                                  if (!error) return done({});
                                  if (error != ws::error::upgrade_declined) return done(explain(error, upgrade));
                                  done(Error(status_errc(response.result()), "WebSocket upgrade: the server answered " +
                                                                                 std::to_string(response.result_int()) +
                                                                                 " " + std::string(response.reason())));
                                });
}

void WebSocket::accept(Done done) {
  bytes().allow(impl_->header_bytes);
  impl_->parser.emplace();
  impl_->parser->header_limit(static_cast<std::uint32_t>(impl_->header_bytes));
  http::async_read_header(impl_->stream.next_layer(), impl_->buffer, *impl_->parser,
                          [impl = impl_.get(), done = std::move(done)](const ErrorCode& error, std::size_t) mutable {
                            impl->stream.next_layer().bytes().allow_all();
                            impl->accept_request(error, std::move(done));
                          });
}

void WebSocket::message_bytes_max(std::size_t bytes) { impl_->stream.read_message_max(bytes); }

void WebSocket::read(Received received) {
  impl_->stream.async_read(
      impl_->buffer, [impl = impl_.get(), received = std::move(received)](const ErrorCode& error, std::size_t) {
        if (error) return received(explain(error, connection));
        const auto data = impl->buffer.cdata();
        const Message message{{static_cast<const std::byte*>(data.data()), data.size()}, impl->stream.got_text()};
        received(message);
      });
}

void WebSocket::consumed() {
  impl_->buffer.consume(impl_->buffer.size());
  if (impl_->buffer.capacity() > idle_buffer_bytes) impl_->buffer.shrink_to_fit();
}

void WebSocket::write(Bytes message, Done done) {
  auto kept = std::make_unique<const Bytes>(std::move(message));
  const auto buffer = boost::asio::buffer(kept->data(), kept->size());
  impl_->stream.async_write(
      buffer, [kept = std::move(kept), done = std::move(done)](const ErrorCode& error, std::size_t) mutable {
        kept.reset();
        done(error ? Result<void>(explain(error, connection)) : Result<void>());
      });
}

void WebSocket::close(const CloseReason& why, Done done) {
  const ws::close_reason reason(static_cast<ws::close_code>(why.code), why.text);
  impl_->stream.async_close(reason, [done = std::move(done)](const ErrorCode& error) {
    done(error ? Result<void>(explain(error, connection)) : Result<void>());
  });
}

void WebSocket::abandon() { impl_.reset(); }

void WebSocket::on_control(Function<void(Control)> observer) {
  auto shared = std::make_shared<Function<void(Control)>>(std::move(observer));  // Beast wants to copy it
  impl_->stream.control_callback([shared](ws::frame_type kind, beast::string_view) {
    (*shared)(kind == ws::frame_type::close ? Control::close : Control::heartbeat);
  });
}

std::optional<Error> WebSocket::peer_reason() const {
  const ws::close_reason& reason = impl_->stream.reason();
  if (reason.code == ws::close_code::none) return {};
  return from_close_reason(reason.code, {reason.reason.data(), reason.reason.size()});
}

}  // namespace edgesync::transport
