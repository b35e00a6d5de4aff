// SPDX-License-Identifier: Apache-2.0
// Conversation: what the parts of a link share. Who speaks with whom about which scopes, where we may have something
// the peer has not, what waits to be said, what is awaited, and whether it is over. Each part (audit, searches, cuts,
// records, repairs, receiver) keeps the rest of its state to itself.
#pragma once

#include "base/random.hpp"
#include "config/signature.hpp"
#include "store/store.hpp"
#include "sync/awaits.hpp"
#include "sync/introduction.hpp"
#include "sync/limits.hpp"
#include "sync/lockout.hpp"
#include "sync/outgoing.hpp"
#include "sync/quotas.hpp"
#include "sync/refusals.hpp"
#include "sync/shared_deltas.hpp"
#include "sync/timekeeper.hpp"

#include <edgesync/options.hpp>
#include <edgesync/status.hpp>

#include <map>
#include <optional>
#include <set>

namespace edgesync::sync {

class ConfigPlane;

/// Later than any ticket.
inline constexpr store::Ticket no_ticket = ~store::Ticket{0};

/// Which side of the link we are: the node dialled, the hub listens.
enum class Role : std::uint8_t { node, hub };

/// What a link tells its engine.
struct Signal {
  enum class Kind : std::uint8_t {
    linked,    ///< Both sides accepted each other.
    opened,    ///< The peer takes part in `scope`, which may be new here.
    acked,     ///< The peer durably has `context` of `scope`.
    stable,    ///< So has the root, no more and no less than `context`.
    refused,   ///< The peer does not admit `scope`: `error`.
    unstored,  ///< Data of `scope` cannot be stored, here or by the peer: `error`. They are tried again.
    stored,    ///< They can: node role.
    diverged,  ///< The peer has the same context of `scope` and another fingerprint.
    told,      ///< The hub said what it has of `scope`, no more and no less than `context`.
    forked,    ///< Another copy of this database mints under its replica id: `error` says how it shows.
  };
  Kind kind{};
  store::ScopeId scope{};
  crdt::Context context{};
  Error error{};
  ReplicaId self{};  ///< forked: the id that is ours, or was.
  /// acked, told: of a stream, what the hub never got of `context`; null: it did not say.
  std::optional<std::vector<wire::Missing>> missing{};
};

/// What a link is given; everything outlives it.
struct LinkContext {
  store::Store& store;
  wire::Codec& codec;
  Random& random;
  const Limits& limits;
  const Authorizer& authorizer;      ///< Hub role only.
  const config::Verifier* verifier;  ///< Hub role: of keys that nodes prove; null: none is believed.
  const std::string& name;
  Metrics& metrics;
  const Timekeeper& clock;
  MemoryBudget& outgoing;  ///< Of all links.
  MemoryBudget& arriving;  ///< The same, of cuts that are not whole yet,
  MemoryBudget& settling;  ///< and of what waits for the disk.
  SharedDeltas& shared;    ///< Of all links.
  Quotas& quotas;          ///< Of all links.
  const ConfigPlane& config;
  Lockout& lockout;  ///< Hub role only.
  /// Hub role: a node that was let in begins its session, or is told why not now.
  Function<Result<void>(const Credentials&)> enter{};
  bool root = false;                      ///< The authority of its scopes.
  bool stable_here = false;               ///< What is durable here is stable.
  std::chrono::milliseconds heartbeat{};  ///< Silence before a ping.
  Pacing pacing{};
};

/// One scope on a link.
struct Channel {
  store::ScopeId scope{};
  Plane plane{};
  bool open = false;      ///< Subscribed by both.
  bool answered = false;  ///< Node role: the hub has said yes or no.
  bool proving = false;   ///< Streams: nothing is sent until the hub's records have proved to be ours.
  bool proved = false;    ///< Streams, hub role: asked for; once is enough.
  bool refused = false;
  bool writable = true;                  ///< We may send (node role), the peer may (hub role).
  bool own_only = false;                 ///< Hub role: if the peer may, then of its own changes alone.
  ScopeQuota quota{};                    ///< Hub role: what it may make the scope hold, with others.
  crdt::Context peer{};                  ///< What the peer durably has; for streams, last sequences.
  std::vector<wire::Missing> missing{};  ///< Streams, node role: what of it the hub never got, as it said first.
  Bytes holds{};                         ///< Config: the id of a content that the peer has, to make patches on.
  Bytes offered{};                       ///< The one that it will have once it acks the cut in flight.
};

struct Conversation : LinkContext {
  Conversation(Role ours, LinkContext given) : LinkContext(std::move(given)), role(ours), refusals(limits, random) {}

