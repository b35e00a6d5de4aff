// SPDX-License-Identifier: Apache-2.0
// Searches: a peer that was away beyond a scope's floors is not told everything again. By range fingerprints it finds
// what it still holds and we have seen removed, then it gets an ordinary delta (crdt/search.hpp). A scope of any size
// is looked at a few thousand entries at a time, so that a search never holds up what else the node has to do.
#pragma once

#include "sync/conversation.hpp"

namespace edgesync::sync {

class Searches {
 public:
  explicit Searches(Conversation& conversation) noexcept : talk_(conversation) {}

  // --- a peer has missed something: one search at a time ---
  /// True if our log does not tell all that the peer of the channel has missed, and it can search.
  bool needed(const Channel& channel) const;
  /// Lets the peer search, or notes that it is to when the search at hand is over.
  void begin(wire::Channel number, const Channel& channel);
  /// True if there is a search, ours or the peer's, or one waits for its turn.
  bool any() const noexcept { return current_ || !later_.empty() || !searched_.empty(); }
  /// A search of the channel that is under way, or done and not used yet.
  bool under_way(wire::Channel number) const noexcept { return current_ && current_->channel == number; }
  /// Requires in these: under_way().
  bool done() const noexcept { return current_->done; }
  const crdt::Context& base() const noexcept { return current_->base; }      ///< The peer's context when it began.
  const crdt::Context& floors() const noexcept { return current_->floors; }  ///< Once ours move on, it was in vain.
  /// The search of the channel, if one is under way, was used or is of no use.
  void end(wire::Channel number);
  /// The channel comes back when a search, or what waits for it, is over.
  void later(wire::Channel number) { later_.insert(number); }
  void not_later(wire::Channel number) { later_.erase(number); }
  void retry_later();

  // --- we have missed something ---
  /// What we found of the channel; nothing if there was no search.
  std::optional<crdt::Removed> take_removed(wire::Channel number);

  void on(wire::Findings&& findings);
  void on(wire::Inspect&& inspect);
  /// True if look() has something to do now. The store is not writing.
  bool may_look() const;
  void look(Now now);
  void on_timer(Now now);
  Instant deadline() const noexcept { return look_on_; }

 private:
  struct Current {
    wire::Channel channel = 0;
    std::uint64_t id = 0;
    crdt::Context base{}, floors{};
    crdt::Survey survey;
    bool told = false, done = false;
  };
  struct Searched {
    std::uint64_t id = 0;
    crdt::Search search;
    std::deque<crdt::KeyRange> wanted{};
    std::size_t asked = 1;  // findings that are to come; the first ones come unasked
  };
  /// A message of a search that waits for the file; long ones are looked at in steps.
  struct Look {
    wire::Message message{};
    std::size_t bytes = 0;  // of what a peer sent
    std::size_t at = 0;     // of its ranges or findings, how many have been looked at
    wire::Findings told{};  // what will answer an Inspect
  };
  void look_later(wire::Message message);
  bool look(const wire::Findings& findings, std::size_t& at);
  bool look(const wire::Inspect& inspect, Look& look);
  Searched* searched(const wire::Findings& findings);
  void ask_on(wire::Channel channel, Searched& searched);

  Conversation& talk_;
  std::uint64_t next_ = 1;
  std::optional<Current> current_{};
  std::set<wire::Channel> later_{};
  std::map<wire::Channel, Searched> searched_{};  // until the delta comes
  std::deque<Look> looks_{};                      // Findings and Inspects that wait for the file
  std::size_t looks_bytes_ = 0;                   // what peers sent of these
  Instant look_on_ = never;                       // when to go on with the first of them; never: at once
};

}  // namespace edgesync::sync
