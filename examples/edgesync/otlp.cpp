// SPDX-License-Identifier: Apache-2.0
#include "otlp.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include <algorithm>
#include <thread>

namespace program {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;

using Request = http::request<http::vector_body<char>>;
using Response = http::response<http::string_body>;

constexpr std::size_t head_bytes_max = 8 * 1024;
constexpr std::size_t payload_bytes_max = 16 << 20;
constexpr std::size_t part_bytes = 256 * 1024;  // of a record, which may have 512 KiB
constexpr std::size_t connections_max = 64;
constexpr std::chrono::seconds patience{30};   // for a request to begin or to end
constexpr std::chrono::seconds last_words{5};  // for a peer that is refused to stop
constexpr std::string_view retry_after = "10";
constexpr auto resume = asio::as_tuple(asio::use_awaitable);

constexpr std::string_view protobuf = "application/x-protobuf", json_type = "application/json";

std::string_view before(std::string_view text, char end) { return text.substr(0, text.find(end)); }

std::string_view view(beast::string_view text) { return {text.data(), text.size()}; }

/// google.rpc.Status with its message alone, in the encoding of the request.
std::string status_of(std::string_view type, const std::string& message) {
  if (type == json_type) return json::serialize(json::object{{"message", message}});
  std::string body = "\x12";  // field 2, length-delimited
  for (std::size_t left = message.size(); true; left >>= 7) {
    body += static_cast<char>(left < 0x80 ? left : (left & 0x7f) | 0x80);
    if (left < 0x80) break;
  }
  return body + message;
}

Response refusal(http::status status, std::string_view type, const std::string& why) {
  Response response(status, 11);
  response.set(http::field::content_type, beast::string_view(type.data(), type.size()));
  response.body() = status_of(type, why);
  if (status == http::status::service_unavailable) response.set(http::field::retry_after, retry_after);
  if (status == http::status::method_not_allowed) response.set(http::field::allow, "POST");
  return response;
}

/// "traces", "metrics" or "logs"; empty: another path.
std::string_view signal_of(std::string_view target) {
  constexpr std::string_view root = "/v1/";
  if (!target.starts_with(root)) return {};
  const std::string_view signal = target.substr(root.size());
  return signal == "traces" || signal == "metrics" || signal == "logs" ? signal : std::string_view();
}

std::vector<es::Record> records_of(const Request& request, std::string_view signal, std::string_view type,
                                   std::string_view encoding) {
  const auto& body = request.body();
  const std::size_t parts = std::max<std::size_t>(1, (body.size() + part_bytes - 1) / part_bytes);
  const auto at = std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch());
  std::vector<es::Record> records;
  for (std::size_t part = 0; part < parts; ++part) {
    const std::size_t from = part * part_bytes, size = std::min(part_bytes, body.size() - from);
    const auto bytes = std::as_bytes(std::span(body).subspan(from, size));
    records.push_back({0,
                       es::Timestamp(at),
                       {std::string(signal), std::string(type), std::string(encoding), static_cast<std::int64_t>(part),
                        static_cast<std::int64_t>(parts), es::Bytes(bytes.begin(), bytes.end())}});
  }
  return records;
}

Response answer(const Request& request, es::Stream& stream) {
  const std::string_view type = before(view(request[http::field::content_type]), ';');
  const std::string_view encoding = view(request[http::field::content_encoding]);
  const std::string_view signal = signal_of(view(request.target()));
  const std::string_view said = type == json_type ? json_type : protobuf;
  if (signal.empty()) return refusal(http::status::not_found, said, "not /v1/traces, /v1/metrics or /v1/logs");
  if (request.method() != http::verb::post) return refusal(http::status::method_not_allowed, said, "not POST");
  if (type != protobuf && type != json_type)
    return refusal(http::status::unsupported_media_type, said, "neither application/x-protobuf nor application/json");
  if (!encoding.empty() && encoding != "identity" && encoding != "gzip")
    return refusal(http::status::unsupported_media_type, said, "the encoding is neither identity nor gzip");
  const auto appended = stream.append(records_of(request, signal, type, encoding));
  // A full disk may have room again, and the exporter keeps what it has until then.
  if (!appended) return refusal(http::status::service_unavailable, said, appended.error().detail);
  Response response(http::status::ok, 11);
  response.set(http::field::content_type, beast::string_view(type.data(), type.size()));
  if (type == json_type) response.body() = "{}";  // an Export...ServiceResponse that has nothing to say
  return response;
}

