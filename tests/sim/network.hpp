// SPDX-License-Identifier: Apache-2.0
// Network: connections between nodes, as TCP would carry them. Each direction is a stream of bytes in order, with
// latency, bandwidth, and one frame on its way into it at a time; frames are length-prefixed, so one that is cut at any
// byte is lost. What an old connection still carries arrives late, beside its successor.
//
// Faults: refused and unanswered connects, stalls that end in a burst, cuts at a chosen byte, and ends that nobody is
// told of. Each direction draws from its own generator, so that a fault on one shifts no other.
#pragma once

#include "sim/faults.hpp"
#include "sim/timeline.hpp"
#include "sim/trace.hpp"

#include <edgesync/error.hpp>

#include <array>
#include <deque>
#include <map>
#include <optional>

namespace edgesync::sim {

using ConnectionId = std::uint64_t;
using NodeNumber = int;

/// One node's side of its connections.
class Peer {
 public:
  virtual ~Peer() = default;
  virtual bool accepts() const = 0;  ///< Listens, and runs.
  virtual void connected(ConnectionId id, bool dialled) = 0;
  virtual void connect_failed(const Error& why) = 0;
  virtual void arriving(ConnectionId id) = 0;  ///< Part of a frame.
  virtual void arrived(ConnectionId id, const Bytes& frame) = 0;
  virtual void writable(ConnectionId id) = 0;
  virtual void disconnected(ConnectionId id, const Error& why) = 0;
};

struct Weather {
  Span latency{5'000};                  ///< The least.
  Span jitter{2'000};                   ///< Mean of what comes on top, exponentially.
  std::uint64_t bandwidth = 1'000'000;  ///< Bytes per second.
};

class Network {
 public:
  Network(Timeline& timeline, Trace& trace, std::uint64_t seed) : timeline_(timeline), trace_(trace), seed_(seed) {}

  void add(Peer& peer) {
    peers_.push_back(&peer), unanswered_.push_back({}), mute_.push_back({}), flapping_.push_back({});
  }

  // --- for nodes ---
  void dial(NodeNumber from, NodeNumber to);
  bool can_send(ConnectionId id, NodeNumber from) const;
  /// Requires: can_send(). writable() follows.
  void send(ConnectionId id, NodeNumber from, Bytes frame);
  /// In order behind what was sent.
  void close(ConnectionId id, NodeNumber from);
  /// The node is gone. A process that died leaves the system to reset its connections; a power cut leaves silence.
  void vanish(NodeNumber node, bool silently);

  // --- weather and faults ---
  Weather weather{};
  std::vector<ConnectionId> open() const;
  void stall(ConnectionId id, int direction, Span how_long);
  /// The stream ends at a byte up to `ahead` beyond what has arrived. `told`: which ends learn of it.
  void cut(ConnectionId id, std::uint64_t ahead, std::array<bool, 2> told);
  /// The first connection of all will end at a byte of what its dialler (0) or the other end (1) sends.
  void cut_first(std::size_t end, std::uint64_t at) { first_cut_.at(end) = at; }
  const std::array<std::uint64_t, 2>& first_connection() const noexcept { return first_sent_; }
  /// Until then nobody answers this node's connects, nor does anything arrive.
  void isolate(NodeNumber node, Span how_long);
  /// Until then nothing that this node sends arrives; what is sent to it does.
  void mute(NodeNumber node, Span how_long);
  /// Until then this node's connections end, one in a few times that something has come through.
  void flap(NodeNumber node, Span how_long);
  /// Ends every fault: stalls, silent ends and isolation.
  void heal();
  std::uint64_t frames() const noexcept { return frames_; }
  /// Cuts, stalls and isolation that struck.
  /// Frames that arrived after their sender was gone.
  std::uint64_t old_frames() const noexcept { return old_frames_; }
  const FaultCounts& struck() const noexcept { return struck_; }

 private:
  struct Frame {
    Bytes bytes{};
    std::uint64_t end = 0;  ///< Of the frame, in the stream.
    bool last = false;      ///< The sender closed behind it.
    bool part = false;      ///< Of a long frame, whose bytes come later.
    Instant due{};
  };
  struct Direction {
    std::deque<Frame> queue{};
    Instant free{}, last_due{}, stalled_until{};
    std::uint64_t sent = 0, arrived = 0, cut_at = UINT64_MAX;
  };
  struct Connection {
    explicit Connection(std::uint64_t seed) : random(seed) {}
    std::array<NodeNumber, 2> ends{};
    std::array<bool, 2> open{};  ///< That end still holds it.
    std::array<bool, 2> told{true, true};
    std::array<Direction, 2> directions{};  ///< [i]: from end i to the other.
    Xoshiro random;
  };

  Connection* find(ConnectionId id);
  static int side(const Connection& connection, NodeNumber node) { return connection.ends[0] == node ? 0 : 1; }
  void transmit(ConnectionId id, Connection& connection, int from, Frame frame, std::uint64_t bytes);
  void push(ConnectionId id, Connection& connection, int from, Frame frame);
  void schedule(ConnectionId id, int from, Instant when);
  void deliver(ConnectionId id, int from);
  Instant held_until(const Connection& connection, int from);
  void hand_over(ConnectionId id, Connection& connection, int from, Frame frame);
  bool flaps(Connection& connection);
  void break_up(ConnectionId id, Connection& connection, std::optional<Fault> as = {});
  void tell(ConnectionId id, int end, const char* why);
  Span latency(Random& random) const;
  void forget_if_over(ConnectionId id);

  Timeline& timeline_;
  Trace& trace_;
  std::uint64_t seed_;
  std::vector<Peer*> peers_;
  std::vector<Instant> unanswered_, mute_, flapping_;
  std::map<ConnectionId, Connection> connections_;
  ConnectionId next_ = 1;
  std::array<std::uint64_t, 2> first_cut_{UINT64_MAX, UINT64_MAX}, first_sent_{};
  std::uint64_t frames_ = 0, old_frames_ = 0;
  FaultCounts struck_{};
};

}  // namespace edgesync::sim
