// SPDX-License-Identifier: Apache-2.0
// SimNode: one machine: a disk, a clock, and while it runs the real store and engine with a driver around them. The
// driver does what the node's core does with sockets, threads and clocks, in virtual time: group commits take as long
// as the plan says and events arrive between their steps; links are dialled again after a backoff; after a crash
// everything is read from the disk again.
#pragma once

#include "crdt/hlc.hpp"
#include "sim/accounts.hpp"
#include "sim/fault_vfs.hpp"
#include "sim/memory.hpp"
#include "sim/network.hpp"
#include "sim/plan.hpp"
#include "sim/platter.hpp"
#include "sim/truth.hpp"
#include "sync/backoff.hpp"
#include "sync/engine.hpp"

namespace edgesync::sim {

/// What all nodes of a world share.
class SimNode;
struct Surroundings {
  Timeline& timeline;
  Trace& trace;
  Network& network;
  Truth& truth;
  const Plan& plan;
  Function<void(std::string)> violate{};
  Function<void(Fault)> struck{};  ///< A node crashed, in this way.
  Function<void(Sight)> saw{};
  Function<Timestamp()> latest_hub_wall{};
  /// The application's answer to a version.
  Function<Verdict(NodeNumber, const config::Content&)> decide{};
  /// A group commit has ended.
  Function<void(SimNode&)> flushed{};
  /// The hub said that it, or the root, holds a commit of ours: (who, scope, stamp).
  Function<void(NodeNumber, const std::string&, crdt::Stamp)> acked{}, stable{};
  Accounts accounts{};
};

inline constexpr std::string_view shared_scope = "shared", tags_scope = "tags", config_scope = "conf",
                                  stream_scope = "telemetry";
std::string private_scope(NodeNumber node);
/// Takes every signature for a good one.
const config::Verifier& any_signature();

class SimNode final : public Peer {
 public:
  static constexpr std::chrono::milliseconds backoff_min{100}, backoff_max{4'000};

  SimNode(Surroundings& around, NodeNumber number);
  ~SimNode() override;

  // --- life ---
  void start();
  /// Starts again by itself after `away`.
  void crash(bool power, Span away);
  /// The machine stops at its n-th disk operation from now.
  void crash_at_operation(std::uint64_t n, bool power, Span away);
  /// The process dies at its n-th disk operation from now, and the power goes so long after it is up again.
  void relapse(std::uint64_t n, Span away, Span then);
  /// It never starts again.
  void die();
  /// A row of a state scope spoils on the disk. Requires: !up().
  bool spoil(const std::string& scope, Random& random);
  /// Whether rows have spoilt, and are not known to be here again.
  bool spoilt();
  /// From now on it dials another hub; nothing if it is not linked.
  void roam(NodeNumber to);
  bool gone() const noexcept { return gone_; }
  /// The highest version that it ever rolled back from: it takes none of that number any more.
  std::uint64_t left() const noexcept { return left_; }
  bool up() const noexcept { return store_ != nullptr; }
  /// The latest time that its clock ever showed.
  Timestamp latest_wall() { return latest_wall_ = std::max(latest_wall_, now().wall); }
  void set_clock(Timestamp wall) { jump_clock(wall - now().wall); }
  void jump_clock(Span by) {
    latest_wall();
    wall_offset_ += by;
  }

  // --- the application ---
  void commit(const std::string& scope, Edit edit, Durability durability);
  void append(std::vector<Record> rows, Durability durability);
  void publish(config::Content content, std::string note);
  void rollback(std::uint64_t draw);  ///< To some version that was in use; nothing if there is none.
  void ask_again();                   ///< About a version on hold.
  void compact(std::size_t removals_max);
  void when_idle(Function<void()> action);

  // --- to look at ---
  Disk& disk() noexcept { return disk_; }
  store::Store& store() noexcept { return *store_; }    ///< Requires: up().
  sync::Engine& engine() noexcept { return *engine_; }  ///< Requires: up().
  /// What a power cut would leave now if it kept nothing pending.
  std::unique_ptr<Disk> durable_disk() const { return disk_.durable_copy(); }
  /// What its synced image holds of a scope: read from the disk, whatever the process believes.
  Result<crdt::Context> on_platter(const std::string& scope) { return platter_.context(disk_, scope); }
  bool idle() const noexcept { return up() && !store_->writing(); }
  /// The file is open, and what was doubtful is settled by what is in it.
  bool readable();
  bool quiet() const { return idle() && store_->accepted() == store_->durable() && waiting_.empty(); }
  NodeNumber number() const noexcept { return number_; }
  const NodePlan& plan() const noexcept { return plan_; }
  NodeNumber uplink() const noexcept { return uplink_; }
  const ReplicaId& replica() const noexcept { return replica_; }
  /// All ids that it ever went by, replica() among them: what they promised is its promise.
  const std::vector<ReplicaId>& selves() const noexcept { return selves_; }
  /// The context of what a reader here sees.
  crdt::Context visible(store::ScopeId scope) const;
  std::uint64_t searches() const { return searches_ + (engine_ ? engine_->metrics().searches : 0); }
  std::uint64_t patches() const { return patches_ + (engine_ ? engine_->metrics().patches_sent : 0); }
  /// Opens the database of a copy of the disk.
  Result<std::unique_ptr<store::Store>> open_copy(FaultVfs& copy) const;

  // --- Peer ---
  bool accepts() const override { return up() && plan_.hub; }
  void connected(ConnectionId id, bool dialled) override;
  void connect_failed(const Error& why) override;
  void arriving(ConnectionId id) override;
  void arrived(ConnectionId id, const Bytes& frame) override;
  void writable(ConnectionId id) override;
  void disconnected(ConnectionId id, const Error& why) override;

 private:
  Now now() const;
  void later(Span delay, Function<void()> action);  ///< Unless it crashes first.
  void stir();
  bool open_database();
  bool open_scopes();
  void know_self();
  void define_stream(store::ScopeId stream);
  bool append_some(store::ScopeId scope, std::span<const Record> rows);
  bool died();
  /// What `call` gives, which may be a failure only if the disk struck meanwhile, or died. An earlier fault excuses
  /// none, unless the group commit under way began with it: until that ends, the file waits to be opened again.
  template <class Call>
  auto attempt(const char* what, Call call) {
    const std::uint64_t before = batch_ ? faults_at_begin_ : faults_made();
    auto done = call();
    const bool rotten = !done && spoilt_ && done.error().is(Errc::storage_corrupt);
    if (!done && !rotten && !disk_.dead() && faults_made() == before)
      around_.violate(blame(what) + done.error().detail);
    return done;
  }
  void check_stamp(crdt::Stamp stamp);
  void check_pause(Span pause);
  void check_content(const sync::ConfigPlane::Action& action);
  /// By the disk, and by the allocator.
  std::uint64_t faults_made() const noexcept { return disk_.faults_made() + memory.struck; }
  std::string blame(const char* what) const { return "node " + std::to_string(number_) + ": " + what + ": "; }

  void examine();

  // group commit
  void flush_if_due();
  void begin_flush();
  void write_batch();
  void finish_flush();

  // links
  void dial();
  void link_ended(ConnectionId id, const Error& why);
  void pump();
  bool pump(sync::LinkId link, ConnectionId connection);

  // what the engine has for others
  void run_waiting();
  void decide();
  void take_events();
  void on_event(const Event& event);
  void arm();
  void on_timer();

  Surroundings& around_;
  NodeNumber number_;
  const NodePlan& plan_;
  NodeNumber uplink_;
  Xoshiro random_;
  Disk disk_;
  FaultVfs vfs_;
  Span wall_offset_;
  Timestamp latest_wall_{};  ///< That its clock ever showed.
  std::uint64_t left_ = 0;
  unsigned bounds_ = 0;  ///< So many of the last pauses between attempts to link had no jitter.
  ReplicaId replica_{};
  std::vector<ReplicaId> selves_{};

  std::uint64_t life_ = 0;  ///< Counts starts; what was scheduled in another life is void.
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<sync::Engine> engine_;
  std::unique_ptr<store::Batch> batch_;
  std::map<sync::LinkId, ConnectionId> connections_;
  std::set<sync::LinkId> awake_;  ///< They may have more than the network took.
  std::map<ConnectionId, sync::LinkId> links_;
  std::map<store::ScopeId, crdt::Stamp> last_own_;
  std::vector<Function<void()>> waiting_;
  bool gone_ = false;
  bool spoilt_ = false, examined_ = false;
  bool durable_wanted_ = false;
  std::uint64_t searches_ = 0, patches_ = 0;  ///< In earlier lives.
  Instant commit_due_ = never, armed_ = never, retry_ = never;
  sync::Backoff backoff_;
  bool dying_by_power_ = false;
  std::uint64_t faults_at_begin_ = 0;              ///< Of the group commit under way.
  std::optional<std::uint64_t> faults_at_look_{};  ///< When the file was last seen to be open.
  Platter platter_;
  Span dying_away_{};
  std::optional<Span> relapses_after_{};
};

}  // namespace edgesync::sim
