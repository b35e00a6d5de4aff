// SPDX-License-Identifier: Apache-2.0
// Receiver: what the peer sends us. Cuts, chunks and segments go to the store and are acknowledged when it says they
// are durable, never before; what does not build on what we have is answered with Resync, what can never be stored with
// Refused, which concerns its scope alone.
#pragma once

#include "sync/audit.hpp"
#include "sync/inbox.hpp"
#include "sync/searches.hpp"

#include <variant>

namespace edgesync::sync {

class Receiver {
 public:
  Receiver(Conversation& conversation, Audit& audit, Searches& searches)
      : talk_(conversation),
        audit_(audit),
        searches_(searches),
        inbox_(conversation.limits, conversation.arriving),
        held_(conversation.settling) {}

  void on(wire::DeltaPart&& part);
  void on(wire::PatchedPart&& part);
  void on(wire::Cut&& cut);
  void on(wire::Chunk&& told);
  void on(wire::Staged&& staged);
  void on(wire::Segment&& segment);
  void on(wire::Dropped&& dropped);
  void on(wire::Trimmed&& trimmed);
  /// What has arrived whole under the number, which is of this channel alone.
  Result<crdt::Delta> take_one(std::uint64_t number, wire::Channel channel) { return inbox_.take_one(number, channel); }

  /// What the store accepted is durable, or was refused.
  void on_flushed(const store::Outcome& outcome);
  /// Cuts and segments that the peer waits to have acknowledged.
  std::size_t unsettled() const noexcept { return unsettled_.size(); }
  /// The first ticket of these; no_ticket: there are none.
  store::Ticket waits_from() const noexcept { return unsettled_.empty() ? no_ticket : unsettled_.begin()->first; }
  /// Bytes held of a change of the channel that is not whole yet.
  std::size_t arriving(wire::Channel channel) const noexcept { return inbox_.bytes_beside(channel); }

 private:
  struct ReceivedCut {
    std::uint64_t cut = 0;
    std::vector<wire::Channel> channels{};
    bool staged = false;  // some of it was kept aside
  };
  struct ReceivedChunk {  // to be kept aside
    std::uint64_t cut = 0;
    wire::Channel channel = 0;
  };
  struct ReceivedSegment {  // or records that are no more
    wire::Channel channel = 0;
    crdt::Dot last{};  // origin and last sequence
  };
  /// What the store has accepted and not settled.
  struct Unsettled {
    std::variant<ReceivedCut, ReceivedChunk, ReceivedSegment> received;
    std::size_t bytes = 0;
  };
  void took(const Result<void>& added);
  bool hold(std::size_t& held, std::size_t bytes, std::size_t most, const char* what);
  void take_gap(wire::Channel number, store::RemoteGap gap);
  void note_held(Channel& channel, const crdt::Context& held);
  void settle(const ReceivedCut& received, const store::Outcome& outcome);
  void settle(const ReceivedChunk& received, const store::Outcome& outcome);
  void settle(const ReceivedSegment& received, const store::Outcome& outcome);
  std::ptrdiff_t large_cuts() const;
  void resync(std::uint64_t cut, wire::Channel number);
  std::vector<Gap> vouched(const Channel& channel, const wire::Segment& segment, store::Terms& terms) const;
  bool refuse(const Unsettled& unsettled, const store::Outcome& outcome);

  Conversation& talk_;
  Audit& audit_;
  Searches& searches_;
  Inbox inbox_;
  std::map<store::Ticket, Unsettled> unsettled_{};
  std::size_t unsettled_bytes_ = 0, unsettled_records_ = 0;
  MemoryShare held_;                       ///< Of both.
  std::set<wire::Channel> resync_sent_{};  // streams: the sender has been told where to start again
};

}  // namespace edgesync::sync
