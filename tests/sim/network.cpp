// SPDX-License-Identifier: Apache-2.0
#include "sim/network.hpp"

#include <algorithm>
#include <cmath>

namespace edgesync::sim {
namespace {

constexpr std::uint64_t prefix_bytes = 4;
constexpr std::uint64_t pieces_per_second = 10;  // in which the receiver sees the bytes of a long frame come
constexpr Span connect_timeout = std::chrono::seconds(5);

std::size_t at(NodeNumber node) { return static_cast<std::size_t>(node); }
std::size_t at_side(int side) { return static_cast<std::size_t>(side); }

}  // namespace

Span Network::latency(Random& random) const {
  // -log2 of a uniform number from its leading zeros, with eight bits of fraction: exponential, and exact everywhere.
  const std::uint64_t draw = random.below(1u << 16) + 1;
  int halvings = 0;
  while ((draw << halvings) < (1u << 16)) ++halvings;
  const std::uint64_t fraction = random.below(256);
  const auto extra = static_cast<std::uint64_t>(weather.jitter.count()) *
                     (static_cast<std::uint64_t>(halvings) * 256 + fraction) / 512;
  return weather.latency + Span(static_cast<Span::rep>(extra));
}

Network::Connection* Network::find(ConnectionId id) {
  const auto found = connections_.find(id);
  return found == connections_.end() ? nullptr : &found->second;
}

void Network::dial(NodeNumber from, NodeNumber to) {
  const ConnectionId id = next_++;
  Connection& connection = connections_.emplace(id, Connection(seed_ + id * 0x9e3779b97f4a7c15)).first->second;
  connection.ends = {from, to};
  connection.open = {true, false};
  if (id == 1)
    for (std::size_t end = 0; end < 2; ++end) connection.directions[end].cut_at = first_cut_[end];
  const Instant silent = std::max(unanswered_[at(from)], unanswered_[at(to)]);
  const Span round_trip = latency(connection.random) + latency(connection.random);
  const bool mute = std::max(mute_[at(from)], mute_[at(to)]) > timeline_.now();
  const bool unanswered = mute || silent > timeline_.now();
  if (unanswered) ++struck_[mute ? Fault::one_way : Fault::isolation];
  timeline_.after(unanswered ? connect_timeout : round_trip, [this, id, to, unanswered] {
    Connection* dialled = find(id);
    if (dialled == nullptr || !dialled->open[0]) return connections_.erase(id), void();
    const NodeNumber dialler = dialled->ends[0];
    if (unanswered || !peers_[at(to)]->accepts()) {
      connections_.erase(id);
      trace_.note(timeline_.now(), "connect failed", dialler, at(to));
      return peers_[at(dialler)]->connect_failed(
          {Errc::unreachable, unanswered ? "nobody answers" : "connection refused"});
    }
    dialled->open[1] = true;
    trace_.note(timeline_.now(), "connected", dialler, id);
    peers_[at(to)]->connected(id, false);
    if (find(id) != nullptr) peers_[at(dialler)]->connected(id, true);
  });
}

bool Network::can_send(ConnectionId id, NodeNumber from) const {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return false;
  const int me = side(found->second, from);
  return found->second.open[at_side(me)] && found->second.directions[at_side(me)].free <= timeline_.now();
}

void Network::send(ConnectionId id, NodeNumber from, Bytes frame) {
  Connection& connection = *find(id);
  const int me = side(connection, from);
  Direction& direction = connection.directions[at_side(me)];
  ++frames_;
  const std::uint64_t size = frame.size() + prefix_bytes;
  trace_.note(timeline_.now(), "send", from, size, quick_hash(frame));
  direction.free = timeline_.now();
  const std::uint64_t piece = std::max<std::uint64_t>(1, weather.bandwidth / pieces_per_second);
  std::uint64_t left = size;
  for (; left > piece; left -= piece) transmit(id, connection, me, {.part = true}, piece);
  transmit(id, connection, me, {.bytes = std::move(frame)}, left);
  if (id == 1) first_sent_[at_side(me)] = direction.sent;
  timeline_.at(direction.free, [this, id, me] {
    Connection* held = find(id);
    if (held != nullptr && held->open[at_side(me)]) peers_[at(held->ends[at_side(me)])]->writable(id);
  });
}

void Network::transmit(ConnectionId id, Connection& connection, int from, Frame frame, std::uint64_t bytes) {
  Direction& direction = connection.directions[at_side(from)];
  direction.free += Span(static_cast<Span::rep>(bytes * 1'000'000 / weather.bandwidth + 1));
  frame.end = direction.sent += bytes;
  push(id, connection, from, std::move(frame));
}

void Network::push(ConnectionId id, Connection& connection, int from, Frame frame) {
  Direction& direction = connection.directions[at_side(from)];
  const Instant due = std::max(direction.free, timeline_.now()) + latency(connection.random);
  frame.due = direction.last_due = std::max(due, direction.last_due);
  direction.queue.push_back(std::move(frame));
  schedule(id, from, direction.last_due);
}

void Network::schedule(ConnectionId id, int from, Instant when) {
  timeline_.at(when, [this, id, from] { deliver(id, from); });
}

Instant Network::held_until(const Connection& connection, int from) {
  const Instant stalled = connection.directions[at_side(from)].stalled_until;
  const Instant silent = std::max(unanswered_[at(connection.ends[0])], unanswered_[at(connection.ends[1])]);
  const Instant mute = mute_[at(connection.ends[at_side(from)])];
  if (stalled > timeline_.now()) ++struck_[Fault::stalls];
  if (mute > timeline_.now()) ++struck_[Fault::one_way];
  if (silent > timeline_.now()) ++struck_[Fault::isolation];
  return std::max({stalled, silent, mute});
}

void Network::deliver(ConnectionId id, int from) {
  Connection* connection = find(id);
  if (connection == nullptr) return;
  Direction& direction = connection->directions[at_side(from)];
  if (direction.queue.empty() || direction.queue.front().due > timeline_.now()) return;
  if (const Instant until = held_until(*connection, from); until > timeline_.now()) return schedule(id, from, until);
  Frame frame = std::move(direction.queue.front());
  direction.queue.pop_front();
  hand_over(id, *connection, from, std::move(frame));
}

void Network::hand_over(ConnectionId id, Connection& connection, int from, Frame frame) {
  Direction& direction = connection.directions[at_side(from)];
  const int to = 1 - from;
  if (frame.end > direction.cut_at) return break_up(id, connection);
  direction.arrived = frame.end;
  if (!connection.open[at_side(to)]) return;
  if (!connection.open[at_side(from)] && !frame.part) ++old_frames_;
  if (frame.last) {
    tell(id, to, "closed by the peer");
    return;
  }
  Peer& peer = *peers_[at(connection.ends[at_side(to)])];
  if (frame.part) return peer.arriving(id);
  peer.arrived(id, frame.bytes);
  Connection* still = find(id);
  if (still != nullptr && flaps(*still)) break_up(id, *still, Fault::flaps);
}

bool Network::flaps(Connection& connection) {
  constexpr std::uint64_t one_in = 4;
  const Instant until = std::max(flapping_[at(connection.ends[0])], flapping_[at(connection.ends[1])]);
  return until > timeline_.now() && connection.random.one_in(one_in);
}

void Network::break_up(ConnectionId id, Connection& connection, std::optional<Fault> as) {
  trace_.note(timeline_.now(), "cut", -1, id);
  const std::array<bool, 2> told = connection.told;
  const bool first = connection.directions[0].cut_at > 0 || connection.directions[1].cut_at > 0;
  if (first) ++struck_[as ? *as : told[0] && told[1] ? Fault::cuts : Fault::half_open];
  for (Direction& direction : connection.directions) {
    direction.cut_at = 0;
    direction.queue.clear();
  }
  for (int end = 0; end < 2; ++end)
    if (told[at_side(end)]) tell(id, end, "connection reset");
}

void Network::tell(ConnectionId id, int end, const char* why) {
  Connection* connection = find(id);
  if (connection == nullptr || !std::exchange(connection->open[at_side(end)], false)) return;
  const NodeNumber node = connection->ends[at_side(end)];
  trace_.note(timeline_.now(), "disconnected", node, id);
  peers_[at(node)]->disconnected(id, {Errc::unreachable, why});
  forget_if_over(id);
}

void Network::close(ConnectionId id, NodeNumber from) {
  Connection* connection = find(id);
  if (connection == nullptr) return;
  const int me = side(*connection, from);
  if (!std::exchange(connection->open[at_side(me)], false)) return;
  trace_.note(timeline_.now(), "close", from, id);
  Frame last;
  last.end = connection->directions[at_side(me)].sent;
  last.last = true;
  push(id, *connection, me, std::move(last));
  forget_if_over(id);
}

void Network::forget_if_over(ConnectionId id) {
  const Connection* connection = find(id);
  if (connection != nullptr && !connection->open[0] && !connection->open[1]) connections_.erase(id);
}

void Network::vanish(NodeNumber node, bool silently) {
  for (auto entry = connections_.begin(); entry != connections_.end();) {
    auto& [id, connection] = *entry;
    ++entry;
    if (connection.ends[0] != node && connection.ends[1] != node) continue;
    const int me = side(connection, node);
    if (!std::exchange(connection.open[at_side(me)], false)) continue;
    connection.directions[at_side(1 - me)].queue.clear();
    if (!silently) timeline_.after(latency(connection.random), [this, id = id, me] { tell(id, 1 - me, "reset"); });
  }
}

std::vector<ConnectionId> Network::open() const {
  std::vector<ConnectionId> ids;
  for (const auto& [id, connection] : connections_)
    if (connection.open[0] && connection.open[1]) ids.push_back(id);
  return ids;
}

void Network::stall(ConnectionId id, int direction, Span how_long) {
  if (Connection* connection = find(id))
    connection->directions[at_side(direction)].stalled_until = timeline_.now() + how_long;
}

void Network::cut(ConnectionId id, std::uint64_t ahead, std::array<bool, 2> told) {
  Connection* connection = find(id);
  if (connection == nullptr) return;
  connection->told = told;
  for (Direction& direction : connection->directions)
    direction.cut_at =
        std::min(direction.cut_at, direction.arrived + (ahead == 0 ? 0 : connection->random.below(ahead)));
}

void Network::isolate(NodeNumber node, Span how_long) { unanswered_[at(node)] = timeline_.now() + how_long; }

void Network::mute(NodeNumber node, Span how_long) { mute_[at(node)] = timeline_.now() + how_long; }

void Network::flap(NodeNumber node, Span how_long) { flapping_[at(node)] = timeline_.now() + how_long; }

void Network::heal() {
  for (Instant& until : flapping_) until = {};
  for (Instant& until : unanswered_) until = {};
  for (Instant& until : mute_) until = {};
  for (auto& [id, connection] : connections_)
    for (int from = 0; from < 2; ++from) {
      Direction& direction = connection.directions[at_side(from)];
      direction.stalled_until = {};
      for (const Frame& frame : direction.queue) schedule(id, from, std::max(frame.due, timeline_.now()));
    }
}

}  // namespace edgesync::sim
