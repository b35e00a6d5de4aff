// SPDX-License-Identifier: Apache-2.0
// Link: one conversation with one peer; events in, frames out. Owns no socket, thread or clock. It keeps no queue of
// changes: per scope it mirrors what the peer durably has, and when it may send it asks the store for the difference.
// So a slow or dead peer costs a context per scope, and bursts coalesce.
//
// Lanes: control messages go first, then repairs, then the config cut, then state cuts and stream segments in turn,
// then chunks of what is large. The link itself greets, subscribes, keeps time and says whose turn it is; everything
// else is done by its parts, which share a Conversation.
//
// Invariant: an Ack leaves only after the store said that the cut is durable; a local commit leaves only from the file.
#pragma once

#include "sync/heartbeat.hpp"
#include "sync/interests.hpp"
#include "sync/introduction.hpp"
#include "sync/records.hpp"
#include "sync/repairs.hpp"

namespace edgesync::sync {

class Link {
 public:
  Link(Role role, LinkContext context, Introduction introduction, Now now);

  void on_frame(ByteView frame, Now now);  ///< Hostile input: refuses, never asserts.
  /// How long the next frame should stay unread.
  std::chrono::milliseconds pause(Now now) const noexcept;
  /// Part of a frame has come: the peer lives, however slow the network.
  void on_bytes(Now now);
  /// A group commit settled what it gave the store, or some of its scopes grew. `error`: of the group commit.
  void on_settled(const Settled& settled, store::Ticket through, const std::optional<Error>& error);
  void on_timer(Now now);
  /// The scope is to be replicated (node role), or has grown (any role).
  void on_scope(store::ScopeId scope);

  /// Node role: the scope is given up here. The link ends, if it was about it: the next one will not be.
  void on_given_up(store::ScopeId scope);

  /// What waits for more goes now.
  void hurry() noexcept;
  /// The next frame to write, if any; asked when the one before has been written, for only then its answers are
  /// awaited. Returns nothing while the store is writing and a frame would need the file.
  std::optional<Bytes> next_frame(Now now);
  /// Set when the link is over: close the connection once next_frame() returns nothing.
  const std::optional<Error>& ending() const noexcept { return talk_.ending; }
  Instant deadline() const noexcept;

  std::vector<Signal> take_signals() { return std::exchange(talk_.signals, {}); }
  bool linked() const noexcept { return linked_; }
  Role role() const noexcept { return talk_.role; }
  const wire::Hello& peer() const noexcept { return talk_.peer; }
  /// When it was what the peer's Hello says, as near as can be told.
  Instant introduced_at() const noexcept { return introduced_; }
  const std::string& address() const noexcept { return introduction_.address; }
  /// Hub role: what the peer has shown; its name is what it calls itself, proved or not.
  const Credentials& credentials() const noexcept { return credentials_; }
  std::chrono::milliseconds retry_after() const noexcept { return retry_after_; }
  /// True if everything durable here of `scope` is durable at the peer.
  bool caught_up(store::ScopeId scope) const;
  /// All that the peer has said to have of config or state is here.
  bool complete(store::ScopeId scope) const;
  bool refused(store::ScopeId scope) const;
  /// True if the peer ended the link in words.
  bool dismissed() const noexcept { return dismissed_; }
  /// What has arrived of a change of `scope` that is not whole yet.
  std::optional<Progress> arriving(store::ScopeId scope) const;
  /// True if it was of use: something was acknowledged, or it lasted.
  bool served(Now now) const noexcept;
  /// The first ticket of what the store has accepted and not settled; no_ticket: there is none.
  store::Ticket waits_from() const noexcept;
  /// What the store has accepted of the peer, or because of it, and not settled.
  std::size_t unsettled() const noexcept { return receiver_.unsettled() + repairs_.unsettled() + records_.unsettled(); }

  /// Ends the link in words.
  void end(Error why, std::chrono::milliseconds retry_after = {}) { talk_.end(std::move(why), retry_after); }
  /// Hub role: what the peer may do may have changed. The link ends if it was told otherwise; the next one is told
  /// anew.
  void authorize_again();
  /// Relay: tells the node what of `scope` has become stable above us.
  void forward_stable(store::ScopeId scope);

 private:
  // link.cpp: the conversation, and whose turn it is
  void handle(wire::Message&& message, Now now);
  void on(wire::Hello&& hello, Now now);
  void on(wire::Bye&& bye);
  void on(wire::Ping&& ping) { talk_.send(wire::Pong{ping.nonce}); }
  void on(wire::Pong&&) {}
  bool welcome(const wire::Hello& hello);
  bool authorize(const wire::Hello& hello);
  bool enter(const wire::Hello& hello);
  void say_hello(Now now);
  std::optional<wire::Message> next_message(Now now);
  std::optional<wire::Message> next_of_lanes(Instant now);
  bool goes_on() const;
  std::optional<wire::Message> next_data();

  // link_scopes.cpp: subscriptions, and what concerns one scope
  void on(wire::Subscribe&& subscribe);
  void on(wire::Subscribed&& subscribed);
  void on(wire::Unsubscribed&& unsubscribed);
  void on(wire::Stable&& stable);
  void on(wire::Resync&& resync);
  void on(wire::Refused&& refused);
  void subscribe(store::ScopeId scope);
  Access access(Plane plane, const std::string& scope) const;
  ScopeQuota quota(Plane plane, const std::string& scope) const;
  bool as_told() const;
  struct Admitted {
    store::ScopeId scope{};
    Access granted{};
    ScopeQuota quota{};
  };
  Result<Admitted> admit(const wire::Subscribe& subscribe);
  void open_channel(wire::Subscribe&& subscribe, const Admitted& admitted);
  std::vector<wire::Missing> missing_of(const Channel& channel, const crdt::Context& told) const;

  Conversation talk_;
  Pace pace_;
  std::uint64_t hurried_ = 0;  // cuts of lower numbers were in flight when it was told to hurry
  Audit audit_;
  Searches searches_;
  Cuts cuts_;
  Records records_;
  Receiver receiver_;
  Repairs repairs_;
  Heartbeat heartbeat_;

  Introduction introduction_;
  Credentials credentials_{};
  std::vector<std::pair<Plane, std::string>> denied_{};  ///< Hub role: scopes that the peer asked for in vain.
  bool linked_ = false, dismissed_ = false;
  std::chrono::milliseconds retry_after_{};
  std::size_t unanswered_ = 0;  ///< Node role: subscriptions that the hub has not answered.
  bool records_turn_ = false;
  Instant opened_{}, introduced_{};
  Meter frames_{}, bytes_{};  ///< Of what was read.
};

}  // namespace edgesync::sync
