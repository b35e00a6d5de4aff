// SPDX-License-Identifier: Apache-2.0
#include "sync/engine.hpp"

#include <edgesync/version.hpp>

#include <algorithm>

namespace edgesync::sync {

Engine::Engine(store::Store& store, Random& random, EngineOptions options)
    : store_(store),
      random_(random),
      options_(std::move(options)),
      codec_(options_.limits.wire),
      clock_(options_.passed, options_.limits.clock_off),
      config_(store, options_.versions,
              config::Gate(std::move(options_.config_root), options_.verifier, library_version()),
              std::move(options_.member)),
      outgoing_{options_.limits.outgoing_bytes, 0},
      arriving_{options_.limits.incoming_bytes / 2, 0},
      settling_{options_.limits.incoming_bytes / 2, 0},
      lockout_(options_.limits.refusals_per_name) {}

LinkId Engine::open_link(Role role, Introduction introduction, Now now, const LinkTuning& tuning) {
  look_at_clock(now);
  const LinkId id = next_link_++;
  LinkContext context{store_,
                      codec_,
                      random_,
                      options_.limits,
                      options_.authorizer,
                      options_.verifier,
                      options_.name,
                      metrics_,
                      clock_,
                      outgoing_,
                      arriving_,
                      settling_,
                      shared_,
                      quotas_,
                      config_,
                      lockout_,
                      [this, id](const Credentials& who) { return enter(id, who); },
                      root(),
                      stable_here(),
                      tuning.heartbeat.value_or(options_.limits.heartbeat),
                      tuning.pacing};
  auto link = std::make_unique<Link>(role, std::move(context), std::move(introduction), now);
  if (role == Role::node) {
    uplink_ = id;
    for (const store::Scope& scope : store_.scopes()) link->on_scope(scope.id);
  }
  due_.set(id, link->deadline());
  links_.emplace(id, std::move(link));
  wakes_.insert(id);
  return id;
}

void Engine::authorize_again(const Function<bool(const Credentials&)>& concerned) {
  for (auto& [id, link] : links_) {
    if (link->role() != Role::hub || !link->linked() || !concerned(link->credentials())) continue;
    with(id, *link, [](Link& one) { one.authorize_again(); });
  }
}

void Engine::dismiss(const Error& why, std::chrono::milliseconds spread) {
  const auto moments = static_cast<std::uint64_t>(spread.count()) + 1;
  for (auto& [id, link] : links_) {
    if (link->role() != Role::hub) continue;
    with(id, *link, [&](Link& one) { one.end(why, std::chrono::milliseconds(random_.below(moments))); });
  }
}

void Engine::hurry() {
  if (!uplink_) return;
  with(*uplink_, *links_.at(*uplink_), [](Link& link) { link.hurry(); });
}

void Engine::received(LinkId id, ByteView frame, Now now) {
  const auto at = links_.find(id);
  if (at == links_.end()) return;
  const std::size_t unsettled = at->second->unsettled();
  const bool known = at->second->linked();
  now_ = now.monotonic;
  with(id, *at->second, [&](Link& link) {
    link.on_frame(frame, now);
    if (!known && link.linked()) introduced(link, now);
    if (link.unsettled() > unsettled) commit_soon_ = true;
  });
  reidentify();
}

std::chrono::milliseconds Engine::pause(LinkId id, Now now) const {
  const auto at = links_.find(id);
  return at == links_.end() ? std::chrono::milliseconds(0) : at->second->pause(now);
}

bool Engine::knows_peer(LinkId id) const {
  const auto at = links_.find(id);
  return at != links_.end() && at->second->linked();
}

void Engine::arriving(LinkId id, Now now) {
  const auto at = links_.find(id);
  if (at != links_.end()) with(id, *at->second, [now](Link& link) { link.on_bytes(now); });
}

std::optional<Bytes> Engine::next_frame(LinkId id, Now now) {
  const auto at = links_.find(id);
  if (at == links_.end()) return std::nullopt;
  std::optional<Bytes> frame;
  with(id, *at->second, [&](Link& link) { frame = link.next_frame(now); });
  wakes_.erase(id);  // whoever got one asks again
  if (!frame && store_.writing()) blocked_.insert(id);
  reidentify();
  return frame;
}

std::size_t Engine::frame_bytes_max(LinkId id) const {
  const auto at = links_.find(id);
  const bool known = at != links_.end() && at->second->linked();
  return known ? options_.limits.wire.frame_bytes : options_.limits.hello_frame_bytes;
}

std::optional<Error> Engine::ending(LinkId id) const {
  const auto at = links_.find(id);
  return at == links_.end() ? std::nullopt : at->second->ending();
}

Engine::Ended Engine::closed(LinkId id, const Error& why, Now now) {
  const auto at = links_.find(id);
  if (at == links_.end()) return {};
  const std::unique_ptr<Link> link = std::move(at->second);
  links_.erase(at);
  wakes_.erase(id), blocked_.erase(id);
  due_.remove(id);
  interests_.remove(id);
  if (link->role() == Role::hub && link->linked()) {
    // A batch that failed settles nothing at a link that had ended: what is not on its way is not waited for.
    const bool waits = link->unsettled() > 0 && store_.accepted() > store_.durable();
    sessions_.left(link->peer().replica, id, waits ? store_.accepted() : 0);
  }
  const bool uplink = uplink_ == id;
  if (uplink) uplink_.reset();
  if (!link->linked()) ++metrics_.links_failed;
  Event gone = event(EventKind::unlinked, {});
  gone.error = link->ending().value_or(why);
  gone.peer = link->peer().name;
  if (uplink) last_error_ = gone.error;
  // A stranger never was linked: what the hub tells is that it did not let it in.
  if (!uplink && !link->linked()) {
    gone.kind = EventKind::rejected;
    if (gone.peer.empty()) gone.peer = link->address();
    if (!link->credentials().name.empty()) gone.error.detail += ", as \"" + link->credentials().name + "\"";
  }
  const bool refused = gone.kind == EventKind::rejected && gone.error.is(Errc::unauthorized);
  events_.push_back(std::move(gone));
  return {link->retry_after(), link->served(now), link->dismissed(), refused};
}

std::size_t Engine::links(Role role) const {
  return static_cast<std::size_t>(std::count_if(links_.begin(), links_.end(), [role](const auto& link) {
    return link.second->role() == role && link.second->linked();
  }));
}

const Link* Engine::uplink() const { return uplink_ ? links_.at(*uplink_).get() : nullptr; }

Result<void> Engine::scope_opened(store::ScopeId scope) {
  if (store_.scope(scope).plane == Plane::config)
    if (auto opened = config_.open(scope); !opened) return opened;
  if (uplink_) with(*uplink_, *links_.at(*uplink_), [scope](Link& link) { link.on_scope(scope); });
  return {};
}

void Engine::scope_given_up(store::ScopeId scope) {
  config_.close(scope);
  conflicts_.erase(scope), rejected_.erase(scope);
  if (uplink_) with(*uplink_, *links_.at(*uplink_), [scope](Link& link) { link.on_given_up(scope); });
}

bool Engine::caught_up(store::ScopeId scope) const {
  if (store_.local_only(scope)) return true;
  return uplink() != nullptr && uplink()->caught_up(scope);
}

std::uint64_t Engine::conflicts(store::ScopeId scope) const {
  const auto at = conflicts_.find(scope);
  return at == conflicts_.end() ? 0 : at->second;
}

void Engine::flushed(const store::Flushed& flushed) {
  ++metrics_.group_commits;
  storage_fault_ = flushed.error;
  for (const auto& error : {flushed.error, flushed.log_error}) {
    if (!error) continue;
    ++metrics_.storage_faults;
    Event fault = event(EventKind::storage_fault, {});
    fault.error = *error;
    events_.push_back(std::move(fault));
  }
  for (const auto& [scope, error] : flushed.faults) {
    ++metrics_.storage_faults;
    Event fault = event(EventKind::storage_fault, scope);
    fault.error = error;
    events_.push_back(std::move(fault));
  }
  for (const auto& [scope, path] : flushed.conflicts) {
    ++metrics_.conflicts;
    ++conflicts_[scope];
    Event conflict = event(EventKind::conflict, scope);
    conflict.key = path;
    events_.push_back(std::move(conflict));
  }
  for (store::ScopeId scope : flushed.diverged) {
    ++metrics_.divergences;
    events_.push_back(event(EventKind::diverged, scope));
  }
  for (store::ScopeId scope : flushed.advanced) {
    // A hub learns of scopes from its nodes; config scopes among them begin to be activated here too.
    const bool config = store_.scope(scope).plane == Plane::config;
    if (config && !config_.is_open(scope)) config_.open(scope).ignore();
    if (root())
      store_.note_acked(scope, store_.context(scope), stable_here() ? store_.context(scope) : store_.stable(scope));
  }
  config_.flushed(flushed);
  if (config_.waiting()) commit_soon_ = true;
  tell(flushed);
  sessions_.settled(store_.durable());
  reidentify();
}

/// Only those whom it concerns: a hub with thousands of links commits a hundred times a second.
void Engine::tell(const store::Flushed& flushed) {
  wakes_.merge(std::exchange(blocked_, {}));
  auto concerned = interests_.settle(flushed);
  if (uplink_) concerned[*uplink_].advanced = flushed.advanced;
  for (const auto& [id, settled] : concerned)
    if (const auto at = links_.find(id); at != links_.end())
      with(id, *at->second, [&flushed, &its = settled](Link& link) {  // bindings have no names in a lambda of Clang 14
        link.on_settled(its, flushed.through, flushed.error);
      });
  interests_.forget(flushed.through, [this](LinkId id) {
    const auto at = links_.find(id);
    return at == links_.end() ? no_ticket : at->second->waits_from();
  });
}

void Engine::drain_signals(LinkId id, Link& link) {
  wakes_.insert(id);
  for (const Signal& signal : link.take_signals()) on_signal(id, link, signal);
}

void Engine::on_signal(LinkId id, const Link& link, const Signal& signal) {
  switch (signal.kind) {
    case Signal::Kind::linked: {
      ++metrics_.links;
      Event linked = event(EventKind::linked, {});
      linked.peer = link.peer().name;
      events_.push_back(std::move(linked));
      if (link.role() == Role::node) last_error_ = {};
      return;
    }
    case Signal::Kind::opened:
      interests_.add(id, signal.scope);
      // A relay wants from above whatever a node wants from it.
      if (uplink_) with(*uplink_, *links_.at(*uplink_), [&](Link& above) { above.on_scope(signal.scope); });
      return;
    case Signal::Kind::acked:
      return on_acked(link, signal);
    case Signal::Kind::stable:
      return on_stable(signal.scope, signal.context);
    case Signal::Kind::refused:
    case Signal::Kind::unstored:
      return on_refused(link, signal);
    case Signal::Kind::stored:
      return on_stored(signal.scope);
    case Signal::Kind::told:
      return on_told(link, signal);
    case Signal::Kind::forked:
      return on_forked(link, signal);
    case Signal::Kind::diverged:
      ++metrics_.divergences;
      events_.push_back(event(EventKind::diverged, signal.scope));
      return;
  }
}

void Engine::report_stranger(std::string_view peer, const Error& why) {
  Event refused = event(EventKind::rejected, {});
  refused.peer = std::string(peer);
  refused.error = why;
  events_.push_back(std::move(refused));
}

void Engine::report_unlinked(const Error& why) {
  Event gone = event(EventKind::unlinked, {});
  gone.error = last_error_ = why;
  events_.push_back(std::move(gone));
}

void Engine::report(EventKind kind, store::ScopeId scope, VersionInfo version, Error error) {
  Event reported = event(kind, scope);
  reported.version = std::move(version);
  reported.error = std::move(error);
  if (kind == EventKind::rejected) ++rejected_[scope];
  events_.push_back(std::move(reported));
}

std::vector<Event> Engine::take_events() {
  for (ConfigPlane::Notice& notice : config_.take_notices())
    report(notice.kind, notice.scope, std::move(notice.version), std::move(notice.error));
  return std::exchange(events_, {});
}

void Engine::report_identity(const store::Renamed& renamed, std::string_view peer) {
  ++metrics_.identities;
  Event told = event(EventKind::identity, {});
  told.replica_before = renamed.before;
  told.replica_after = renamed.after;
  told.peer = std::string(peer);
  told.error = {Errc::identity_clash, renamed.reason};
  events_.push_back(std::move(told));
}

Event Engine::event(EventKind kind, store::ScopeId scope) const {
  Event event;
  event.kind = kind;
  if (scope != store::ScopeId{}) {
    const store::Scope described = store_.scope(scope);
    event.plane = described.plane;
    event.scope = described.name;
  }
  return event;
}

}  // namespace edgesync::sync
