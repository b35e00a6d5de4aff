// SPDX-License-Identifier: Apache-2.0
// Repairs: rows that were lost here, or at the peer (crdt/repair.hpp). Who has lost some asks for the ranges, a few at
// a time, until nothing is damaged any more; what cannot be told yet is asked for again later. A hub asks only nodes
// that may write the scope: to all others it owes the truth, not they to it.
#pragma once

#include "sync/backoff.hpp"
#include "sync/cuts.hpp"
#include "sync/receiver.hpp"

namespace edgesync::sync {

class Repairs {
 public:
  Repairs(Conversation& conversation, Cuts& cuts, Receiver& receiver) noexcept
      : talk_(conversation), cuts_(cuts), receiver_(receiver) {}

  /// Asks for what was lost of a channel, if anything was and the peer can be asked.
  void ask(wire::Channel number);
  void on(wire::Repair&& told);
  /// A repair that was accepted is durable, or was refused.
  void on_flushed(const store::Outcome& outcome);
  std::size_t unsettled() const noexcept { return storing_.size(); }
  store::Ticket waits_from() const noexcept { return storing_.empty() ? no_ticket : storing_.begin()->first; }
  void on_timer(Now now);
  Instant deadline() const noexcept;

  void on(wire::Lost&& lost);
  /// The next message that tells what the peer has lost.
  std::optional<wire::Message> next();

 private:
  /// Rows were lost here, and the peer is asked for them.
  struct Asking {
    enum class Stage : std::uint8_t { idle, asked, storing } stage{};
    Bytes from{};                                    // where to go on asking
    std::vector<crdt::KeyRange> asked{}, damaged{};  // what it asked for, and what was damaged then
    Backoff pause;
    Instant again = never;
  };
  void answered(wire::Channel number);
  bool tell();

  Conversation& talk_;
  Cuts& cuts_;
  Receiver& receiver_;
  std::map<wire::Channel, Asking> asking_{};
  std::map<store::Ticket, wire::Channel> storing_{};
  std::deque<wire::Lost> lost_{};  // by the peer
  std::size_t lost_bytes_ = 0;
  std::deque<wire::Message> telling_{};  // what answers the first of them
  MemoryShare share_{};
  Plane lane_{};
};

}  // namespace edgesync::sync
