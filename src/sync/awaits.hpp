// SPDX-License-Identifier: Apache-2.0
// Awaits: patience. Whatever is asked of a peer about one channel has a deadline and a name, beside the acks of cuts
// and chunks, which keep their own. A deadline begins when the frame that asks has been written: over a slow network
// that is long after it was made.
#pragma once

#include "base/clock.hpp"
#include "wire/message.hpp"

#include <map>
#include <optional>
#include <string>
#include <utility>

namespace edgesync::sync {

enum class Awaited : std::uint8_t { subscribed, proof, records, search, repair };

class Awaits {
 public:
  /// Begins to await what `message` asks for; written() says from when on.
  void sent(const wire::Message& message);
  /// All that was sent has been written: whatever has no deadline yet gets `due`.
  void written(Instant due);
  /// It came.
  void over(Awaited what, wire::Channel channel) { due_.erase({what, channel}); }
  /// Part of it came: the rest may take until `due`.
  void go_on(Awaited what, wire::Channel channel, Instant due) { due_[{what, channel}] = due; }
  /// Nothing of the channel is awaited any more.
  void forget(wire::Channel channel);

  /// Whether anything but acks of records is awaited, written or not.
  bool answers() const noexcept;
  Instant deadline() const noexcept;
  /// What did not come in time, in words that end where the channel's name is to follow.
  std::optional<std::pair<std::string, wire::Channel>> overdue(Instant now) const;

 private:
  std::map<std::pair<Awaited, wire::Channel>, Instant> due_{};  // never: not written yet
};

}  // namespace edgesync::sync
