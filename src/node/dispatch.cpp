// SPDX-License-Identifier: Apache-2.0
// Core: work on the runtime. One dispatch at a time takes what the engine has for others (connections to wake, events,
// changes, versions to decide about) and hands it out without the lock.
#include "crdt/hlc.hpp"
#include "node/calling.hpp"

namespace edgesync::node {
namespace {

std::optional<Value> shown_value(const std::optional<crdt::Shown>& shown) {
  if (!shown) return std::nullopt;
  if (shown->type != crdt::Shown::Type::set) return shown->value;
  std::string list = "[";
  for (const Value& member : shown->members) list += (list.size() > 1 ? "," : "") + to_json(member);
  return Json{list + "]"};
}

}  // namespace

void Core::post_dispatch(Lock&) {
  if (closed_ || std::exchange(dispatch_posted_, true)) return;
  host_->post([weak = weak_from_this()] {
    if (const auto core = weak.lock()) core->dispatch();
  });
}

void Core::dispatch() {
  Lock lock(mutex_);
  dispatch_posted_ = false;
  if (closed_) return;
  const Calling calling(*this, lock);
  if (!store_->writing()) dispatch_actions(lock);
  if (!closed_) report_versions(lock);
  finish_flushes(lock);
  if (!closed_) {
    const auto events = take_events();
    std::vector<Change> changes;
    for (const store::PathChange& change : std::exchange(changes_, {})) {
      if (change.path.empty()) {  // more than can be told one by one
        changes.push_back({store_->scope(change.scope).name, {}, {}, {}, {}, {}});
        continue;
      }
      const auto& author = change.after ? change.after : change.before;
      changes.push_back({store_->scope(change.scope).name, change.path, shown_value(change.before),
                         shown_value(change.after), author->dot.replica, crdt::Hlc::wall(author->dot.stamp)});
    }
    std::vector<std::string> grown, published;
    for (const store::ScopeId id : std::exchange(grown_, {})) {
      const store::Scope& scope = store_->scope(id);
      (scope.plane == Plane::stream ? grown : published).push_back(scope.name);
    }
    std::vector<std::shared_ptr<transport::Connection>> awake;
    for (sync::LinkId id : engine_->take_wakes())
      if (const auto at = connections_.find(id); at != connections_.end()) awake.push_back(at->second);
    lock.unlock();
    for (const auto& connection : awake) connection->wake();
    for (const Event& event : events) {
      log(event);
      handlers_.call(event);
    }
    for (const Change& change : changes) handlers_.call(change);
    for (const std::string& stream : grown) handlers_.call_for_records(stream);
    for (const std::string& scope : published) handlers_.call_published(scope);
    lock.lock();
  }
  if (!closed_) arm(lock);
}

void Core::log(const Event& event) const {
  const bool worth_it =
      event.kind == EventKind::watchdog || event.kind == EventKind::clock || event.kind == EventKind::storage_fault;
  if (!options_.log || !worth_it) return;
  const std::string about = event.peer.empty() ? event.scope : event.peer;
  options_.log(level(event), std::string(edgesync::name(event.kind)) + (about.empty() ? "" : " " + about) + ": " +
                                 (event.error.code ? event.error.detail : "right again"));
}

std::vector<Event> Core::take_events() {
  constexpr std::size_t unheard_max = 8;
  auto events = engine_->take_events();
  if (!heard_) {
    std::erase_if(events, [](const Event& event) {
      return event.kind != EventKind::identity && event.kind != EventKind::storage_fault;
    });
    for (Event& event : events)
      if (unheard_.size() < unheard_max) unheard_.push_back(std::move(event));
    return {};
  }
  events.insert(events.begin(), std::make_move_iterator(unheard_.begin()), std::make_move_iterator(unheard_.end()));
  unheard_.clear();
  return events;
}

Subscription Core::on_event(EventHandler handler) {
  auto registered = handlers_.on_event(std::move(handler));
  Lock lock(mutex_);
  heard_ = true;
  stir(lock);
  return registered;
}

Result<void> Core::ask_again(Lock& lock, store::ScopeId scope) {
  auto asked = engine_->config().ask_again(scope);
  if (engine_->config().waiting()) engine_->commit_soon();  // the question waits for its place in the journal
  stir(lock);
  return asked;
}

Result<void> Core::fits(std::string_view scope, const std::map<std::string, Value>& content) const {
  const auto schema = options_.schemas.find(scope);
  if (schema == options_.schemas.end()) return {};
  auto fits = schema->second.check(content);
  if (fits) return fits;
  const bool judged = fits.error().is(Errc::invalid_argument);
  return Error(fits.error().code, (judged ? "does not fit its schema: " : "schema: ") + fits.error().detail);
}

void Core::dispatch_actions(Lock& lock) {
  for (sync::ConfigPlane::Action& action : engine_->config().take_actions()) {
    if (closed_) return;
    put_to_application(lock, std::move(action));
  }
}

void Core::put_to_application(Lock& lock, sync::ConfigPlane::Action action) {
  const VersionInfo version = action.release.manifest.info();
  const std::string scope = store_->scope(action.scope).name;
  if (action.kind == config::Action::Kind::ask) {
    auto content = config::verify(action.release);
    lock.unlock();
    std::optional<Verdict> verdict = Verdict::healthy;
    const Result<void> fits = content ? this->fits(scope, *content) : Result<void>();
    if (!fits)  // what could not be found out now may be found out later
      verdict = fits.error().is(Errc::invalid_argument) ? Verdict::reject : Verdict::hold;
    else if (content)
      verdict = handlers_.ask(scope, {version, *std::move(content)});
    lock.lock();
    settled_.wait(lock, [&] { return closed_ || !store_->writing(); });
    if (closed_) return;
    engine_->tick(now());  // the answer may have taken its time: what follows from it begins now
    const Verdict answer = verdict.value_or(Verdict::healthy);
    const std::string why = fits ? "the application refused it" : fits.error().detail;
    engine_->config().verdict(action.scope, version, answer, fits ? "decided by the application" : why).ignore();
    if (answer == Verdict::reject || !fits)
      engine_->report(EventKind::rejected, action.scope, version, {Errc::rejected, why});
    engine_->commit_soon();
    return stir(lock);
  }
  switch (action.kind) {
    case config::Action::Kind::activate:
      engine_->report(EventKind::activated, action.scope, version, {});
      lock.unlock();
      handlers_.call_active(scope, version);
      return lock.lock();
    case config::Action::Kind::confirmed:
      return engine_->report(EventKind::confirmed, action.scope, version, {});
    case config::Action::Kind::failed:
      return engine_->report(EventKind::rejected, action.scope, version, {Errc::rejected, action.reason});
    default:
      return engine_->report(EventKind::rolled_back, action.scope, engine_->config().active(action.scope),
                             {Errc::rejected, action.reason});
  }
}

void Core::arm(Lock&) {
  Instant due = std::min(engine_->deadline(), commit_due_);
  if (uplink_ && !uplink_->attempting) due = std::min(due, uplink_->retry);
  due = std::min(due, examine_due_);
  armed_ = due;
  timer_->arm(due);
}

/// After a crash the rows are looked at, some at a time, so that a bad one is found before it is needed.
void Core::examine(const Now& now) {
  constexpr std::size_t rows = 512;  // well below a millisecond
  constexpr std::chrono::milliseconds pause{20};
  constexpr std::chrono::minutes pause_after_failure{1};
  examine_due_ = now.monotonic + pause;
  if (store_->writing()) return;
  const auto more = store_->examine(rows);
  if (!more) {
    engine_->report(EventKind::storage_fault, {}, {}, more.error());
    examine_due_ = now.monotonic + pause_after_failure;
  } else if (!*more) {
    examine_due_ = never;
  }
}

void Core::on_timer() {
  Lock lock(mutex_);
  if (closed_) return;
  armed_ = never;
  const Now now = this->now();
  engine_->tick(now);
  if (uplink_ && !uplink_->attempting && uplink_->retry <= now.monotonic) attempt_again(lock);
  if (closed_) return;
  if (examine_due_ <= now.monotonic) examine(now);
  if (commit_due_ <= now.monotonic) {
    commit_due_ = never;
    ask_for_commit(lock);
  }
  stir(lock);
}

}  // namespace edgesync::node
