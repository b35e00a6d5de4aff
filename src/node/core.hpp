// SPDX-License-Identifier: Apache-2.0
// Core: the engine of a node with a lock, a disk and a runtime around it. Every handle and connection works through it.
//
// One mutex guards everything; it is let go while the disk commits and while a handler of the application runs. Group
// commit: whoever waits for durability and finds the disk idle commits all that was accepted so far, the others wait
// for it. What nobody waits for a thread of the core's own commits, so that the runtime never waits for the disk.
#pragma once

#include "node/handlers.hpp"
#include "node/stream_rules.hpp"
#include "sync/backoff.hpp"
#include "sync/engine.hpp"
#include "transport/transport.hpp"

#include <edgesync/node.hpp>

#include <condition_variable>
#include <mutex>
#include <set>
#include <stop_token>
#include <thread>

namespace edgesync::node {

class LinkHandler;

class Core : public std::enable_shared_from_this<Core> {
 public:
  using Lock = std::unique_lock<std::mutex>;

  /// A root is the authority of its scopes and links to nobody.
  enum class Kind : std::uint8_t { node, relay, root };
  /// What only a hub has; `authorizer` decides about its nodes.
  struct HubSide {
    Authorizer authorizer{};
    HubLimits limits{};
    bool stable_at_backup = false;
  };
  static Result<std::shared_ptr<Core>> open(NodeOptions options, Kind kind, HubSide hub);
  ~Core();
  void close() noexcept;
  /// Closes, lets go, and waits for the runtime's thread if it was this core's alone: a handler that is just returning
  /// must not be the last to hold the core, or the thread would outlive the node, and perhaps main().
  static void let_go(std::shared_ptr<Core>& core) noexcept;

  // --- scopes ---
  struct Opened {
    store::ScopeId id{};
    std::shared_ptr<const Whole> whole{};  ///< Of a masked stream.
  };
  /// `stream`: also defines the stream, before anybody hears of it.
  Result<Opened> open_scope(Plane plane, std::string_view name, const StreamOptions* stream = nullptr);

  Result<void> unsubscribe(Plane plane, std::string_view name, bool discard);
  /// Makes sure that what is written to `scope` next cannot be taken for all that this node ever wrote there: see
  /// Store::former_own(). Requires: `lock` is held; may let go of it in between.
  Result<void> become_author(Lock& lock, store::ScopeId scope);

  /// Locks; fails with `closed` after close(). Reads of the file wait until the disk is idle.
  Result<Lock> lock();
  Result<Lock> lock_idle();
  bool is_root() const noexcept { return kind_ == Kind::root; }
  sync::Engine& engine() noexcept { return *engine_; }  ///< Requires: locked.
  store::Store& store() noexcept { return *store_; }    ///< Requires: locked.
  Now now() { return host_->clock().now(); }            ///< The wall clock as it stands, right or not.
  /// What time it is as well as this node knows. Requires: locked.
  Timestamp time() { return engine_->time(now()); }

  // --- durability; all require: `lock` is held, and may let go of it in between ---
  /// Waits until `ticket` is settled. Fails with what made its group commit fail.
  Result<void> settle(Lock& lock, store::Ticket ticket);
  /// Waits until everything accepted so far is settled, one way or the other: what failed concerns those who made it.
  /// Fails with: closed.
  Result<void> settle_all(Lock& lock);
  /// For accepted work that nobody waits for: commits within `delay`, at once if the memtable is full.
  void commit_later(Lock& lock, std::chrono::milliseconds delay);
  /// Puts versions of the scope that wait for an answer to the application again.
  Result<void> ask_again(Lock& lock, store::ScopeId scope);
  /// Whether a version of the scope may have this content, as NodeOptions::schemas say. Fails with: invalid_argument.
  /// Thread safety: any thread.
  Result<void> fits(std::string_view scope, const std::map<std::string, Value>& content) const;
  /// After anything that may have produced frames, events or work.
  void stir(Lock& lock);

