// SPDX-License-Identifier: Apache-2.0
// Transport: connections that carry whole messages in order, over TLS WebSockets or in process, and the runtime they
// live on. No Boost type appears here; everything above this header is free of it.
//
// Threads: a Handler is called on its runtime, one call at a time per runtime, and never from inside a call it made.
// Connection's and Host's members may be called from any thread.
#pragma once

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "base/random.hpp"

#include <edgesync/error.hpp>
#include <edgesync/function.hpp>
#include <edgesync/rate.hpp>
#include <edgesync/runtime.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace edgesync::transport {

/// One open (or opening) conversation. Dropping the last reference does not close it; its Handler keeps it alive.
class Connection {
 public:
  virtual ~Connection() = default;
  /// Says that Handler::next_message() may have something; the connection asks when it can write.
  virtual void wake() = 0;
  /// Ends the conversation after the message being written, giving the peer `why`. on_closed() follows exactly once.
  virtual void close(Error why) = 0;
};

/// One of the places that a listener has for connections of which nobody knows yet whose they are; free when this goes.
/// Thread safety: used, and let go, on the runtime.
class Stranger {
 public:
  virtual ~Stranger() = default;
  /// It was not who it should be: counts against the network it came from.
  virtual void refused() = 0;
};

/// What is known of the other side before it has said anything.
struct Peer {
  std::string address{};  ///< For people.
  /// 32 bytes that only its two ends know ("tls-exporter", RFC 9266; in process: random); empty over plain TCP.
  Bytes binding{};
  /// Listener: the common name in the client's certificate, which it proved to be its own; empty: none was asked for,
  /// or it has none that is a path.
  std::string certificate{};
  std::string network{};                 ///< Listener: what its address shares with its neighbours'.
  std::shared_ptr<Stranger> stranger{};  ///< Listener: to be let go when the peer has said who it is.
};

/// What a conversation is for. Owned by the transport (shared) until after on_closed().
class Handler {
 public:
  virtual ~Handler() = default;
  /// The connection is up.
  virtual void on_open(std::shared_ptr<Connection> connection, Peer peer) = 0;
  /// `message` is valid during the call.
  virtual void on_message(ByteView message) = 0;
  /// A message is on its way and its bytes come slowly: told about once a second while they do.
  virtual void on_bytes() {}
  /// The most that the next incoming message may have; asked before each is read. Limits::message_bytes_max holds too.
  virtual std::size_t message_bytes_max() { return SIZE_MAX; }
  /// How long the next incoming message is to stay unread, in the network; asked before each is read.
  virtual std::chrono::milliseconds pause() { return {}; }
  /// The next message to write, asked only when nothing is being written: that is the back-pressure.
  virtual std::optional<Bytes> next_message() = 0;
  /// The conversation is over, or never came to be. The last call. The code says why: unreachable or a kind of it,
  /// untrusted, insecure, timed_out, protocol_violation, limit_exceeded, closed (orderly); after an own close() the
  /// error given to it; after the peer's close() the error that it gave (its `cancelled` is `closed` here).
  virtual void on_closed(const Error& why) = 0;
};

