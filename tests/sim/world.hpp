// SPDX-License-Identifier: Apache-2.0
// World: one seed played from beginning to end. Chaos: the plan's work and faults, with checks in between. Healing: all
// faults end, every node is started, a last version is published, and within a bound of virtual time all must agree.
// Then the final checks; then every machine loses its power, every database is opened again, and they are made again.
#pragma once

#include "sim/checks.hpp"
#include "sim/sim_node.hpp"

namespace edgesync::sim {

/// How one seed went.
struct Report {
  std::uint64_t seed = 0, trace = 0;
  Finding violation{};
  std::vector<std::string> tail{};  ///< The last lines of the trace, if there was a violation.
  std::uint64_t events = 0, frames = 0, promised = 0, forgotten = 0;
  FaultCounts struck{};
  Sights seen{};
  Span healed_in{}, lived{};                        ///< All nodes together lived so long.
  std::vector<std::uint64_t> operations{};          ///< Per node, of its disk.
  std::array<std::uint64_t, 2> first_connection{};  ///< Bytes sent over it: by the node, by the hub.
};

class World {
 public:
  static constexpr const char* last_version = "the last";  ///< Its note.

  /// `deep`: the truth is asked after every group commit, not now and then; for finding where things went wrong.
  World(Plan plan, bool verbose, bool deep);
  Report run();

 private:
  // world.cpp: phases
  Report report();
  void chaos();
  void heal();
  void final_checks();
  void cold_checks();
  void strike(const Blow& blow);
  bool reaches_root(const SimNode& node) const;  ///< It lives, and so do all above it.
  bool last_is_newest();
  bool root_has(const store::Scope& scope, const crdt::Context& context);
  bool converged();
  std::string why_not_converged();
  bool lacks(const store::Store& store, const store::Scope& scope, const SimNode& node) const;
  Finding check_all(const std::vector<store::Store*>& stores);
  bool failed() const noexcept { return violation_.has_value(); }
  void violate(std::string what);
  void saw(Sight sight) { ++seen_[sight]; }
  void run_until(Instant until);

  // chaos.cpp: what happens to whom
  void trouble();
  void every(Random& random, Span mean, Function<void()> action);
  static Span exponential(Random& random, Span mean);
  SimNode& any_node();
  SimNode* any_edge(Random& random);
  void script();
  void work();
  void write_shared(SimNode& node);
  Edit random_edit();
  void random_op(Edit& edit, std::size_t lane);
  void write_tags(SimNode& node);
  void append(SimNode& node);
  void publish(bool for_all);
  // extras.cpp
  void extras();
  void append_bulk(SimNode& node);
  void append_samples(SimNode& node);
  void write_burst(SimNode& node);
  void roam(SimNode& node);
  void shift_clock(SimNode& node);
  void flap(SimNode& node);
  void relapse(SimNode& node);
  void rot(SimNode& node);

  void trouble_node(SimNode& node, std::uint64_t kind);
  void restart_loop(SimNode& node);
  void trouble_link(std::uint64_t kind);
  void jump_clock(SimNode& node);
  void trouble_disk(SimNode& node, Fault fault);
  void observe();
  void look_deep(SimNode& node);
  /// Of a state scope.
  Finding is_true(store::Store& store, const store::Scope& scope, const crdt::Context& context);
  void check_held(NodeNumber who, SimNode& holder, const std::string& scope, crdt::Stamp stamp,
                  const std::string& promise);
  void check_stable(NodeNumber who, const std::string& scope, crdt::Stamp stamp);
  void check_trimmed(SimNode& node);
  void check_accounts(SimNode& node);
  void check_ack(NodeNumber who, const std::string& scope, crdt::Stamp stamp);

  Plan plan_;
  Timeline timeline_;
  Trace trace_;
  Network network_;
  Truth truth_;
  Surroundings around_;
  Xoshiro work_random_, fault_random_, look_random_, extra_random_;
  std::vector<std::unique_ptr<SimNode>> nodes_;
  bool healing_ = false;
  std::uint64_t next_value_ = 1;
  FaultCounts struck_{};  ///< By the world's own hand; the network and the disks count theirs.
  Sights seen_{};
  std::map<std::pair<NodeNumber, Fault>, std::uint64_t> disk_faults_{};  ///< The number of the last of its kind.
  Instant healed_at_{};
  Finding violation_{};
};

Report run_plan(Plan plan, bool verbose = false, bool deep = false);
Report run_seed(std::uint64_t seed, bool verbose = false, bool deep = false);

}  // namespace edgesync::sim