asio::awaitable<void> converse(beast::tcp_stream stream, es::Stream records, std::shared_ptr<void> /*place*/) {
  const auto& http_errors = http::make_error_code(http::error::bad_method).category();
  beast::flat_buffer buffer(head_bytes_max + (128 << 10));
  for (bool more = true; more;) {
    http::request_parser<http::vector_body<char>> parser;
    parser.header_limit(head_bytes_max);
    parser.body_limit(payload_bytes_max);
    stream.expires_after(patience);
    const auto [failed, read] = co_await http::async_read(stream, buffer, parser, resume);
    const bool end = failed == http::error::end_of_stream || failed == http::error::partial_message;
    if (end || (failed && failed.category() != http_errors)) break;  // it has gone, or says nothing
    Response response = failed == http::error::body_limit
                            ? refusal(http::status::payload_too_large, protobuf, "above 16 MiB")
                        : failed ? refusal(http::status::bad_request, protobuf, failed.message())
                                 : answer(parser.get(), records);
    more = !failed && parser.get().keep_alive();
    response.keep_alive(more);
    response.prepare_payload();
    stream.expires_after(patience);
    if (const auto [unsent, written] = co_await http::async_write(stream, response, resume); unsent) break;
  }
  beast::error_code ignored;
  stream.socket().shutdown(tcp::socket::shutdown_send, ignored);
  // A socket closed over unread bytes is reset, and the reset may overtake what was said.
  stream.expires_after(last_words);
  std::vector<char> scrap(64 << 10);
  for (std::size_t left = 2 * payload_bytes_max; left > 0;) {
    const auto [ended, read] = co_await stream.async_read_some(asio::buffer(scrap), resume);
    if (ended) break;
    left -= std::min(left, read);
  }
}

}  // namespace

struct OtlpReceiver::Server {
  Server(const Listen& at, es::Stream stream) : records(std::move(stream)), listening(context) {
    const tcp::endpoint endpoint(asio::ip::make_address(at.host), at.port);
    listening.open(endpoint.protocol());
    listening.set_option(tcp::acceptor::reuse_address(true));
    listening.bind(endpoint);
    listening.listen();
    asio::co_spawn(context, accept(), asio::detached);
    thread = std::thread([this] { run(); });
  }
  ~Server() {
    context.stop();
    thread.join();
  }

  void run() noexcept {
    while (!context.stopped()) {
      try {
        context.run();
      } catch (const std::exception&) {  // no memory for one operation; the others go on
      }
    }
  }
  asio::awaitable<void> accept() {
    while (true) {
      auto [failed, socket] = co_await listening.async_accept(resume);
      if (failed) {  // no descriptor is free
        asio::steady_timer pause(context, std::chrono::milliseconds(100));
        co_await pause.async_wait(resume);
        continue;
      }
      if (static_cast<std::size_t>(places.use_count()) > connections_max) continue;  // the socket is closed
      try {
        asio::co_spawn(context, converse(beast::tcp_stream(std::move(socket)), records, places), asio::detached);
      } catch (const std::exception&) {  // no memory for it
      }
    }
  }

  asio::io_context context{1};
  es::Stream records;
  tcp::acceptor listening;
  std::shared_ptr<void> places = std::make_shared<int>();  // one owner for each connection, and this
  std::thread thread;
};

es::StreamOptions OtlpReceiver::stream() {
  return {.columns = {{"signal", es::text},
                      {"type", es::text},
                      {"encoding", es::text},
                      {"part", es::i64},
                      {"parts", es::i64},
                      {"payload", es::bytes}},
          .priority = es::Priority::bulk};
}

OtlpReceiver::OtlpReceiver(std::unique_ptr<Server> server) noexcept : server_(std::move(server)) {}
OtlpReceiver::~OtlpReceiver() = default;

es::Result<std::unique_ptr<OtlpReceiver>> OtlpReceiver::open(const Listen& at, es::Stream records) {
  if (const auto columns = records.columns(); !columns) return columns.error();
  const std::string where = "otlp: " + at.host + ":" + std::to_string(at.port);
  boost::system::error_code bad;
  const auto address = asio::ip::make_address(at.host, bad);
  if (bad) return es::Error(es::Errc::invalid_argument, where + ": not an address");
  if (!address.is_loopback())
    return es::Error(es::Errc::insecure, where + ": only for this machine, by 127.0.0.1 or ::1");
  try {
    return std::unique_ptr<OtlpReceiver>(new OtlpReceiver(std::make_unique<Server>(at, std::move(records))));
  } catch (const std::exception& failure) {  // the address is taken, or there is no thread
    return es::Error(es::Errc::connection_refused, where + ": " + failure.what());
  }
}

std::uint16_t OtlpReceiver::port() const noexcept {
  beast::error_code ignored;
  return server_->listening.local_endpoint(ignored).port();
}

}  // namespace program
