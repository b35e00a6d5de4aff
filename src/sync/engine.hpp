// SPDX-License-Identifier: Apache-2.0
// Engine: everything of a node that is not socket, thread or clock: its links, its config plane, and the rule that ties
// them to the store. Whoever drives it (the node's core, or a simulator) passes events in and takes frames, events and
// actions out. A hub, a relay and a node are one engine: links by the hub role, by the node role, or both. Whether it
// is the root is said once, at the start: what a peer was told to be stable must not become untrue.
//
// Thread safety: one caller at a time. Requires in all members: the store is not writing, except where said.
#pragma once

#include "sync/config_plane.hpp"
#include "sync/link.hpp"
#include "sync/schedule.hpp"
#include "sync/sessions.hpp"

#include <edgesync/event.hpp>

#include <map>
#include <memory>
#include <set>

namespace edgesync::sync {

using LinkId = std::uint64_t;

struct EngineOptions {
  std::string name{};
  Limits limits{};
  Authorizer authorizer{};
  Timestamp passed{};  ///< A moment that has certainly passed, for clocks that show an earlier one.
  bool root = false;   ///< The authority of its scopes: what is durable here is stable. A hub that is no relay.
  bool stable_at_backup = false;  ///< Root: what a backup holds is stable, and nothing else.
  config::Rules versions{.kept = 100};
  std::optional<config::Root> config_root{};   ///< Nothing: config versions need no signatures.
  const config::Verifier* verifier = nullptr;  ///< Needed with a root, and for keys of nodes; outlives the engine.
  std::optional<config::Member> member{};      ///< What waves of a rollout look at; nothing: none takes this node in.
};

class Engine {
 public:
  Engine(store::Store& store, Random& random, EngineOptions options);

  // --- links; all but tick() may be called while the store is writing ---
  LinkId open_link(Role role, Introduction introduction, Now now, const LinkTuning& tuning = {});
  /// Hub: what nodes may do has changed, for those that `concerned` names.
  void authorize_again(const Function<bool(const Credentials&)>& concerned);
  /// Hub: every link ends, and its node may come back at a moment of its own within `spread`.
  void dismiss(const Error& why, std::chrono::milliseconds spread);
  /// What waits at the uplink for more (Pacing::interval) goes now.
  void hurry();
  void received(LinkId id, ByteView frame, Now now);
  /// How long the link's next frame should stay unread: it may bring more than its share.
  std::chrono::milliseconds pause(LinkId id, Now now) const;
  /// The peer of the link has said who it is, and was let in.
  bool knows_peer(LinkId id) const;
  /// Bytes of a frame that is not whole yet have come; told now and then.
  void arriving(LinkId id, Now now);
  /// The next frame to write. While the store writes, nothing that needs the file: the link is in take_wakes() once it
  /// has.
  std::optional<Bytes> next_frame(LinkId id, Now now);
  /// The most that the link's next incoming frame may have: little, until the peer has said who it is.
  std::size_t frame_bytes_max(LinkId id) const;
  /// Why the link wants to be closed, once next_frame() has returned nothing.
  std::optional<Error> ending(LinkId id) const;
  /// What is left of a link.
  struct Ended {
    std::chrono::milliseconds retry_after{};  ///< How long the hub asked to wait.
    bool served = false;                      ///< It was of use: something was acknowledged, or it lasted.
    bool dismissed = false;                   ///< The peer said why it ended.
    bool refused = false;                     ///< Hub role: the peer was not let in.
  };
  /// The connection is gone. `why` is used unless the link itself knew better.
  Ended closed(LinkId id, const Error& why, Now now);
  std::size_t links(Role role) const;
  const Link* uplink() const;
  bool linked() const { return uplink() != nullptr && uplink()->linked() && !uplink()->ending(); }
  const Error& last_error() const noexcept { return last_error_; }

  // --- time ---
  /// What time it is, for stamps and people: the wall clock, or what is known to be nearer the truth.
  Timestamp time(Now now) const noexcept { return clock_.time(now); }
  const Timekeeper& clock() const noexcept { return clock_; }
  /// True if own stamps are so far ahead of the hub's time that they would win every conflict for a long while.
  bool stamps_ahead(Now now) const;

  // --- scopes ---
  /// After Store::open_scope(): subscribes at the hub and takes up a config scope's journal.
  Result<void> scope_opened(store::ScopeId scope);
  /// Before Store::give_up(): whatever speaks of the scope ends.
  void scope_given_up(store::ScopeId scope);
  ConfigPlane& config() noexcept { return config_; }
  bool root() const noexcept { return options_.root; }
  /// A backup holds all that is durable here.
  void backed_up();
  /// True if the hub holds all of the scope's durable content.
  bool caught_up(store::ScopeId scope) const;
  std::uint64_t conflicts(store::ScopeId scope) const;
  std::uint64_t rejected(store::ScopeId scope) const;
  /// Why the last group commit failed; nothing once one has succeeded.
  const std::optional<Error>& storage_fault() const noexcept { return storage_fault_; }

