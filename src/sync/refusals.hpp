// SPDX-License-Identifier: Apache-2.0
// Refusals: the channels of a link whose data one side cannot store, and why. What the peer refused is not sent again
// at once, and nothing else waits for it: it gets another try after a pause that doubles, sooner if it has changed
// since. What we refused the peer tries again. Either is over once something of the channel has been stored.
#pragma once

#include "base/clock.hpp"
#include "sync/backoff.hpp"
#include "sync/limits.hpp"
#include "wire/message.hpp"

#include <map>
#include <vector>

namespace edgesync::sync {

class Refusals {
 public:
  Refusals(const Limits& limits, Random& random) noexcept : limits_(limits), random_(random) {}

  /// The peer cannot store what we sent. True if that is news.
  bool by_peer(wire::Channel channel, const Error& why, Instant now);
  /// We cannot store what the peer sent. True if that is news.
  bool by_us(wire::Channel channel, const Error& why);
  void stored_by_peer(wire::Channel channel) { by_peer_.erase(channel); }
  void stored_by_us(wire::Channel channel) { by_us_.erase(channel); }

  /// True while nothing of the channel is to be sent.
  bool waits(wire::Channel channel) const;
  /// There is something else to send now.
  void changed(wire::Channel channel);
  /// Ends the pauses that are over; these may try again.
  std::vector<wire::Channel> take_due(Instant now);
  Instant deadline() const noexcept;

  bool concern(wire::Channel channel) const { return by_peer_.contains(channel) || by_us_.contains(channel); }

 private:
  struct Refused {
    Error why{};
    Backoff backoff;
    Instant soon{}, late{};  ///< When to try again: changed, and as it is.
    bool waits = false, changed = false;
    Instant due() const noexcept { return !waits ? never : changed ? soon : late; }
  };

  const Limits& limits_;
  Random& random_;
  std::map<wire::Channel, Refused> by_peer_{};
  std::map<wire::Channel, Error> by_us_{};
};

}  // namespace edgesync::sync
