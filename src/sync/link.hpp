// SPDX-License-Identifier: Apache-2.0
// Link: one conversation with one peer; events in, frames out. Owns no socket, thread or clock. It keeps no queue of
// changes: per scope it mirrors what the peer durably has, and when it may send it asks the store for the difference.
// So a slow or dead peer costs a context per scope, and bursts coalesce.
//
// Lanes: control messages go first, then the config cut, then state cuts and stream segments in turn, then chunks of
// what is large. Per lane one cut is in flight: its base is what the peer has acked, so it always applies, unless the
// peer lost data (then: Resync).
//
// Invariant: an Ack leaves only after the store said that the cut is durable; a local commit leaves only from the file.
#pragma once

#include "base/clock.hpp"
#include "base/random.hpp"
#include "store/store.hpp"
#include "sync/inbox.hpp"
#include "sync/limits.hpp"
#include "sync/outgoing.hpp"
#include "sync/refusals.hpp"
#include "sync/timekeeper.hpp"

#include <edgesync/options.hpp>
#include <edgesync/status.hpp>

#include <map>
#include <optional>

namespace edgesync::sync {

/// Which side of the link we are: the node dialled, the hub listens.
enum class Role : std::uint8_t { node, hub };

/// What a link awaits of its peer for one channel, beside the ack of a cut, which is of several.
enum class Awaited : std::uint8_t { subscribed, proof, records, search, repair };

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
};

/// What a link is given; everything outlives it.
struct LinkContext {
  store::Store& store;
  wire::Codec& codec;
  Random& random;
  const Limits& limits;
  const Authorizer& authorizer;  ///< Hub role only.
  const std::string& name;
  Metrics& metrics;
  const Timekeeper& clock;
  OutgoingBudget& outgoing;  ///< Of all links.
  /// Hub role: a node that was let in begins its session, or is told why not now.
  Function<Result<void>(const wire::Hello&)> enter{};
  bool root = false;                      ///< What is durable here is stable.
  std::chrono::milliseconds heartbeat{};  ///< Silence before a ping.
};

/// What a delta takes in memory, about.
std::size_t weight(const crdt::Delta& delta);

class Link {
 public:
  /// `token` is sent by the node role; `address` is the peer's, for the hub role's authorizer.
  Link(Role role, LinkContext context, std::string token, std::string address, Now now);

  void on_frame(ByteView frame, Now now);  ///< Hostile input: refuses, never asserts.
  /// Part of a frame has come: the peer lives, however slow the network.
  void on_bytes(Now now);
  void on_flushed(const store::Flushed& flushed);
  void on_timer(Now now);
  /// The scope is to be replicated (node role), or has grown (any role).
  void on_scope(store::ScopeId scope);

  /// Node role: the scope is given up here. The link ends, if it was about it: the next one will not be.
  void on_given_up(store::ScopeId scope);

  /// The next frame to write, if any; asked when the one before has been written, for only then its answers are
  /// awaited. Returns nothing while the store is writing and a frame would need the file.
  std::optional<Bytes> next_frame(Now now);
  /// Set when the link is over: close the connection once next_frame() returns nothing.
  const std::optional<Error>& ending() const noexcept { return ending_; }
  Instant deadline() const noexcept;

  std::vector<Signal> take_signals() { return std::exchange(signals_, {}); }
  bool linked() const noexcept { return linked_; }
  Role role() const noexcept { return role_; }
  const wire::Hello& peer() const noexcept { return peer_; }
  /// True if the peer's Hello lists this capability.
  bool peer_can(std::string_view capability) const;
  /// When it was what the peer's Hello says, as near as can be told.
  Instant introduced_at() const noexcept { return introduced_; }
  const std::string& address() const noexcept { return address_; }
  std::chrono::milliseconds retry_after() const noexcept { return retry_after_; }
  /// True if everything durable here of `scope` is durable at the peer.
  bool caught_up(store::ScopeId scope) const;
  bool refused(store::ScopeId scope) const;
  /// True if the peer ended the link in words.
  bool dismissed() const noexcept { return dismissed_; }
  /// What has arrived of a change of `scope` that is not whole yet.
  std::optional<Progress> arriving(store::ScopeId scope) const;
  /// True if it was of use: something was acknowledged, or it lasted.
  bool served(Now now) const noexcept;
  /// Cuts and segments that the peer waits to have acknowledged.
  std::size_t unsettled() const noexcept { return unsettled_.size(); }

