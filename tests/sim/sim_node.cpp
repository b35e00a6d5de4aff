// SPDX-License-Identifier: Apache-2.0
// SimNode: life and group commits. What the application does is in sim_node_work.cpp, the links in sim_node_links.cpp.
#include "sim/sim_node.hpp"

#include "sim/rot.hpp"

#include <algorithm>

namespace edgesync::sim {
namespace {

constexpr const char* database = "node.db";
constexpr std::chrono::milliseconds upkeep_delay{1'000};
constexpr std::chrono::milliseconds examine_pause{20};
constexpr std::size_t rows_examined = 16;
constexpr std::int64_t true_time_us = 1'790'000'000'000'000;  // September 2026

std::uint64_t seed_of(const Plan& plan, NodeNumber number, std::uint64_t purpose) {
  return plan.seed * 0x9e3779b97f4a7c15 + static_cast<std::uint64_t>(number) * 16 + purpose;
}

}  // namespace

std::string private_scope(NodeNumber node) { return "own/" + std::to_string(node); }

SimNode::SimNode(Surroundings& around, NodeNumber number)
    : around_(around),
      number_(number),
      plan_(around.plan.nodes[static_cast<std::size_t>(number)]),
      uplink_(plan_.uplink),
      random_(seed_of(around.plan, number, 1)),
      disk_(seed_of(around.plan, number, 2)),
      vfs_(disk_, number == 0),
      wall_offset_(plan_.wall_offset),
      backoff_(backoff_min, backoff_max) {}

SimNode::~SimNode() {
  batch_.reset();
  engine_.reset();
  store_.reset();
}

Now SimNode::now() const {
  const Span passed = around_.timeline.now().time_since_epoch();
  const Span drift(passed.count() / 1'000'000 * plan_.drift_ppm);
  return {around_.timeline.now(), Timestamp(std::chrono::microseconds(true_time_us) + passed + drift + wall_offset_)};
}

void SimNode::later(Span delay, Function<void()> action) {
  around_.timeline.after(delay, [this, life = life_, action = std::move(action)] {
    if (life == life_) action();
  });
}

// --- life ---

bool SimNode::open_database() {
  store::Options options;
  options.path = database;
  options.vfs = vfs_.name();
  options.memtable_bytes = plan_.memtable_bytes;
  options.stream_bytes = around_.plan.work.stream_bytes;
  options.seal_segments = around_.plan.work.seal_segments;
  options.boot = 1;  // its clock never stops, whatever becomes of the machine
  options.since_boot = around_.timeline.now();
  auto opened = attempt("open", [&] { return store::Store::open(std::move(options), random_, now().wall); });
  if (!opened) {
    const Error& why = opened.error();
    around_.trace.note(around_.timeline.now(), "open failed", number_, static_cast<std::uint64_t>(why.code.value()));
    if (why.is(Errc::storage_corrupt) || why.is(Errc::storage_too_new) || why.is(Errc::already_open))
      around_.violate("O17: " + blame("open") + why.detail);
    return false;
  }
  store_ = *std::move(opened);
  const ReplicaId before = std::exchange(replica_, store_->replica());
  if (selves_.empty() || selves_.back() != replica_) selves_.push_back(replica_);
  const auto& known = store_->selves();
  if (before != ReplicaId{} && std::find(known.begin(), known.end(), before) == known.end())
    for (const std::string_view scope : {shared_scope, tags_scope, config_scope, stream_scope})
      if (around_.truth.durable(before, std::string(scope)) > 0)
        around_.violate("O3: node " + std::to_string(number_) + ": its database is gone, and with it promised commits");
  for (const ReplicaId& self : selves_)
    if (auto lost = around_.truth.reopened(self, *store_)) around_.violate("O3: after reopening: " + *lost);
  return true;
}

/// It may have taken another id meanwhile: all that it had done as the one before was durable by then.
void SimNode::know_self() {
  if (replica_ == store_->replica()) return;
  take_events();
  around_.truth.seen(replica_, *store_);
  replica_ = store_->replica();
  selves_.push_back(replica_);
  last_own_.clear();
  around_.saw(Sight::renamed);
}

void SimNode::define_stream(store::ScopeId stream) {
  store_->define_stream(stream, {{{"n", ColumnType::i64}, {"text", ColumnType::text}}}, false).value();
  if (around_.plan.work.budget) store_->set_budget(stream, *around_.plan.work.budget).value();
}

bool SimNode::open_scopes() {
  std::vector<std::pair<Plane, std::string>> wanted{{Plane::config, std::string(config_scope)}};
  if (plan_.uplink >= 0) {
    wanted.emplace_back(Plane::state, shared_scope);
    if (plan_.tags) wanted.emplace_back(Plane::state, tags_scope);
    wanted.emplace_back(Plane::stream, stream_scope);
    if (around_.plan.work.private_scopes && !plan_.hub) wanted.emplace_back(Plane::state, private_scope(number_));
  }
  for (const store::Scope& scope : store_->scopes())
    if (!engine_->scope_opened(scope.id)) return false;
  for (const auto& [plane, name] : wanted) {
    if (store_->find_scope(plane, name)) continue;
    const auto scope = store_->open_scope(plane, name);
    if (!scope || !engine_->scope_opened(*scope)) return false;
  }
  if (const auto stream = store_->find_scope(Plane::stream, stream_scope); stream && !plan_.hub) define_stream(*stream);
  if (const auto shared = store_->find_scope(Plane::state, shared_scope); shared && around_.plan.work.previews)
    store_->preview(*shared);
  return true;
}

void SimNode::start() {
  if (up() || gone_) return;
  ++life_;
  around_.trace.note(around_.timeline.now(), "start", number_, life_);
  const auto again = [this] {
    if (died()) return;
    engine_.reset();
    store_.reset();
    later(std::chrono::milliseconds(300), [this] { start(); });
  };
  if (!open_database()) return again();
  sync::EngineOptions options;
  options.name = "n" + std::to_string(number_);
  options.limits = around_.plan.limits;
  options.root = plan_.hub && plan_.uplink < 0;
  options.versions.kept = 8;
  options.authorizer.connect = [](const Credentials& who) { return who.token == "good"; };
  options.authorizer.scope = [](const Credentials&, Plane, std::string_view) { return Access::read_write; };
  if (around_.plan.work.signs) options.verifier = &any_signature();
  engine_ = std::make_unique<sync::Engine>(*store_, random_, std::move(options));
  if (!open_scopes()) return again();
  if (uplink_ >= 0) dial();
  examined_ = !store_->unclean();
  if (!examined_) later(examine_pause, [this] { examine(); });
  stir();
}

void SimNode::examine() {
  if (idle()) {
    const auto more = attempt("examine", [&] { return store_->examine(rows_examined); });
    examined_ = more && !*more;
    stir();
  }
  if (up() && !examined_) later(examine_pause, [this] { examine(); });
}

bool SimNode::spoil(const std::string& scope, Random& random) {
  const DiskFaults others = std::exchange(disk_.faults, {});  // one that strikes must not hide that it is spoilt
  const bool done = spoil_row(disk_, scope, random);
  disk_.faults = others;
  if (!done) return false;
  around_.trace.note(around_.timeline.now(), "spoil", number_);
  return spoilt_ = true;
}

bool SimNode::spoilt() {
  if (!spoilt_ || !up() || !examined_ || !quiet()) return spoilt_;
  for (const store::Scope& scope : store_->scopes())
    if (!store_->damaged(scope.id).empty()) return true;
  around_.saw(Sight::repaired);
  return spoilt_ = false;
}

bool SimNode::died() {
  if (!disk_.dead()) return false;
  const auto then = std::exchange(relapses_after_, {});
  around_.struck(then ? Fault::relapses : Fault::crashes_inside);
  crash(dying_by_power_, dying_away_);
  if (then)
    around_.timeline.after(dying_away_ + *then, [this, life = life_ + 1] {
      if (up() && life == life_) crash(true, std::chrono::milliseconds(5));
    });
  return true;
}

void SimNode::crash(bool power, Span away) {
  ++life_;
  around_.struck(power ? Fault::power_cuts : Fault::crashes);
  around_.trace.note(around_.timeline.now(), power ? "power cut" : "process crash", number_, disk_.operations());
  if (batch_) around_.saw(Sight::crash_in_commit);
  searches_ = searches(), patches_ = patches();
  relapses_after_.reset();
  disk_.crash(power);  // first: nothing that is torn down below may still reach the disk
  batch_.reset();
  engine_.reset();
  store_.reset();
  connections_.clear();
  links_.clear();
  last_own_.clear();
  waiting_.clear();
  durable_wanted_ = false;
  faults_at_look_.reset();
  commit_due_ = armed_ = retry_ = never;
  around_.network.vanish(number_, power);
  later(away, [this] { start(); });
}

void SimNode::die() {
  gone_ = true;
  around_.struck(Fault::deaths);
  if (up()) crash(true, {});
}

void SimNode::relapse(std::uint64_t n, Span away, Span then) {
  relapses_after_ = then;
  crash_at_operation(n, false, away);
}

void SimNode::crash_at_operation(std::uint64_t n, bool power, Span away) {
  dying_by_power_ = power;
  dying_away_ = away;
  disk_.die_after(n);
}

// --- group commit ---

void SimNode::flush_if_due() {
  const bool waiting = store_->accepted() > store_->durable();
  if (store_->writing() || !waiting) return;
  const bool soon = engine_->take_commit_soon();
  if (soon || durable_wanted_ || store_->wants_flush()) return begin_flush();
  if (commit_due_ == never) commit_due_ = around_.timeline.now() + upkeep_delay;
}

void SimNode::begin_flush() {
  durable_wanted_ = false;
  commit_due_ = never;
  faults_at_begin_ = faults_made();
  readable();
  store_->look_at_age(around_.timeline.now());
  batch_ = store_->begin_flush();
  around_.truth.begun(replica_, *store_);
  around_.trace.note(around_.timeline.now(), "begin", number_, store_->accepted());
  later(plan_.begin_to_write, [this] { write_batch(); });
}

void SimNode::write_batch() {
  store_->write(*batch_);
  around_.trace.note(around_.timeline.now(), "write", number_, disk_.operations());
  if (died()) return;
  later(plan_.write_time, [this] { finish_flush(); });
}

void SimNode::finish_flush() {
  const store::Flushed flushed = store_->finish(std::move(batch_));
  around_.trace.note(around_.timeline.now(), flushed.error ? "failed" : "durable", number_, flushed.through);
  if (flushed.error && flushed.error->is(Errc::storage_full)) around_.saw(Sight::no_room);
  const bool late =
      flushed.error && flushed.error->is(Errc::identity_clash);  // a fault before this batch was the reason
  if (flushed.error && !late && !disk_.dead() && faults_made() == faults_at_begin_)
    around_.violate("O16: " + blame("a group commit failed on a good disk") + flushed.error->detail);
  if (auto broken = around_.truth.settled(replica_, *store_, flushed.through, !flushed.error))
    around_.violate("O6: " + *broken);
  if (readable()) around_.flushed(*this);
  for (const store::ScopeId scope : flushed.advanced)
    if (auto early = around_.truth.shipped_too_early(*store_, scope)) around_.violate("O12: " + *early);
  if (!flushed.diverged.empty())
    around_.violate("O1: " + blame("a cut") + "equal contexts with different fingerprints");
  engine_->flushed(flushed);
  stir();
}

bool SimNode::readable() {
  if (!idle() || disk_.dead()) return false;
  if (faults_at_look_ == faults_made() && !around_.truth.in_doubt(replica_)) return true;
  const store::ScopeId scope = *store_->find_scope(Plane::config, config_scope);
  if (!attempt("reading", [&] { return store_->versions(scope); })) return false;
  around_.truth.seen(replica_, *store_);
  faults_at_look_ = faults_made();
  return true;
}

Result<std::unique_ptr<store::Store>> SimNode::open_copy(FaultVfs& copy) const {
  store::Options options;
  options.path = database;
  options.vfs = copy.name();
  Xoshiro random(1);
  return store::Store::open(std::move(options), random, now().wall);
}

}  // namespace edgesync::sim