  /// Ends the link in words.
  void end(Error why, std::chrono::milliseconds retry_after = {});
  /// The store failed us: the peer is told to come back.
  void end_for_now(Error why) { end(std::move(why), std::chrono::seconds(5)); }
  void send(wire::Message message) { control.push_back(std::move(message)); }
  void signal(Signal::Kind kind, store::ScopeId scope, crdt::Context context = {}, Error error = {},
              std::optional<std::vector<wire::Missing>> missing = {}) {
    signals.push_back({kind, scope, std::move(context), std::move(error), {}, std::move(missing)});
  }

  /// True if the peer's Hello lists this capability.
  bool peer_can(std::string_view capability) const;
  Channel* find(wire::Channel number);
  Channel& at(wire::Channel number) { return channels.at(number); }
  const Channel* find(store::ScopeId scope) const;
  const crdt::Context& mine(const Channel& channel) const { return store.context(channel.scope); }
  /// What is told of a scope's content; unknown() while some of it is known to be lost.
  crdt::Summary summary(store::ScopeId scope) const {
    return store.damaged(scope).empty() ? store.summary(scope) : crdt::Summary::unknown();
  }
  /// The plane and the name of a channel's scope, for people.
  std::string described(wire::Channel number) const;
  /// Of a stream only the origins that the peer has or makes: a thousand nodes share one, each with records of its own.
  crdt::Context concerning(const Channel& channel, const crdt::Context& context) const;

  bool sends(const Channel& channel) const noexcept;
  /// Whether the peer may send data of the channel: records, or anything else. Ends the link if not.
  bool may_receive(wire::Channel number, const Channel* channel, bool records);
  /// On which the peer may tell so much of the channel.
  store::Terms terms(const Channel& channel, const store::Held& brings) const;
  /// We may have what the peer has not.
  void mark_dirty(wire::Channel number);
  /// How much to take from the file at a time, where `usual` would be well.
  std::size_t room(std::size_t usual) const noexcept;

  /// The peer has stored something we sent.
  void acknowledged() noexcept { served = true, resyncs = 0; }
  /// Data of the channel went through: to the peer, or from it.
  void stored(wire::Channel number, bool by_peer);

  const Role role;
  wire::Hello peer{};
  std::map<wire::Channel, Channel> channels{};
  std::map<store::ScopeId, wire::Channel> numbers{};
  std::map<Plane, std::set<wire::Channel>> dirty{};
  std::size_t subscribed_bytes = 0;  ///< Names and contexts of what the peer subscribed to.
  std::uint64_t next_cut = 1;        ///< Cuts, chunks and repairs are numbered together.
  std::size_t resyncs = 0;           ///< In a row, without an ack.
  bool served = false;
  Bytes key{};  ///< Node role: what it signs records with, for a relay; empty: it does not.
  Sign sign{};
  Refusals refusals;
  Awaits awaits{};
  Instant heard{};  ///< When the latest bytes came.

  std::deque<wire::Message> control{};
  std::vector<Signal> signals{};
  std::optional<Error> ending{};
};

/// What a delta takes in memory, about.
std::size_t weight(const crdt::Delta& delta);
/// What ranges of keys take in memory, about.
std::size_t weight(const std::vector<crdt::KeyRange>& ranges);

}  // namespace edgesync::sync
