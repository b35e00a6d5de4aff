// SPDX-License-Identifier: Apache-2.0
// Turns: whose turn it is among the streams of a link that have something to send. Urgent ones come first. Then those
// that are nearly up to date, so that what happens now is not behind what happened last week; of the bytes that these
// and the ones with a backlog send, the latter get their share. Within a lane everybody has a turn after everybody
// else's. Inside a stream the order is that of its records, always.
#pragma once

#include "wire/message.hpp"

#include <array>
#include <cstddef>
#include <map>
#include <optional>
#include <set>

namespace edgesync::sync {

class Turns {
 public:
  enum class Lane : std::uint8_t { urgent, live, backfill };

  /// `backfill_share`: percent; 0: when nobody else has anything, 100: before the live ones.
  explicit Turns(unsigned backfill_share) noexcept : share_(backfill_share) {}

  /// It has something to send; also if it has changed its lane.
  void enter(wire::Channel number, Lane lane);
  void leave(wire::Channel number);
  std::optional<wire::Channel> next(bool urgent_only) const;
  /// It had its turn, and sent so much.
  void had(wire::Channel number, std::size_t bytes);
  Lane lane(wire::Channel number) const { return lanes_.at(number); }

 private:
  struct Queue {
    std::set<wire::Channel> waiting{};
    wire::Channel last = 0;  // who had the last turn
  };
  const Queue& queue(Lane lane) const { return queues_[static_cast<std::size_t>(lane)]; }
  Queue& queue(Lane lane) { return queues_[static_cast<std::size_t>(lane)]; }
  Lane due() const;

  unsigned share_;
  std::int64_t owed_ = 0;  // to the backfill, in bytes times a hundred
  std::array<Queue, 3> queues_{};
  std::map<wire::Channel, Lane> lanes_{};
};

}  // namespace edgesync::sync
