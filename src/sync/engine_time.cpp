// SPDX-License-Identifier: Apache-2.0
// Engine: clocks and watchdogs. Timers run by the monotonic clock alone.
#include "crdt/hlc.hpp"
#include "sync/engine.hpp"

#include <algorithm>

namespace edgesync::sync {

void Engine::introduced(const Link& link, Now now) {
  if (link.role() == Role::node) {
    const ReplicaId before = std::exchange(hub_, link.peer().replica);
    if (before != ReplicaId{} && before != hub_) store_.another_hub();
  }
  const Timestamp theirs = link.peer().now;
  if (theirs == Timestamp{}) return;  // it does not know
  if (link.role() == Role::node) {
    clock_.told(theirs, link.introduced_at(), now);
    store_.hub_time(theirs, link.introduced_at());
    look_at_clock(now);
    if (stamps_ahead(now)) begin_right(link);
    return;
  }
  const Timekeeper::milliseconds ahead = between(clock_.time(now), theirs);
  if (!clock_.known(now) || std::chrono::abs(ahead) <= options_.limits.clock_off) return;
  tell_clock(link.peer().name, "its clock is " + to_text(std::chrono::abs(ahead)) +
                                   (ahead > Timekeeper::milliseconds(0) ? " ahead of" : " behind") + " this hub's");
}

/// A clock was far ahead once. The stamps of one replica only grow: as another one it begins at the right time. What it
/// wrote under the id before keeps its stamps, and wins what it conflicts with until that is written again.
void Engine::begin_right(const Link& link) {
  const std::string why = "this node's stamps are ahead of the hub's time: a clock was, once";
  tell_clock({}, why);
  if (fork_ || forks_ == options_.limits.forks) return;
  ++forks_;
  fork_ = Fork{{}, why + " (said by " + link.peer().name + ")"};
}

void Engine::tell_clock(const std::string& peer, std::string what) {
  Event told = event(EventKind::clock, {});
  told.peer = peer;
  told.error = {Errc::clock, std::move(what)};
  events_.push_back(std::move(told));
}

void Engine::look_at_clock(Now now) {
  store_.look_at_age(now.monotonic);
  clock_.look(now);
  for (Error& report : clock_.take_reports()) {
    Event told = event(EventKind::clock, {});
    told.error = std::move(report);
    events_.push_back(std::move(told));
  }
}

bool Engine::stamps_ahead(Now now) const {
  if (!clock_.offset()) return false;
  const Timestamp bound = clock_.time(now) + options_.limits.stamps_ahead;
  const auto ahead = [&](const store::Scope& scope) {
    return scope.plane != Plane::stream && crdt::Hlc::wall(store_.context(scope.id)[store_.replica()]) > bound;
  };
  const auto scopes = store_.scopes();
  return std::any_of(scopes.begin(), scopes.end(), ahead);
}

void Engine::tick(Now now) {
  if (clock_.deadline() <= now.monotonic) look_at_clock(now);
  if (!disk_told_ && disk_due() <= now.monotonic) {
    disk_told_ = true;
    watchdog({Errc::timed_out, "the disk: a group commit is not done after " + to_text(options_.limits.disk_write)});
  }
  for (const LinkId id : due_.due(now.monotonic)) {
    const auto at = links_.find(id);
    if (at == links_.end()) continue;
    const bool ended = at->second->ending().has_value();
    with(id, *at->second, [now](Link& link) { link.on_timer(now); });
    if (!ended && at->second->ending()) watchdog(*at->second->ending());
  }
  config_.tick(clock_.time(now), now.monotonic);
  if (config_.waiting()) commit_soon_ = true;
  reidentify();
}

Instant Engine::deadline() const {
  return std::min({clock_.deadline(), config_.deadline(), disk_told_ ? never : disk_due(), due_.first()});
}

Instant Engine::disk_due() const noexcept {
  return writing_since_ ? *writing_since_ + options_.limits.disk_write : never;
}

void Engine::write_ends(Now now) {
  quotas_.passes(now.monotonic);
  const Instant due = disk_due();
  const Instant began = std::exchange(writing_since_, std::nullopt).value_or(now.monotonic);
  if (!std::exchange(disk_told_, false) && due <= now.monotonic)
    watchdog(
        {Errc::timed_out, "the disk: a group commit took " +
                              to_text(std::chrono::duration_cast<std::chrono::milliseconds>(now.monotonic - began))});
}

void Engine::watchdog(const Error& why) {
  ++metrics_.watchdogs;
  Event expired = event(EventKind::watchdog, {});
  expired.error = why;
  events_.push_back(std::move(expired));
}

}  // namespace edgesync::sync