  // --- link to the hub ---
  Result<void> link(LinkOptions options);
  void unlink();
  /// Hub: what nodes may do has changed, for those that `concerned` names. Thread safety: any thread.
  void authorize_again(const Function<bool(const Credentials&)>& concerned);
  /// Hub: see Hub::renew_certificates() and Hub::drain().
  Result<void> renew_certificates();
  Result<void> drain(std::chrono::milliseconds within);
  /// Listens for nodes; the listener is closed by close().
  Result<std::uint16_t> listen(HubOptions& options);

  // --- flush ---
  Result<void> flush(std::chrono::milliseconds deadline);
  void flush(Function<void(Result<void>)> done, std::stop_token stop);

  Status status();
  StreamCounts counts(store::ScopeId scope) const;  ///< Requires: locked.
  Metrics metrics();
  Handlers& handlers() noexcept { return handlers_; }
  const std::string& name() const noexcept { return name_; }
  /// May change while the node runs.
  ReplicaId id();
  /// The first handler also hears of what happened while the database was opened.
  Subscription on_event(EventHandler handler);
  Result<void> backup(const std::string& path);
  Result<std::vector<Replayed>> replay(const std::vector<std::uint64_t>& ids);
  Result<std::size_t> drop(const std::vector<std::uint64_t>& ids);
  std::chrono::milliseconds batch_delay() const noexcept { return options_.batch_delay; }

  // --- called by connections, on the runtime: connections.cpp ---
  /// What the hub is to be shown by `attempt` of the uplink. Nothing if that is not wanted any more, or the
  /// application's function threw.
  std::optional<std::string> token(std::uint64_t attempt);
  /// `attempt`: of the uplink, as given to its handler; `token`: for the hub.
  sync::LinkId opened(sync::Role role, std::uint64_t attempt, std::string token,
                      std::shared_ptr<transport::Connection> connection, transport::Peer peer);
  /// True once the peer has said who it is, and was let in.
  bool received(sync::LinkId id, ByteView message);
  std::chrono::milliseconds pause(sync::LinkId id);
  void arriving(sync::LinkId id);
  std::optional<Bytes> next_message(sync::LinkId id);
  std::size_t message_bytes_max(sync::LinkId id);
  /// True if the peer was refused.
  bool closed(sync::LinkId id, sync::Role role, std::uint64_t attempt, const Error& why);
  void refused(std::string_view peer, const Error& why);

 private:
  /// The link to the hub: what was asked for, and where its attempts stand.
  struct Uplink {
    std::shared_ptr<const LinkOptions> options{};
    sync::Backoff backoff;
    std::uint64_t attempt = 0;  ///< The latest. What earlier ones still have to say concerns nobody.
    bool attempting = false;    ///< Connecting or connected.
    Instant retry{};            ///< When not attempting.
    Error last_error{};
    bool hub_said = false;  ///< ... in words of the hub's.
  };
  /// Tickets of a group commit that failed.
  struct Failure {
    store::Ticket first = 0, last = 0;
    Error error{};
  };
  using StopCallback = std::stop_callback<Function<void()>>;
  struct FlushTarget {
    store::ScopeId scope{};
    crdt::Dot last{};
  };
  struct FlushWaiter {
    std::vector<FlushTarget> targets{};
    Function<void(Result<void>)> done{};
    std::stop_token stop{};
    std::unique_ptr<StopCallback> on_stop{};
  };
  using Targets = decltype(FlushWaiter::targets);
  class Calling;

  Core(NodeOptions options, Kind kind, std::shared_ptr<Runtime> runtime);