/// Bounds of a connection; every wait in the transport has one of these deadlines.
struct Limits {
  std::size_t message_bytes_max = 1 << 20;     ///< Larger incoming messages close the connection (1009).
  std::size_t header_bytes_max = 8 * 1024;     ///< HTTP upgrade request; of a response Beast takes 8 KiB.
  std::chrono::milliseconds connect{10'000};   ///< Name look-up and TCP.
  std::chrono::milliseconds handshake{5'000};  ///< Each of TLS and WebSocket upgrade.
  /// For bytes to be taken; a peer that takes none for so long is closed. At 1 KB/s the first burst of TCP, 28 KB of
  /// which nothing is acknowledged sooner, takes 28 s.
  std::chrono::milliseconds write{75'000};
  std::chrono::milliseconds idle{75'000};  ///< Nothing received for this long: half-open, closed.
  std::chrono::milliseconds close{2'000};  ///< Orderly close; then the socket is dropped.
  std::size_t connections_max = 10'000;    ///< Listener: more are refused at accept.
  std::size_t strangers_max = 512;         ///< Listener: those whose Peer::stranger lives, or that are not open yet.
  std::size_t strangers_per_network = 64;  ///< The same, of one network,
  std::size_t suspects_per_network = 4;    ///< and of one that was refused more often
  double refusals_per_network = 50;        ///< than so many times a minute.
  Rate arrivals{}, arrivals_of_network{};  ///< Listener: those that are accepted; more are refused at accept.
};

struct Tls {
  std::string
      ca_file{};  ///< PEM. Client: empty means the system's store. Listener: set to ask clients for certificates.
  std::string certificate_file{};  ///< PEM chain.
  std::string key_file{};          ///< PEM.
  /// Client: certificates are verified as of this moment, not the system's: for a system whose clock is known to be
  /// wrong. Verification itself is never left out.
  std::optional<Timestamp> as_of{};
};

struct ConnectOptions {
  std::string url{};  ///< wss://host[:port][/path]; ws:// needs `insecure` and a loopback host.
  Tls tls{};
  bool insecure = false;
  Limits limits{};
};

struct ListenOptions {
  std::string address = "0.0.0.0";
  std::uint16_t port = 0;  ///< 0 picks a free one.
  Tls tls{};
  bool insecure = false;  ///< Plaintext; refused unless `address` is a loopback address.
  Limits limits{};
  /// For logs: connections that ended before they were open, and accepts that failed (then `peer` is empty).
  Function<void(std::string_view peer, const Error& why)> refused{};
};

/// A listening socket; the destructor and close() stop accepting and leave open connections alone. After a close() on
/// the runtime the factory and `refused` are not called any more. Thread safety: any thread.
class Listener {
 public:
  virtual ~Listener() = default;
  virtual std::uint16_t port() const noexcept = 0;
  /// Who comes from here on meets these certificates. Fails with: invalid_argument, naming the file; the former ones
  /// stay then.
  virtual Result<void> renew(const Tls& tls) = 0;
  virtual void close() = 0;
};

using HandlerFactory = Function<std::shared_ptr<Handler>()>;

/// A timer that is armed for at most one instant; arming again replaces it. The callback runs on the runtime; destroyed
/// there, the timer never calls back again. Thread safety: any thread.
class Timer {
 public:
  virtual ~Timer() = default;
  virtual void arm(Instant at) = 0;  ///< `never` disarms.
};

/// A host, for those who may outlive it. Thread safety: any thread.
class HostRef {
 public:
  virtual ~HostRef() = default;
  /// As Host::post(); after the end of the runtime, `work` is dropped.
  virtual void post(Function<void()> work) = 0;
  /// `ended` runs on the runtime when its last user lets go, if the result is still kept then.
  virtual std::shared_ptr<void> on_end(Function<void()> ended) = 0;
};

/// The runtime as the layers above see it. Every edgesync::Runtime is one. When its last user lets go, open connections
/// end in an orderly way with `closed`, dials at once, timers and listeners go quiet; make_runtime() waits for that, at
/// most Limits::close. Thread safety: any thread.
class Host : public Runtime {
 public:
  virtual void post(Function<void()> work) = 0;
  virtual std::shared_ptr<HostRef> reference() = 0;
  virtual std::unique_ptr<Timer> timer(Function<void()> callback) = 0;
  /// Checks `options` at once (invalid_argument, insecure, unreadable files); everything later goes to `handler`.
  virtual Result<void> connect(ConnectOptions options, std::shared_ptr<Handler> handler) = 0;
  virtual Result<std::unique_ptr<Listener>> listen(ListenOptions options, HandlerFactory factory) = 0;
  virtual Clock& clock() noexcept = 0;
  /// True on the thread that runs this runtime's handlers: there, waiting would be for oneself.
  virtual bool inside() const noexcept = 0;
  /// On a runtime with a thread of its own, and not inside: waits until the handler now running has returned. Elsewhere
  /// it does nothing: who runs the handlers there may be the caller.
  virtual void settle() noexcept {}
};

/// The Host behind a public Runtime. Requires: `runtime` came from make_runtime() or asio_runtime().
Host& host(Runtime& runtime);

/// Non-deterministic randomness from OpenSSL's generator, for production nodes. Thread safety: any thread.
std::unique_ptr<Random> system_random();

}  // namespace edgesync::transport

namespace edgesync {

/// The in-process transport. A connection made here is a pair of queues: messages are posted to the other side's
/// runtime. When one of the runtimes ends, so do its connections, as those over sockets do.
class Loopback {
 public:
  virtual ~Loopback() = default;
  /// Accepts connections until the listener is closed or dropped. Fails with: already_open.
  virtual Result<std::unique_ptr<transport::Listener>> listen(transport::Host& host,
                                                              transport::HandlerFactory factory) = 0;
  /// on_closed(unreachable) if nobody listens.
  virtual void connect(transport::Host& host, std::shared_ptr<transport::Handler> handler) = 0;
};

}  // namespace edgesync
