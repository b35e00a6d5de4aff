// SPDX-License-Identifier: Apache-2.0
#include "sim/world.hpp"

#include <algorithm>

namespace edgesync::sim {
namespace {

constexpr Span convergence_bound = std::chrono::seconds(400);  // the longest silence to a dead peer, twice, and data
constexpr Span look_every = std::chrono::milliseconds(250);
constexpr std::size_t events_max = 3'000'000;  // beyond is a livelock

std::vector<ReplicaId> authors(const std::vector<std::unique_ptr<SimNode>>& nodes) {
  std::vector<ReplicaId> ids;
  for (const auto& node : nodes) ids.insert(ids.end(), node->selves().begin(), node->selves().end());
  return ids;
}

}  // namespace

World::World(Plan plan, bool verbose, bool deep)
    : plan_(std::move(plan)),
      timeline_(plan_.seed ^ 0x11),
      trace_(verbose),
      network_(timeline_, trace_, plan_.seed ^ 0x22),
      around_{timeline_, trace_, network_, truth_, plan_, {}, {}, {}, {}, {}, {}, {}, {}},
      work_random_(plan_.seed ^ 0x33),
      fault_random_(plan_.seed ^ 0x44),
      look_random_(plan_.seed ^ 0x55),
      extra_random_(plan_.seed ^ 0x77) {
  network_.weather = plan_.weather;
  around_.violate = [this](std::string what) { violate(std::move(what)); };
  around_.struck = [this](Fault fault) { ++struck_[fault]; };
  around_.saw = [this](Sight sight) { saw(sight); };
  around_.acked = [this](NodeNumber who, const std::string& scope, crdt::Stamp stamp) { check_ack(who, scope, stamp); };
  around_.latest_hub_wall = [this] {
    Timestamp latest{};
    for (const auto& node : nodes_)
      if (node->plan().hub) latest = std::max(latest, node->latest_wall());
    return latest;
  };
  around_.stable = [this](NodeNumber who, const std::string& scope, crdt::Stamp stamp) {
    check_stable(who, scope, stamp);
  };
  around_.flushed = [this, deep](SimNode& node) {
    if (deep) look_deep(node);
  };
  around_.decide = [this](NodeNumber who, const config::Content& content) {
    const auto bit = std::int64_t{1} << who;
    const auto has = [&](const char* key) {
      const auto at = content.find(key);
      const auto* mask = at == content.end() ? nullptr : std::get_if<std::int64_t>(&at->second);
      return mask != nullptr && (*mask & bit) != 0;
    };
    const bool refuses = has("refused-by"), holds = !refuses && has("held-by") && !healing_;
    if (refuses) saw(Sight::refused);
    if (holds) saw(Sight::held);
    return refuses ? Verdict::reject : holds ? Verdict::hold : Verdict::healthy;
  };
  for (std::size_t i = 0; i < plan_.nodes.size(); ++i) {
    nodes_.push_back(std::make_unique<SimNode>(around_, static_cast<NodeNumber>(i)));
    network_.add(*nodes_.back());
  }
}

void World::violate(std::string what) {
  if (!violation_) violation_ = std::move(what);
}

void World::run_until(Instant until) {
  while (!failed() && timeline_.step(until))
    if (timeline_.ran() > events_max) violate("O16: livelock: events without end");
}

Report World::run() {
  memory.fails_in = plan_.allocation;
  if (plan_.blow.operation > 0) strike(plan_.blow);
  if (plan_.cut_at > 0) network_.cut_first(plan_.cut_hub ? 1 : 0, plan_.cut_at);
  for (const auto& node : nodes_) node->start();
  chaos();
  if (!failed()) heal();
  if (!failed()) final_checks();
  if (!failed()) cold_checks();
  return report();
}

Report World::report() {
  Report report;
  report.seed = plan_.seed;
  report.trace = trace_.hash();
  report.events = timeline_.ran();
  report.frames = network_.frames();
  report.promised = truth_.promised();
  report.forgotten = truth_.forgotten();
  report.struck = struck_;
  report.struck.add(network_.struck());
  for (const auto& node : nodes_) report.struck.add(node->disk().struck());
  seen_[Sight::lost_unpromised] = truth_.forgotten();
  seen_[Sight::doubt_kept] = truth_.doubts_kept();
  seen_[Sight::doubt_gone] = truth_.doubts_gone();
  seen_[Sight::sent_old_frames] = network_.old_frames();
  for (const auto& node : nodes_) {
    seen_[Sight::searched] += node->searches();
    seen_[Sight::patched] += node->patches();
  }
  for (const auto& node : nodes_) report.operations.push_back(node->disk().operations());
  report.first_connection = network_.first_connection();
  report.seen = seen_;
  report.lived = timeline_.now().time_since_epoch() * static_cast<Span::rep>(nodes_.size());
  report.healed_in = healed_at_.time_since_epoch() - plan_.chaos;
  report.violation = violation_;
  if (failed()) report.tail = trace_.tail();
  return report;
}

void World::strike(const Blow& blow) {
  SimNode& node = *nodes_[static_cast<std::size_t>(blow.node)];
  if (blow.as == Fault::crashes || blow.as == Fault::power_cuts)
    return node.crash_at_operation(blow.operation, blow.as == Fault::power_cuts, std::chrono::milliseconds(20));
  node.disk().fail_at(blow.operation, blow.as);
}

bool World::reaches_root(const SimNode& node) const {
  if (node.gone()) return false;
  return node.uplink() < 0 || reaches_root(*nodes_[static_cast<std::size_t>(node.uplink())]);
}

void World::chaos() {
  if (plan_.scripted) {
    script();
    return run_until(Instant(plan_.chaos));
  }
  every(fault_random_, plan_.work.every, [this] { work(); });
  every(fault_random_, plan_.fault_every, [this] { trouble(); });
  every(fault_random_, plan_.chaos / 30, [this] { observe(); });
  if (plan_.work.upkeep) every(fault_random_, plan_.chaos / 20, [this] { any_node().compact(fault_random_.below(6)); });
  extras();
  run_until(Instant(plan_.chaos));
}

void World::heal() {
  memory.fails_in = 0;
  healing_ = true;
  network_.heal();
  for (const auto& node : nodes_) {
    node->disk().faults = {};
    node->disk().die_after(0);
    node->disk().fail_at(0, Fault::write_errors);
    node->start();
  }
  const bool publishes = plan_.work.config;
  const Instant bound = timeline_.now() + convergence_bound;
  while (!failed() && timeline_.now() < bound) {
    // The last version is one that nobody refuses: whatever happened before, it must end up active everywhere. It is
    // published again if a hub that was cut off turns out to have given its number to another.
    if (publishes && nodes_[0]->quiet() && !last_is_newest()) publish(true);
    run_until(timeline_.now() + look_every);
    if (converged()) {
      healed_at_ = timeline_.now();
      return;
    }
  }
  violate("O16: no convergence within " + std::to_string(convergence_bound.count() / 1'000'000) +
          " s: " + why_not_converged());
}

bool World::last_is_newest() {
  SimNode& root = *nodes_[0];
  const auto newest = root.engine().config().newest(*root.store().find_scope(Plane::config, config_scope));
  // A node that rolled back from the same number, which another hub had given too, would not take it.
  const auto left = [&](const auto& node) { return newest && node->left() >= newest->manifest.number; };
  return newest && newest->manifest.note == last_version && std::none_of(nodes_.begin(), nodes_.end(), left);
}

bool World::root_has(const store::Scope& scope, const crdt::Context& context) {
  const auto known = nodes_[0]->store().find_scope(scope.plane, scope.name);
  return known && nodes_[0]->store().context(*known).covers(context);
}

bool World::converged() { return why_not_converged().empty(); }

std::string World::why_not_converged() {
  for (const auto& node : nodes_) {
    const std::string who = "node " + std::to_string(node->number());
    if (node->gone()) continue;
    if (!node->up()) return who + " is down";
    if (!node->quiet()) return who + " has something to write";
    if (node->uplink() < 0 || !reaches_root(*node)) continue;
    if (node->spoilt()) return who + " has damaged rows";
    if (!node->engine().linked()) return who + " is not linked";
    SimNode& above = *nodes_[static_cast<std::size_t>(node->uplink())];
    if (!above.quiet()) return "the uplink of " + who + " has something to write";
    for (const store::Scope& scope : node->store().scopes()) {
      const auto other = above.store().find_scope(scope.plane, scope.name);
      if (!other) return who + ": " + scope.name + " is unknown above";
      const crdt::Context &mine = node->store().context(scope.id), &theirs = above.store().context(*other);
      // Of records a relay need not have what the root has.
      const bool level = scope.plane == Plane::stream ? theirs.covers(mine) || root_has(scope, mine) : mine == theirs;
      if (!level) return who + ": " + scope.name + " has " + mine.to_string() + ", above " + theirs.to_string();
      if (node->store().acked(scope.id)[node->replica()] < mine[node->replica()])
        return who + ": " + scope.name + " not acked";
      // What was dropped on its way may have arrived all the same: only the ack says.
      for (const ReplicaId& self : node->store().selves())
        if (scope.plane == Plane::stream && node->store().acked(scope.id)[self] < mine[self])
          return who + ": records under an earlier id are not acked";
      if (node->store().stable(scope.id)[node->replica()] < mine[node->replica()])
        return who + ": " + scope.name + " not stable";
      const auto pending = node->store().pending(scope.id);
      if (!pending || pending->count > 0) return who + ": " + scope.name + " has something pending";
    }
  }
  if (!plan_.work.config) return {};
  SimNode& root = *nodes_[0];
  const auto newest = root.engine().config().newest(*root.store().find_scope(Plane::config, config_scope));
  if (!newest || newest->manifest.note != last_version) return "the last version is not the newest at the root";
  for (const auto& node : nodes_) {
    if (!reaches_root(*node)) continue;
    const auto active = node->engine().config().active(*node->store().find_scope(Plane::config, config_scope));
    if (active.number != newest->manifest.number || active.id != newest->manifest.info().id)
      return "node " + std::to_string(node->number()) + ": version " + std::to_string(active.number) + " of " +
             std::to_string(newest->manifest.number) + " is active";
  }
  return {};
}

/// True if the store lacks something of the scope that `node` promised.
bool World::lacks(const store::Store& store, const store::Scope& scope, const SimNode& node) const {
  return std::any_of(node.selves().begin(), node.selves().end(), [&](const ReplicaId& self) {
    return store.context(scope.id)[self] < truth_.durable(self, scope.name);
  });
}

Finding World::check_all(const std::vector<store::Store*>& stores) {
  const std::vector<ReplicaId> replicas = authors(nodes_);
  for (std::size_t i = 0; i < stores.size(); ++i) {
    if (stores[i] == nullptr) continue;
    store::Store& store = *stores[i];
    if (auto broken = sound(store)) return "O10: node " + std::to_string(i) + ": " + *broken;
    if (auto broken = whole_tags(store)) return "O9: " + *broken;
    for (const store::Scope& scope : store.scopes()) {
      if (scope.plane == Plane::state)
        if (auto broken = is_true(store, scope, store.context(scope.id))) return "O2: " + *broken;
      for (const auto& node : nodes_)
        if (i == 0 && reaches_root(*node) && lacks(store, scope, *node))
          return "O4: the root lacks commits of " + scope.name + " that were promised";
    }
    if (auto broken = records_match(store, truth_, replicas, i == 0)) return "O8: " + *broken;
    if (!plan_.nodes[i].hub)
      if (auto broken = balanced(store)) return "O18: " + *broken;
    const NodeNumber above = nodes_[i]->uplink();
    if (above >= 0 && reaches_root(*nodes_[i]))
      // A relay lacks the records that its nodes took to the root themselves, and have trimmed.
      if (auto broken = same_content(store, *stores[static_cast<std::size_t>(above)], !plan_.work.roaming))
        return "O1: " + *broken;
  }
  return std::nullopt;
}

void World::final_checks() {
  std::vector<store::Store*> stores;
  for (const auto& node : nodes_) {
    if (node->gone()) saw(Sight::finished_without);
    const bool cut_off = !node->gone() && node->spoilt();  // and nobody was left to repair it
    stores.push_back(node->gone() || cut_off ? nullptr : &node->store());
    if (node->gone()) continue;
    if (const auto stream = node->store().find_scope(Plane::stream, stream_scope))
      for (const store::StreamState& state : node->store().stream(*stream))
        if (state.trimmed > 0) saw(Sight::trimmed);
    check_accounts(*node);
    if (!node->plan().hub && reaches_root(*node))
      if (auto broken = settled(node->store(), nodes_[static_cast<std::size_t>(node->uplink())]->store()))
        return violate("O18: at rest: " + *broken);
    const auto scope = node->store().find_scope(Plane::config, config_scope);
    if (auto broken = one_active_version(node->store(), node->engine().config().active(*scope)))
      return violate("O10: at rest: " + *broken);
  }
  if (auto broken = check_all(stores)) violate(*broken + " (at rest)");
}

void World::cold_checks() {
  std::vector<std::unique_ptr<Disk>> disks;
  std::vector<std::unique_ptr<FaultVfs>> systems;
  std::vector<std::unique_ptr<store::Store>> opened;
  std::vector<store::Store*> stores;
  for (const auto& node : nodes_) {
    disks.push_back(node->durable_disk());
    systems.push_back(std::make_unique<FaultVfs>(*disks.back()));
    auto store = node->open_copy(*systems.back());
    if (!store) return violate("O17: cold: " + store.error().detail);
    for (const ReplicaId& self : node->selves())
      if (auto lost = truth_.reopened(self, **store)) return violate("O3: cold: " + *lost);
    saw(Sight::cold_opened);
    stores.push_back(node->spoilt() ? nullptr : store->get());  // it died before it could be repaired
    opened.push_back(*std::move(store));
  }
  if (auto broken = check_all(stores)) violate(*broken + " (cold)");
}

Report run_plan(Plan plan, bool verbose, bool deep) { return World(std::move(plan), verbose, deep).run(); }
Report run_seed(std::uint64_t seed, bool verbose, bool deep) { return run_plan(make_plan(seed), verbose, deep); }

}  // namespace edgesync::sim
