// SPDX-License-Identifier: Apache-2.0
// Outgoing: what a link is sending and has not been acknowledged: a cut per lane, and the chunks of those that are too
// large for one. What all links of an engine hold of these in memory is counted in one budget: once it is spent, a
// link takes from the file only a little at a time, so that a thousand peers that do not read cost a thousand times
// little, and nobody is made to wait for them.
#pragma once

#include "base/clock.hpp"
#include "sync/memory_budget.hpp"
#include "wire/message.hpp"

#include <deque>
#include <set>
#include <utility>
#include <vector>

namespace edgesync::sync {

/// A cut on its way out.
struct Outgoing {
  std::uint64_t id = 0;
  std::vector<std::pair<wire::Channel, crdt::Context>> upto{};
  std::deque<wire::Message> parts{};
  std::size_t bytes = 0;    ///< Of the deltas.
  std::size_t patches = 0;  ///< Parts that are told as patches.
  MemoryShare share{};
  std::chrono::milliseconds ack_within{};
  Instant ack_due = never;
};

/// How far a large delta has been told in chunks.
struct Telling {
  crdt::Context base{}, floors{};  ///< The peer's context and our floors when it began.
  crdt::Context reached{};
  bool begun = false;     ///< The peer keeps chunks of it.
  bool searched = false;  ///< The peer has searched, on this link.
};

/// The scopes of a cut of which some are large, while these are told.
struct Transfer {
  struct InFlight {
    std::uint64_t cut = 0;
    wire::Channel channel = 0;
    std::size_t bytes = 0;
    bool whole = false;    ///< All of it has been handed out.
    bool in_vain = false;  ///< It follows one that was refused.
    Instant due = never;   ///< Of its ack, once it is written.
  };
  std::set<wire::Channel> members{};
  std::deque<wire::Message> parts{};  ///< Of one chunk.
  MemoryShare share{};
  std::deque<InFlight> in_flight{};
  std::size_t unacked = 0;
};

}  // namespace edgesync::sync
