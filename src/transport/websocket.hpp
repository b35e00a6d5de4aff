// SPDX-License-Identifier: Apache-2.0
// WebSocket: Beast's stream over a ByteStream, compiled in one place. It frames, masks, answers pings and closes; it
// has no deadlines and no policy, which are the session's. Used on its engine; at most one read, one write and one
// close at a time; whoever starts an operation keeps the WebSocket alive until it is done.
#pragma once

#include "transport/byte_stream.hpp"
#include "transport/close_reason.hpp"
#include "transport/transport.hpp"

#include <memory>
#include <optional>
#include <string>

namespace edgesync::transport {

class WebSocket {
 public:
  enum class Control { heartbeat, close };  ///< A ping or pong; the peer's goodbye.
  struct Message {
    ByteView bytes{};
    bool text = false;
  };
  using Done = Function<void(Result<void>)>;
  using Received = Function<void(Result<Message>)>;

  WebSocket(std::unique_ptr<ByteStream> bytes, const Limits& limits);
  ~WebSocket();

  ByteStream& bytes() noexcept;
  /// The client's half of the upgrade. `host` is the Host header.
  void connect(const std::string& host, const std::string& target, Done done);
  /// The server's half. Browsers are refused (they send an Origin): no page may speak for its visitor.
  void accept(Done done);
  /// The bound for the next message read; larger ones end in limit_exceeded.
  void message_bytes_max(std::size_t bytes);
  /// The message stays valid until consumed(). An error ends the connection, Beast has then said goodbye itself.
  void read(Received received);
  /// Before the next read().
  void consumed();
  void write(Bytes message, Done done);
  void close(const CloseReason& why, Done done);
  /// Destroys the stream and whatever operations it still holds, without their handlers being called. Beast can hold
  /// some for ever: a read that fails while a close is being written and the close wait for each other. Requires:
  /// nothing is under way in bytes(); nothing else is called any more.
  void abandon();
  void on_control(Function<void(Control)> observer);
  /// The goodbye of the peer, if it came: more telling than any error that follows it.
  std::optional<Error> peer_reason() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace edgesync::transport