  /// Takes a new replica id, because of `reason`. Requires: !writing(), and everything accepted is durable.
  Result<void> take_new_id(std::string reason);
  /// Another copy of the database mints under its id: a new one is taken as soon as all that was accepted is durable.
  /// Whoever commits should let nothing in between.
  bool forked() const noexcept { return fork_.has_value(); }
  /// What all links hold in memory of cuts and chunks on their way out.
  std::size_t outgoing_bytes() const noexcept { return outgoing_.used; }

  std::optional<LinkId> uplink_id() const noexcept { return uplink_; }

  // --- what the driver has to say ---
  void report_unlinked(const Error& why);
  /// Hub: a connection that never became a link.
  void report_stranger(std::string_view peer, const Error& why);
  void report(EventKind kind, store::ScopeId scope, VersionInfo version, Error error);
  /// This database goes by another id, or (`before` equal to `after`) a peer's identity is in doubt.
  void report_identity(const store::Renamed& renamed, std::string_view peer = {});
  void commit_soon() noexcept { commit_soon_ = true; }
  /// Something awaited did not come: counted and told.
  void watchdog(const Error& why);
  /// A group commit goes to the disk, or came back: a disk that takes long is told of, while it does if somebody ticks.
  void write_begins(Now now) noexcept { writing_since_ = now.monotonic; }
  void write_ends(Now now);
  /// True while a group commit takes longer than any should.
  bool disk_stalls(Now now) const noexcept { return disk_due() <= now.monotonic; }

  // --- group commit and time ---
  void flushed(const store::Flushed& flushed);
  void tick(Now now);
  Instant deadline() const;

  // --- out ---
  /// True once after something was accepted that a peer or the application waits for: commit soon, not at leisure.
  bool take_commit_soon() { return std::exchange(commit_soon_, false); }
  /// Links that may have a frame, or are ending, since they were asked for one last.
  std::set<LinkId> take_wakes() { return std::exchange(wakes_, {}); }
  std::vector<Event> take_events();
  Metrics& metrics() noexcept { return metrics_; }

 private:
  void drain_signals(LinkId id, Link& link);
  /// Whatever a link is asked to do, the engine then looks after what has become of it.
  template <class Call>
  void with(LinkId id, Link& link, const Call& call) {
    const store::Ticket before = store_.accepted();
    call(link);
    if (store_.accepted() > before) interests_.gave(id, before + 1, store_.accepted());
    due_.set(id, link.deadline());
    drain_signals(id, link);
  }
  void tell(const store::Flushed& flushed);
  void introduced(const Link& link, Now now);
  void look_at_clock(Now now);
  void tell_clock(const std::string& peer, std::string what);
  void begin_right(const Link& link);
  bool stable_here() const noexcept { return options_.root && !options_.stable_at_backup; }
  Instant disk_due() const noexcept;
  void on_signal(LinkId id, const Link& link, const Signal& signal);
  void on_acked(const Link& link, const Signal& signal);
  void on_told(const Link& link, const Signal& signal);
  void on_refused(const Link& link, const Signal& signal);
  void on_admitted(const Link& link, store::ScopeId scope);
  void on_stored(store::ScopeId scope);
  void on_stable(store::ScopeId scope, crdt::Context stable);
  void on_forked(const Link& link, const Signal& signal);
  void reidentify();
  void renamed(const store::Renamed& renamed);
  Result<void> enter(LinkId id, const Credentials& who);
  Event event(EventKind kind, store::ScopeId scope) const;

  store::Store& store_;
  Random& random_;
  EngineOptions options_;
  Metrics metrics_{};
  wire::Codec codec_;
  Timekeeper clock_;
  ConfigPlane config_;
  MemoryBudget outgoing_, arriving_, settling_;
  Lockout lockout_;
  std::map<LinkId, std::unique_ptr<Link>> links_{};
  std::optional<LinkId> uplink_{};
  LinkId next_link_ = 1;
  Schedule<LinkId> due_{};
  Interests interests_{};  ///< Of links by the hub role: the one by the node role is told of everything.
  SharedDeltas shared_{interests_};
  Quotas quotas_{store_};
  std::set<LinkId> wakes_{};
  std::set<LinkId> blocked_{};  ///< They asked for a frame while the store was writing.
  std::vector<Event> events_{};
  bool commit_soon_ = false;
  Error last_error_{};
  std::optional<Error> storage_fault_{};
  std::optional<Instant> writing_since_{};
  bool disk_told_ = false;
  /// Another id is to be taken.
  struct Fork {
    ReplicaId self{};  ///< Ours, or was, and in use twice; or nil: all that was written stays as it is.
    std::string reason{};
  };
  std::optional<Fork> fork_{};
  unsigned forks_ = 0;
  ReplicaId hub_{};       ///< That this node is linked to, or was last.
  LinkId lost_told_ = 0;  ///< The link whose hub was said to have lost something.
  Sessions sessions_{};
  Instant now_{};  ///< Of the frame at hand.
  std::map<store::ScopeId, std::uint64_t> conflicts_{};
  std::map<store::ScopeId, std::uint64_t> rejected_{};
};

}  // namespace edgesync::sync
