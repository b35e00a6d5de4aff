// SPDX-License-Identifier: Apache-2.0
#include "node/core.hpp"

#include "base/path.hpp"
#include "node/environment.hpp"
#include "node/release_date.hpp"
#include "transport/ed25519.hpp"
#include "transport/thread.hpp"

#include <algorithm>

namespace edgesync::node {
namespace {

constexpr std::size_t failures_remembered = 64;  // a waiter looks its ticket up right after its group commit
constexpr std::chrono::milliseconds upkeep_delay{1'000};

store::Options store_options(const NodeOptions& options, Instant since_boot) {
  store::Options result;
  result.path = options.database;
  result.memtable_bytes = options.memtable_bytes;
  result.cache_bytes = options.cache_bytes;
  result.ballast_bytes = options.ballast_bytes;
  result.salvage = options.salvage;
  result.stream_bytes = options.stream_quota;
  result.boot = boot_of_machine();
  result.since_boot = since_boot;
  result.environment = [given = options.environment, path = options.database] {
    return given ? *given : environment_of(path);
  };
  return result;
}

Result<std::shared_ptr<Runtime>> runtime_for(const NodeOptions& options) {
  if (options.runtime) return options.runtime;
  try {
    return make_runtime();
  } catch (const Failure& failure) {
    return failure.error();
  }
}

/// Nothing if no root is given.
Result<std::optional<config::Root>> root_of(const Bytes& document) {
  if (document.empty()) return std::optional<config::Root>();
  auto root = config::Root::decode(document);
  if (!root) return Error(Errc::invalid_argument, "open: config_root: " + root.error().detail);
  if (auto whole = config::check_signed(*root, transport::ed25519()); !whole)
    return Error(Errc::invalid_argument, "open: config_root: " + whole.error().detail);
  return std::optional(*std::move(root));
}

}  // namespace

Core::Core(NodeOptions options, Kind kind, std::shared_ptr<Runtime> runtime)
    : options_(std::move(options)),
      kind_(kind),
      runtime_(std::move(runtime)),
      host_(&transport::host(*runtime_)),
      random_(transport::system_random()),
      handlers_([this](std::string_view what) {
        const std::lock_guard lock(mutex_);
        if (engine_) ++engine_->metrics().handler_faults;
        if (options_.log) options_.log(LogLevel::error, what);
      }) {}

Core::~Core() { close(); }

void Core::let_go(std::shared_ptr<Core>& core) noexcept {
  if (!core) return;
  core->close();
  const auto runtime = core->runtime_;
  core.reset();
  transport::host(*runtime).settle();
}

Result<std::shared_ptr<Core>> Core::open(NodeOptions options, Kind kind, HubSide hub) {
  if (options.database.empty()) return Error(Errc::invalid_argument, "open: database: no path given");
  if (!options.name.empty())
    if (auto good = check_path("name", options.name); !good) return std::move(good).error();
  if (auto good = config::check(options.labels); !good) return std::move(good).error();
  auto root = root_of(options.config_root);
  if (!root) return std::move(root).error();
  auto runtime = runtime_for(options);
  if (!runtime) return std::move(runtime).error();
  std::shared_ptr<Core> core(new Core(std::move(options), kind, *std::move(runtime)));
  const Now now = core->now();
  auto store = store::Store::open(store_options(core->options_, now.monotonic), *core->random_, now.wall);
  if (!store) return std::move(store).error();
  core->store_ = *std::move(store);
  core->arrivals_ = hub.limits.arrivals.per_second;
  core->settled_through_ = core->store_->durable();
  core->name_ = core->options_.name.empty() ? to_string(core->store_->replica()) : core->options_.name;
  sync::EngineOptions engine;
  engine.name = core->name_;
  engine.authorizer = std::move(hub.authorizer);
  engine.limits.frames = hub.limits.frames;
  engine.limits.bytes = hub.limits.bytes;
  engine.limits.incoming_bytes = hub.limits.incoming_bytes;
  engine.limits.refusals_per_name = hub.limits.refusals_per_name;
  engine.stable_at_backup = hub.stable_at_backup && kind == Kind::root;
  engine.root = kind == Kind::root;
  engine.passed = release_date;
  engine.versions = {core->options_.versions_kept, core->options_.versions_bytes, core->options_.health_window,
                     core->options_.starts_max, core->options_.observes};
  engine.config_root = *std::move(root);
  engine.verifier = &transport::ed25519();
  if (kind != Kind::root && !core->options_.observes) engine.member = {core->name_, core->options_.labels};
  core->engine_ = std::make_unique<sync::Engine>(*core->store_, *core->random_, std::move(engine));
  core->timer_ = core->host_->timer([weak = std::weak_ptr(core)] {
    if (const auto held = weak.lock()) held->on_timer();
  });
  auto committer = transport::quiet_thread([raw = core.get()] { raw->commit_when_asked(); });
  if (!committer) return Error(Errc::limit_exceeded, "open: the system has no thread to spare");
  core->committer_ = *std::move(committer);  // close() ends it
  Lock lock(core->mutex_);
  core->engine_->tick(now);  // before anything is judged by its time
  for (const store::Scope& scope : core->store_->scopes()) {
    if (auto opened = core->engine_->scope_opened(scope.id); !opened) {
      lock.unlock();
      let_go(core);
      return std::move(opened).error();
    }
  }
  // A start that may be one too many is counted before anybody is shown what it is about.
  if (core->engine_->config().waiting()) core->settle(lock, core->store_->accepted()).ignore();
  if (core->store_->renamed()) core->engine_->report_identity(*core->store_->renamed());
  if (core->store_->unclean()) core->examine_due_ = now.monotonic;
  core->stir(lock);
  lock.unlock();
  if (auto opened = core->open_reports(); !opened) {
    let_go(core);
    return std::move(opened).error();
  }
  return core;
}

ReplicaId Core::id() {
  const Lock lock(mutex_);
  return store_ ? store_->replica() : last_id_;
}

Result<void> Core::backup(const std::string& path) {
  auto lock = lock_idle();
  if (!lock) return std::move(lock).error();
  if (auto settled = settle(*lock, store_->accepted()); !settled) return settled;
  settled_.wait(*lock, [&] { return closed_ || !store_->writing(); });
  if (closed_) return Error(Errc::closed, "backup: the node was closed");
  auto copied = store_->backup(path);
  if (copied) engine_->backed_up();
  stir(*lock);
  return copied;
}

Result<Core::Lock> Core::lock() {
  Lock lock(mutex_);
  if (closing_) return Error(Errc::closed, "the node was closed");
  return lock;
}

Result<Core::Lock> Core::lock_idle() {
  auto lock = this->lock();
  if (!lock) return lock;
  settled_.wait(*lock, [&] { return closed_ || !store_->writing(); });
  if (closed_) return Error(Errc::closed, "the node was closed");
  return lock;
}

Result<Core::Opened> Core::open_scope(Plane plane, std::string_view name, const StreamOptions* stream) {
  auto lock = lock_idle();
  if (!lock) return std::move(lock).error();
  const auto known = store_->find_scope(plane, name);
  const auto scope = known ? Result<store::ScopeId>(*known) : store_->open_scope(plane, name);
  if (!scope) return scope.error();
  const auto defined = stream != nullptr ? define(*store_, *scope, *stream, kind_ == Kind::node) : Result<void>();
  // A hub also knows what its nodes subscribed to; a config scope among them may never have been opened here.
  if (!known || (plane == Plane::config && !engine_->config().is_open(*known)))
    if (auto opened = engine_->scope_opened(*scope); !opened) return std::move(opened).error();
  stir(*lock);
  if (!defined) return defined.error();
  auto whole = whole_of(*store_, *scope);
  return Opened{*scope, whole ? *std::move(whole) : nullptr};  // only append() needs it, and asks again
}

Result<void> Core::settle(Lock& lock, store::Ticket ticket) {
  while (!closed_ && settled_through_ < ticket) {
    if (store_->writing())
      settled_.wait(lock);
    else
      group_commit(lock);
  }
  if (settled_through_ < ticket) return Error(Errc::closed, "the node was closed before the commit was durable");
  for (const Failure& failure : failures_)
    if (failure.first <= ticket && ticket <= failure.last) return failure.error;
  return {};
}

Result<void> Core::settle_all(Lock& lock) {
  settle(lock, store_->accepted()).ignore();
  settled_.wait(lock, [&] { return closed_ || !store_->writing(); });
  if (closed_) return Error(Errc::closed, "the node was closed");
  return {};
}

void Core::group_commit(Lock& lock) {
  const store::Ticket first = store_->durable() + 1;
  commit_due_ = never;
  store_->look_at_age(now().monotonic);
  auto batch = store_->begin_flush();
  // A new id can be taken only when nothing more is accepted under the old one.
  const bool alone = engine_->forked();
  engine_->write_begins(now());
  if (!alone) lock.unlock();
  store_->write(*batch);
  if (!alone) lock.lock();
  engine_->write_ends(now());
  store::Flushed flushed = store_->finish(std::move(batch));
  settled_through_ = store_->durable();
  if (flushed.error) {
    failures_.push_back({first, flushed.through, *flushed.error});
    if (failures_.size() > failures_remembered) failures_.erase(failures_.begin());
  }
  engine_->flushed(flushed);
  std::move(flushed.changes.begin(), flushed.changes.end(), std::back_inserter(changes_));
  for (const store::ScopeId id : flushed.advanced)
    if (store_->scope(id).plane != Plane::state) grown_.insert(id);
  settled_.notify_all();
  stir(lock);
}

void Core::commit_later(Lock& lock, std::chrono::milliseconds delay) {
  // Up to here another thread commits while the caller goes on. Who writes faster than the disk does its share.
  while (!closed_ && store_->crowded()) {
    if (store_->writing())
      settled_.wait(lock);
    else
      group_commit(lock);
  }
  if (closed_) return;  // and what was accepted is settled
  if (store_->wants_flush()) return ask_for_commit(lock);
  const Instant due = now().monotonic + delay;
  if (due >= commit_due_) return;
  commit_due_ = due;
  post_dispatch(lock);
}

void Core::ask_for_commit(Lock&) {
  commit_asked_ = true;
  commit_wanted_.notify_one();
}

void Core::commit_when_asked() {
  for (Lock lock(mutex_); !closed_;) {
    commit_wanted_.wait(lock, [&] { return closed_ || commit_asked_; });
    commit_asked_ = false;
    if (closed_ || store_->accepted() == store_->durable()) continue;
    if (store_->writing()) {
      engine_->commit_soon();  // that batch may not hold what is asked for; its end asks again
      continue;
    }
    try {
      group_commit(lock);
    } catch (...) {  // no memory; whoever waits for durability tries again by itself
      if (!lock.owns_lock()) lock.lock();
      if (options_.log) options_.log(LogLevel::error, "a group commit found no memory");
    }
  }
}

void Core::stir(Lock& lock) {
  if (closed_) return;
  const bool waiting = store_->accepted() > store_->durable();
  if (waiting && engine_->take_commit_soon()) {
    ask_for_commit(lock);
  } else if (waiting && commit_due_ == never && !store_->writing()) {
    commit_due_ = now().monotonic + upkeep_delay;
  }
  post_dispatch(lock);
}

void Core::close() noexcept {
  unlink();
  Lock lock(mutex_);
  if (!store_ && !closing_) return;
  if (closing_) {  // begun elsewhere, perhaps by a handler that is still running
    if (!host_->inside()) settled_.wait(lock, [&] { return closed_ && calling_ == 0; });
    return;
  }
  closing_ = true;  // from here on nothing new is accepted, so that what was can be settled
  while (store_->accepted() > store_->durable()) {
    if (store_->writing())
      settled_.wait(lock);
    else
      group_commit(lock);
  }
  closed_ = true;
  listener_.reset();
  timer_.reset();
  auto connections = std::exchange(connections_, {});
  std::vector<FlushWaiter> waiters = std::exchange(flushes_, {});
  settled_.notify_all();
  commit_wanted_.notify_all();
  std::thread committer = std::move(committer_);
  if (!host_->inside()) settled_.wait(lock, [&] { return calling_ == 0 && !store_->writing(); });
  last_id_ = store_->replica();
  engine_.reset();
  store_.reset();
  lock.unlock();
  if (committer.joinable()) committer.join();
  for (auto& [id, connection] : connections) connection->close({Errc::closed, "the node was closed"});
  for (FlushWaiter& waiter : waiters)
    handlers_.contain([&] { waiter.done(Error(Errc::closed, "flush: the node was closed")); });
}

}  // namespace edgesync::node
