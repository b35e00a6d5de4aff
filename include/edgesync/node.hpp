// SPDX-License-Identifier: Apache-2.0
// Node: one database file plus the engine on it, with at most one link to a hub.
#pragma once

#include <edgesync/config.hpp>
#include <edgesync/event.hpp>
#include <edgesync/options.hpp>
#include <edgesync/quarantine.hpp>
#include <edgesync/state.hpp>
#include <edgesync/status.hpp>
#include <edgesync/stream.hpp>

#include <chrono>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

namespace edgesync {

namespace node {
class Core;
}

/// Thread safety: any member may be called from any thread. Handlers run on the runtime, one at a time, never inside
/// the call that caused them, none after close() returns (inside a handler, close() does not wait). A node that was
/// moved from may be closed, destroyed or assigned to, nothing else.
class EDGESYNC_EXPORT Node {
 public:
  /// Opens or creates the database. Needs no network. Fails with: already_open, storage_*, invalid_argument, and
  /// limit_exceeded if the system has no thread for its runtime.
  static Result<Node> open(NodeOptions options);
  Node(Node&&) noexcept;
  Node& operator=(Node&&) noexcept;
  virtual ~Node();  ///< Closes. Durable commits are on disk, maybe not at the hub; fast ones are made durable first.

  /// A scope's handle. The scope is created if it is new. If it cannot be (a bad name, a failing disk), all calls of
  /// the handle say why; ask for another one then.
  State state(std::string_view scope, StateOptions options = {});
  Config config(std::string_view scope);
  Stream stream(std::string_view scope, StreamOptions options = {});

  /// Gives a scope up: everything of it goes from this database, and the hub no longer sends it. The hub and other
  /// nodes keep what they have. Handles of the scope fail with not_found until it is asked for again; then it comes as
  /// the hub has it by then, and nothing that was removed meanwhile returns. If this node writes before its own earlier
  /// transactions have come back, it takes a new replica id first (EventKind::identity).
  /// Fails with: unsent (and changes nothing) if the hub does not hold every commit and record of this node, unless
  /// `unsent` says that they may go; not_found; unsupported (hubs, and relays); storage_*.
  enum class Unsent : std::uint8_t { refuse, discard };
  Result<void> unsubscribe(Plane plane, std::string_view scope, Unsent unsent = Unsent::refuse);

  /// Keeps a link to the hub: connects, and connects again, until unlink(). Replaces an earlier link. Progress arrives
  /// as events. Fails at once with: invalid_argument (URL, durations, unreadable files; on a hub that is no relay),
  /// insecure.
  Result<void> link(LinkOptions options);
  void unlink();

  /// Blocks until the hub holds every earlier commit and record durably. Fails with: timed_out (`detail` names what is
  /// missing and why; the work goes on), closed. Not to be called from a handler.
  Result<void> flush(std::chrono::milliseconds deadline);
  /// The same without blocking: `done` runs once, on the runtime; on a node that is closed or closing, on the thread
  /// that called or closes.
  void flush(Function<void(Result<void>)> done, std::stop_token stop = {});

  Status status() const;
  Metrics metrics() const;
  Subscription on_event(EventHandler handler);

  /// Checks the database: one line per finding, none if it is sound.
  Result<std::vector<std::string>> verify() const;
  /// Sets damaged rows aside and puts right what this database can by itself: what it lacks then, a peer may still
  /// tell. What verify() says afterwards.
  Result<std::vector<std::string>> repair();
  /// What was set aside, ascending, after the one with number `after`.
  Result<std::vector<Quarantined>> quarantine(std::uint64_t after = 0, std::size_t limit = 100) const;
  Result<QuarantineCounts> quarantined() const;
  /// Puts quarantined things back, those of `ids` or all, each by the way that any write takes. Cells are written anew
  /// by this node if nothing stands at their key; own records that the hub lacks are appended anew, others go back to
  /// their place; a version comes back to the history. What cannot be used stays, with the reason. Durable when it
  /// returns. Fails with: storage_*; then nothing has left the quarantine.
  Result<std::vector<Replayed>> replay(const std::vector<std::uint64_t>& ids = {});
  /// Forgets quarantined things for good; counted. How many of `ids` there were. Fails with: storage_*.
  Result<std::size_t> drop(const std::vector<std::uint64_t>& ids);

  /// Writes a consistent copy of the database to `path`, a new file. Whoever opens it finds all data and a replica id
  /// of its own. Other calls wait meanwhile. Fails with: invalid_argument (`path` exists), storage_*, closed.
  Result<void> backup(const std::string& path) const;

  ReplicaId id() const;  ///< May change while the node runs: EventKind::identity.
  const std::string& name() const noexcept;
  /// Ends the link, makes what is accepted durable, and waits for handlers. Later calls fail with `closed`.
  void close() noexcept;

 protected:
  explicit Node(std::shared_ptr<node::Core> core) noexcept;
  std::shared_ptr<node::Core> core_;
};

/// Salvages a database that nobody has open, as NodeOptions::salvage does, also if it can be opened and only some of
/// its pages cannot be read. What it says of it. Fails with: already_open; not_found (nothing in it proves to be of
/// edgesync; the file stays as it is); storage_*.
EDGESYNC_EXPORT Result<std::string> salvage(const std::string& database);

}  // namespace edgesync
