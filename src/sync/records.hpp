// SPDX-License-Identifier: Apache-2.0
// Records: the stream segments that a node sends its hub, a window of them at a time, as they are in the file; streams
// take turns in it (turns.hpp), one segment each. Per origin the hub is told of every number once, in order: by a
// segment, or by saying that its records are no more, and why. What the hub does not take, or has lost, is sent again
// from where it says. A relay is told under our signature (stream/origin_signature.hpp), and passes on what others
// signed: a hub that believes it of nothing else refuses the records of those who did not, which stay behind alone.
#pragma once

#include "sync/conversation.hpp"
#include "sync/turns.hpp"

namespace edgesync::sync {

class Records {
 public:
  explicit Records(Conversation& conversation) noexcept
      : talk_(conversation), turns_(conversation.pacing.backfill_share) {}

  std::optional<wire::Message> next(bool urgent_only);
  void on(wire::StreamAck&& ack);
  /// The hub has the channel's records up to `to`: all behind is sent again.
  void rewind(wire::Channel number, crdt::Context to);
  /// The channel is closed.
  void forget(wire::Channel number);
  /// The hub does not store a segment. If it never can, that is set aside, and the rest of the stream goes on as soon
  /// as it is out of the way, durably; else false: the channel is to wait.
  bool refused(const wire::Refused& refused, const Error& why);

  /// What was to be set aside is, or there is no room for it.
  void on_flushed(const store::Outcome& outcome);
  /// Whether some wait for those in flight to be acknowledged.
  bool held() const { return unacked_ > 0 && turns_.next(false); }
  std::size_t unsettled() const noexcept { return aside_.size(); }
  store::Ticket waits_from() const noexcept { return aside_.empty() ? no_ticket : aside_.begin()->first; }

 private:
  struct Sending {
    crdt::Context sent{};                                       // last sequences
    std::deque<std::pair<crdt::Dot, std::size_t>> in_flight{};  // last sequence and bytes of each segment
    std::deque<wire::Message> ready{};                          // segments and gaps read from the file, not yet sent
  };
  Sending& sending(wire::Channel number);
  bool setting_aside(wire::Channel number) const noexcept;
  bool ours(const ReplicaId& origin) const;
  bool stay_behind(wire::Channel number, const ReplicaId& origin);
  bool stays_behind(wire::Channel number, const store::StreamState& state) const;
  void send_again(wire::Channel number);
  wire::Message told(wire::Message message, const store::StreamState& state, const std::vector<Gap>* signs) const;
  Result<std::optional<wire::Trimmed>> trimmed(wire::Channel number, const store::StreamState& state,
                                               std::uint64_t after) const;
  Result<void> fetch(wire::Channel number, Sending& sending, const store::StreamState& state);
  bool fetch(wire::Channel number, Sending& sending);
  Turns::Lane lane(wire::Channel number);
  bool room(Turns::Lane lane) const noexcept;
  wire::Message take(wire::Channel number, Sending& sending);

  Conversation& talk_;
  std::map<wire::Channel, Sending> sending_{};
  std::map<wire::Channel, crdt::Context> behind_{};  // origins whose records stay, until there are later ones
  std::size_t unacked_ = 0;                          // bytes in flight, of all streams
  Turns turns_;
  std::map<store::Ticket, wire::Channel> aside_{};  // one of a channel at a time
};

}  // namespace edgesync::sync