  /// Ends the link in words.
  void end(Error why, std::chrono::milliseconds retry_after = {});
  /// Relay: tells the node what of `scope` has become stable above us.
  void forward_stable(store::ScopeId scope);

 private:
  struct Channel {
    store::ScopeId scope{};
    Plane plane{};
    bool open = false;      ///< Subscribed by both.
    bool answered = false;  ///< Node role: the hub has said yes or no.
    bool proving = false;   ///< Streams: nothing is sent until the hub's records have proved to be ours.
    bool proved = false;    ///< Streams, hub role: asked for; once is enough.
    bool refused = false;
    bool writable = true;     ///< We may send (node role), the peer may (hub role).
    crdt::Context peer{};     ///< What the peer durably has; for streams, last sequences.
    crdt::Context sent{};     ///< Streams: sent so far.
    std::size_t unacked = 0;  ///< Streams: bytes sent and not yet acked.
    std::deque<std::pair<crdt::Dot, std::size_t>> in_flight{};  ///< Streams: last sequence and bytes of each segment.
    std::deque<wire::Segment> ready{};                          ///< Streams: read from the file, not yet sent.
    bool setting_aside = false;  ///< Streams: nothing is sent until what the peer refused is out of the way.
    bool resync_sent = false;    ///< Streams: the sender has been told where to start again.
  };
  /// We look for what a peer has missed; one search at a time.
  struct Searching {
    wire::Channel channel = 0;
    std::uint64_t id = 0;
    crdt::Context base{};
    crdt::Context floors{};  ///< When it began; once they move, it was in vain.
    crdt::Survey survey;
    bool told = false, done = false;
  };
  /// A peer looks for what we have missed.
  struct Searched {
    std::uint64_t id = 0;
    crdt::Search search;
    std::deque<crdt::KeyRange> wanted{};
    std::size_t asked = 1;  ///< Findings that are to come; the first ones come unasked.
  };
  /// A message of a search that waits for the file; long ones are looked at in steps.
  struct Look {
    wire::Message message{};
    std::size_t bytes = 0;  ///< Of what a peer sent.
    std::size_t at = 0;     ///< Of its ranges or findings, how many have been looked at.
    wire::Findings told{};  ///< What will answer an Inspect.
  };
  /// A cut or segment of the peer that the store has accepted and not settled.
  struct Unsettled {
    std::uint64_t cut = 0;  ///< 0: a segment.
    std::vector<std::pair<wire::Channel, crdt::Context>> bases{};
    crdt::Dot segment{};  ///< Origin and last sequence.
    wire::Channel channel = 0;
    std::size_t bytes = 0;
    bool chunk = false;  ///< Of `channel`, to be kept aside.
    std::vector<wire::Channel> stages{};
    bool repair = false;  ///< Of `channel`.
    bool aside = false;   ///< Not of the peer: `segment` of `channel`, which it refused, is set aside.
  };

  /// Rows were lost here, and the peer is asked for them.
  struct Mending {
    enum class Stage : std::uint8_t { idle, asked, storing } stage{};
    Bytes from{};                                    ///< Where to go on asking.
    std::vector<crdt::KeyRange> asked{}, damaged{};  ///< What it asked for, and what was damaged then.
    Backoff pause;
    Instant again = never;
  };

  // link.cpp: the conversation
  void handle(wire::Message&& message, Now now);
  void on(wire::Hello&& hello, Now now);
  void on(wire::Bye&& bye);
  void send(wire::Message message) { control_.push_back(std::move(message)); }
  bool welcome(const wire::Hello& hello);
  bool enter(const wire::Hello& hello);
  void say_hello(Now now);