  /// Those of `wanted` that are quarantined, all if it is empty. Requires: `lock` is held, and the disk idle.
  Result<std::set<std::uint64_t>> quarantined(const std::vector<std::uint64_t>& wanted);
  // core.cpp
  void group_commit(Lock& lock);
  void ask_for_commit(Lock& lock);
  void commit_when_asked();
  // dispatch.cpp: work on the runtime
  void post_dispatch(Lock& lock);
  void dispatch();
  void log(const Event& event) const;
  std::vector<Event> take_events();
  void dispatch_actions(Lock& lock);
  void put_to_application(Lock& lock, sync::ConfigPlane::Action action);
  void arm(Lock& lock);
  void on_timer();
  void examine(const Now& now);
  // reports.cpp
  Result<void> open_reports();
  void report_versions(Lock& lock);
  // connections.cpp
  Result<sync::Introduction> introduction(sync::Role role, std::string token, transport::Peer peer);
  // uplink.cpp
  Result<void> attempt(Lock& lock, std::uint64_t number);
  void attempt_again(Lock& lock);
  Result<void> connect(const LinkOptions& options, std::uint64_t attempt, std::optional<Timestamp> as_of);
  bool is_uplink(sync::Role role, std::uint64_t attempt) const;
  // status.cpp
  Targets flush_targets();
  std::string missing(const Targets& targets);
  bool reached(const FlushTarget& target) const;
  bool reached(const Targets& targets) const;
  bool all_acked(store::ScopeId scope) const;
  void finish_flushes(Lock& lock);
  Why link_why();
  Why scope_why(const ScopeStatus& scope, store::ScopeId id);
  /// `idle`: the file can be asked.
  ScopeStatus scope_status(const store::Scope& scope, Now now, bool idle);
  void count_records(ScopeStatus& status, store::ScopeId id) const;
  void count_pending(ScopeStatus& status, const store::Scope& scope, Now now, bool idle);

  NodeOptions options_;
  const Kind kind_;
  std::string name_;
  ReplicaId last_id_{};  ///< After close().
  std::shared_ptr<Runtime> runtime_;
  transport::Host* host_;
  std::unique_ptr<Random> random_;
  Handlers handlers_;

  std::mutex mutex_;
  std::condition_variable settled_;  ///< A group commit ended, an ack came, or a call of the application did.
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<sync::Engine> engine_;
  std::unique_ptr<transport::Timer> timer_;
  std::shared_ptr<transport::Listener> listener_;
  std::optional<transport::Tls> listen_tls_{};  ///< Of a listener that speaks it.
  double arrivals_ = 0;                         ///< HubLimits: per second; 0: any number.
  std::map<sync::LinkId, std::shared_ptr<transport::Connection>> connections_;
  std::optional<Uplink> uplink_;
  std::uint64_t attempts_ = 0;
  std::vector<Failure> failures_;
  std::vector<FlushWaiter> flushes_;
  std::vector<store::PathChange> changes_;
  std::set<store::ScopeId> grown_;           ///< Streams and config scopes with more, of which nobody was told yet.
  std::optional<store::ScopeId> reports_{};  ///< NodeOptions::fleet.
  std::set<store::ScopeId> unreported_{};    ///< Config scopes.
  std::map<store::ScopeId, sync::ConfigPlane::Standing> reported_{};  ///< What was said of them last.
  store::Ticket settled_through_ = 0;  ///< As Store::durable(), and still known after close().
  Instant commit_due_ = never;
  Instant armed_ = never;        ///< When the timer goes off.
  Instant examine_due_ = never;  ///< When to look at the next rows.
  std::thread committer_;        ///< Waits for the disk in the runtime's place, which goes on serving the links.
  std::condition_variable commit_wanted_;
  bool commit_asked_ = false;
  bool dispatch_posted_ = false;
  bool heard_ = false;            ///< Somebody listens to events.
  std::vector<Event> unheard_{};  ///< Until then: a new identity must not go unnoticed.
  int calling_ = 0;               ///< Callers of the application under way; close() waits for them.
  bool closing_ = false, closed_ = false;
};

/// What a public handle holds.
class ScopeHandle {
 public:
  ScopeHandle(std::shared_ptr<Core> core, Plane plane, std::string_view name, const StreamOptions* stream = nullptr);
  std::shared_ptr<Core> core;
  Plane plane;
  std::string name;
  store::ScopeId id{};
  std::shared_ptr<const Whole> whole{};  ///< Of a masked stream.
  std::optional<Error> bad{};            ///< Why the scope could not be opened; every call fails with it.

  /// Locks the core for a call on this scope.
  Result<Core::Lock> lock() const { return bad ? Result<Core::Lock>(*bad) : core->lock(); }
  Result<Core::Lock> lock_idle() const { return bad ? Result<Core::Lock>(*bad) : core->lock_idle(); }
  /// Runs `read` over the scope's cells.
  Result<void> read(const Function<void(crdt::CellSource&)>& read) const;
  Result<Digest> digest() const;
};

}  // namespace edgesync::node
