// SPDX-License-Identifier: Apache-2.0
// ByteStream: a connected socket, with TLS or without, behind one type. Beast's WebSocket is instantiated over
// AnyStream once, instead of once per kind of socket, which is what keeps compile time and binary small. Reads are
// counted twice: their time tells a silent peer, and until the peer is admitted their sum is bounded.
#pragma once

#include "base/bytes.hpp"
#include "transport/engine.hpp"
#include "transport/tls.hpp"

#include <edgesync/error.hpp>
#include <edgesync/function.hpp>

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/role.hpp>
#include <boost/system/error_code.hpp>

#include <array>
#include <chrono>
#include <limits>
#include <memory>
#include <string>

namespace edgesync::transport {

/// A short buffer sequence that owns its list: operations keep a copy until they are done.
template <class Buffer>
class BufferList {
 public:
  static constexpr std::size_t buffers_max = 8;

  BufferList() = default;
  /// As many as fit; the rest waits for the next call, as "read some" and "write some" allow.
  template <class Buffers>
  explicit BufferList(const Buffers& buffers, std::size_t bytes_max = std::numeric_limits<std::size_t>::max()) {
    const auto last = boost::asio::buffer_sequence_end(buffers);
    for (auto it = boost::asio::buffer_sequence_begin(buffers); it != last && count_ < buffers_max; ++it) {
      const Buffer buffer = boost::asio::buffer(Buffer(*it), bytes_max);
      if (buffer.size() > 0) list_[count_++] = buffer;
      bytes_max -= buffer.size();
    }
  }
  const Buffer* begin() const noexcept { return list_.data(); }
  const Buffer* end() const noexcept { return list_.data() + count_; }

 private:
  std::array<Buffer, buffers_max> list_{};
  std::size_t count_ = 0;
};

using Socket = boost::asio::ip::tcp::socket;

class ByteStream {
 public:
  using ErrorCode = boost::system::error_code;
  using IoHandler = boost::asio::any_completion_handler<void(ErrorCode, std::size_t)>;
  using MutableBuffers = BufferList<boost::asio::mutable_buffer>;
  using ConstBuffers = BufferList<boost::asio::const_buffer>;
  using Done = Function<void(Result<void>)>;

  virtual ~ByteStream() = default;
  virtual Executor executor() = 0;
  /// Makes the connection secure. Without TLS it completes at once, though not inside the call.
  void handshake(Done done);
  void write(const ConstBuffers& buffers, IoHandler handler);
  /// Waits until the system has little left to send of what was written (prepare() in socket.hpp), or the connection
  /// has failed. Not while a write is under way.
  void when_room(Function<void()> done);
  /// Says goodbye, then reads what the peer still sends until it ends too: a socket closed over unread bytes would be
  /// reset, and the reset could overtake what was said before. Unbounded in time; close() ends it.
  void shutdown(Function<void()> done);
  virtual void close() noexcept = 0;
  /// After the handshake, as in Peer. Nothing without TLS.
  virtual Bytes binding() { return {}; }
  virtual std::string certificate() { return {}; }
  /// Calls `idle` once, after close(), when no operation is under way any more: then the stream may be destroyed.
  void when_idle(Function<void()> idle);

  void read(const MutableBuffers& buffers, IoHandler handler);
  using Time = std::chrono::steady_clock::time_point;
  /// When bytes last came, and were last taken.
  Time last_read() const noexcept { return last_read_; }
  Time last_written() const noexcept { return last_written_; }
  /// Fails reads after so many more bytes.
  void allow(std::size_t bytes) noexcept { allowance_ = bytes; }
  void allow_all() noexcept { allowance_ = std::numeric_limits<std::size_t>::max(); }
  /// Told of every read that brought something, before its handler.
  void on_read(Function<void()> observer) { read_ = std::move(observer); }
  /// Told when shutdown begins, so that its deadline can begin as well.
  void on_shutdown(Function<void()> observer) { shutting_down_ = std::move(observer); }

 protected:
  virtual void begin_handshake(Done done) = 0;
  virtual void begin_shutdown(Function<void()> done) = 0;
  virtual Socket& socket() noexcept = 0;
  virtual void read_some(const MutableBuffers& buffers, IoHandler handler) = 0;
  virtual void write_some(const ConstBuffers& buffers, IoHandler handler) = 0;
  void announce_shutdown() const;
  void count(std::size_t bytes);

 private:
  void ended();  ///< One operation less under way.

  int under_way_ = 0;
  Function<void()> idle_;
  Time last_read_ = std::chrono::steady_clock::now(), last_written_ = last_read_;
  std::size_t allowance_ = std::numeric_limits<std::size_t>::max();
  Function<void()> read_, shutting_down_;
};

std::unique_ptr<ByteStream> plain_stream(Socket socket);

/// `context` decides whom to trust; `host` is the name or address that the peer must prove.
std::unique_ptr<ByteStream> tls_client_stream(Socket socket, TlsContext context, std::string host);
std::unique_ptr<ByteStream> tls_server_stream(Socket socket, TlsContext context);

/// The face that Beast sees: an AsyncStream over a ByteStream.
class AnyStream {
 public:
  using executor_type = Executor;

  explicit AnyStream(std::unique_ptr<ByteStream> bytes) : bytes_(std::move(bytes)) {}
  executor_type get_executor() const { return bytes_->executor(); }
  ByteStream& bytes() noexcept { return *bytes_; }

  template <class Buffers, class Handler>
  void async_read_some(const Buffers& buffers, Handler&& handler) {
    bytes_->read(ByteStream::MutableBuffers(buffers), ByteStream::IoHandler(std::forward<Handler>(handler)));
  }
  template <class Buffers, class Handler>
  void async_write_some(const Buffers& buffers, Handler&& handler) {
    bytes_->write(ByteStream::ConstBuffers(buffers), ByteStream::IoHandler(std::forward<Handler>(handler)));
  }

 private:
  std::unique_ptr<ByteStream> bytes_;
};

/// Found by Beast; both ends of a WebSocket take the socket down alike.
template <class Handler>
void async_teardown(boost::beast::role_type, AnyStream& stream, Handler&& handler) {
  stream.bytes().shutdown(
      [handler = std::forward<Handler>(handler)]() mutable { std::move(handler)(boost::system::error_code{}); });
}

/// Found by Beast for operations that are cancelled; ours never are, but it must compile.
inline void beast_close_socket(AnyStream& stream) { stream.bytes().close(); }

}  // namespace edgesync::transport