  // link_awaits.cpp: patience
  std::string described(wire::Channel number) const;
  void await_answer(const wire::Message& sent);
  void awaited(Awaited what, wire::Channel channel) { awaits_.erase({what, channel}); }
  void written(Now now);
  Instant ping_due() const noexcept;

  // link_scopes.cpp: subscriptions
  void on(wire::Subscribe&& subscribe);
  void on(wire::Subscribed&& subscribed);
  void on(wire::Unsubscribed&& unsubscribed);
  void subscribe(store::ScopeId scope);
  Channel* find(wire::Channel number);
  crdt::Context concerning(const Channel& channel, const crdt::Context& context) const;
  Access access(Plane plane, const std::string& scope) const;
  struct Admitted {
    store::ScopeId scope{};
    bool writable = false;
  };
  Result<Admitted> admit(const wire::Subscribe& subscribe);
  void open_channel(wire::Subscribe&& subscribe, const Admitted& admitted);

  // link_audit.cpp: is what the peer knows of us our own?
  void fork(const ReplicaId& self, std::string reason);
  bool own(const Channel& channel, crdt::Stamp told) const;
  bool own(const Channel& channel, const store::Former& self, crdt::Stamp told) const;
  bool own(const Channel& channel, const crdt::Context& told);
  bool audit(wire::Channel number, Channel& channel, const crdt::Context& told);
  void on(wire::Prove&& prove);
  void on(wire::Proof&& proof);
  void prove();
  void prove(const wire::Prove& prove);
  void check(const wire::Proof& proof);
  Result<Bytes> segment_hash(const Channel& channel, const ReplicaId& origin, std::uint64_t last);

  // link_receive.cpp: what the peer sends us
  void on(wire::DeltaPart&& part);
  void on(wire::Cut&& cut);
  void on(wire::Segment&& segment);
  void settle(const Unsettled& unsettled, bool applied);
  void note_applied(const Unsettled& unsettled);
  void note_former(const Channel& channel, const crdt::Context& held);
  wire::Channel unkept(const std::vector<wire::Channel>& stages) const;
  bool may_receive(wire::Channel number, const Channel* channel, bool records);

  // link_send.cpp: what we send the peer
  void on(wire::Ack&& ack);
  void on(wire::Resync&& resync);
  void on(wire::StreamAck&& ack);
  void on(wire::Stable&& stable);
  bool begin_cut(Plane lane);
  void add_delta(Outgoing& out, wire::Channel number, crdt::Delta delta);
  bool send_cut(Plane lane, Outgoing out);
  std::size_t room(std::size_t usual) const noexcept;
  bool add_scope(Outgoing& out, wire::Channel number, Channel& channel);
  std::optional<wire::Message> next_message(Now now);
  std::optional<wire::Message> next_of_lanes();
  std::optional<wire::Message> next_part(Plane lane);
  std::optional<wire::Message> next_segment();
  bool fetch_segments(wire::Channel number, Channel& channel);
  bool sends(const Channel& channel) const noexcept;
  void mark_dirty(wire::Channel number);
  void rewind(Channel& channel, const crdt::Context& to);

  // link_large.cpp: what is too large for one cut, both ways
  void on(wire::Chunk&& told);
  void on(wire::Staged&& staged);
  void on(wire::Resume&& resume);
  void offer_resume(wire::Channel number, store::ScopeId scope);
  bool tells_truly(const Telling& telling, const Channel& channel) const;
  static bool tells_with_search(const Telling& telling);
  bool is_member(wire::Channel number) const;
  void add_large(Outgoing& out, wire::Channel number, const Channel& channel);
  bool tell_large(Outgoing& out, wire::Channel number, const Channel& channel);
  bool read_chunk(Transfer& transfer, wire::Channel number, Telling& telling);
  bool go_on(Plane lane, Transfer& transfer);
  bool complete(Plane lane, Transfer& transfer);
  std::optional<wire::Message> next_chunk(Plane lane);
  bool chunk_acked(std::uint64_t cut);
  std::optional<bool> chunk_refused(std::uint64_t cut, wire::Channel number);

  // link_refusals.cpp: what cannot be stored, both ways
  bool refuse(const Unsettled& unsettled, const store::Outcome& outcome);
  void on(wire::Refused&& refused);
  bool cut_refused(const wire::Refused& refused);
  void segment_refused(const wire::Refused& refused, Channel& channel, const Error& why);
  void set_aside(const Unsettled& unsettled, bool done);
  void leave_out(wire::Channel number, Errc why);
  void note_stored(wire::Channel number, bool by_peer);

  // link_repair.cpp: rows that were lost here, or there
  void on(wire::Lost&& lost);
  void on(wire::Repair&& told);
  void mend(wire::Channel number);
  void mended(wire::Channel number);
  void mend_on(Now now);
  std::optional<wire::Message> next_repair();
  bool tell_lost();

  // link_search.cpp: what a peer has missed and our log does not tell any more
  void on(wire::Findings&& findings);
  void on(wire::Inspect&& inspect);
  void look_later(wire::Message message);
  bool may_look() const;
  void look(Now now);
  bool look(const wire::Findings& findings, std::size_t& at);
  bool look(const wire::Inspect& inspect, Look& look);
  Searched* searched(const wire::Findings& findings);
  void ask_on(wire::Channel channel, Searched& searched);
  bool needs_search(const Channel& channel) const;
  void begin_search(wire::Channel number, const Channel& channel);
  void end_search();

  Role role_;
  LinkContext context_;
  std::string token_, address_;
  wire::Hello peer_{};
  bool linked_ = false, acknowledged_ = false, dismissed_ = false;
  std::optional<Error> ending_{};
  std::chrono::milliseconds retry_after_{};
  std::vector<Signal> signals_{};

  std::deque<wire::Message> control_{};
  std::map<wire::Channel, Channel> channels_{};
  std::size_t subscribed_bytes_ = 0;  ///< Names and contexts of what the peer subscribed to.
  std::map<store::ScopeId, wire::Channel> numbers_{};
  std::map<Plane, std::set<wire::Channel>> dirty_{};  ///< Where we may have what the peer has not.
  std::map<Plane, Outgoing> outgoing_{};              ///< The cut in flight of each lane.
  std::map<wire::Channel, Telling> telling_{};        ///< Large deltas, told in part.
  std::map<Plane, Transfer> transfers_{};             ///< Of each lane.
  std::uint64_t next_cut_ = 1, next_search_ = 1;
  std::optional<Searching> search_{};
  std::set<wire::Channel> search_later_{};        ///< When search_ is over.
  std::map<wire::Channel, Searched> searched_{};  ///< Until the delta comes.
  std::deque<Look> looks_{};                      ///< Findings and Inspects that wait for the file.
  std::size_t looks_bytes_ = 0;                   ///< What peers sent of these.
  Instant look_on_ = never;                       ///< When to go on with the first of them; never: at once.
  std::map<std::pair<Awaited, wire::Channel>, Instant> awaits_{};  ///< When it is due; never: not written yet.
  std::deque<wire::Message> proofs_{};  ///< Proves and Proofs that wait for the file, one per channel.
  std::size_t unanswered_ = 0;          ///< Node role: subscriptions that the hub has not answered.
  std::map<wire::Channel, Mending> mending_{};
  std::deque<wire::Lost> lost_{};  ///< By the peer.
  std::size_t lost_bytes_ = 0;
  std::deque<wire::Message> repair_{};  ///< What answers the first of them.
  OutgoingShare repair_share_{};
  Plane repair_lane_{};
  bool segments_turn_ = false;
  std::size_t resyncs_ = 0;
  Refusals refusals_;

  Inbox inbox_;
  std::map<store::Ticket, Unsettled> unsettled_{};
  std::size_t unsettled_bytes_ = 0;

  Instant opened_{}, introduced_{};
  Instant heard_{}, said_{}, asked_{};  ///< asked_: when the last ping went out
  unsigned pings_ = 0;                  ///< Since we heard something.
};

}  // namespace edgesync::sync
