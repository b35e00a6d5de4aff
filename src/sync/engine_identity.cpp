// SPDX-License-Identifier: Apache-2.0
// Engine: identities. What follows when our own replica id turns out to be in use twice, when a node comes twice, and
// when a hub no longer has what it had.
#include "sync/engine.hpp"

#include <algorithm>

namespace edgesync::sync {

void Engine::on_forked(const Link& link, const Signal& signal) {
  if (fork_) return;
  if (forks_ == options_.limits.forks) return;  // the link has ended; whoever claims so much is not believed
  ++forks_;
  const std::string& peer = link.peer().name;
  fork_ = Fork{signal.self, signal.error.detail + (peer.empty() ? "" : " (said by " + peer + ")")};
}

void Engine::reidentify() {
  if (!fork_ || store_.writing()) return;
  if (store_.accepted() != store_.durable()) {
    commit_soon_ = true;
    return;
  }
  auto renamed = store_.reidentify(random_.id(), fork_->self, fork_->reason, root());
  if (!renamed) {
    last_error_ = renamed.error();  // the next frame or group commit tries again
    return;
  }
  fork_.reset();
  this->renamed(*renamed);
}

void Engine::renamed(const store::Renamed& renamed) {
  report_identity(renamed);
  // All peers know us by the id before.
  for (auto& [id, link] : links_) {
    with(id, *link, [this](Link& one) {
      one.end({Errc::identity_clash, "this side goes by a new replica id"}, options_.limits.settle_retry);
    });
  }
}

Result<void> Engine::take_new_id(std::string reason) {
  auto taken = store_.reidentify(random_.id(), {}, std::move(reason), false);
  if (!taken) return std::move(taken).error();
  renamed(*taken);
  return {};
}

Result<void> Engine::enter(LinkId id, const Credentials& who) {
  const auto older = sessions_.of(who.replica);
  const auto at = older ? links_.find(*older) : links_.end();
  bool settled = !sessions_.unsettled(who.replica);
  if (at != links_.end()) {
    const Credentials& held = at->second->credentials();
    // Replica ids are no secret: whoever proved who it is gives its session up to nobody who has not, and to nobody who
    // goes by another name.
    const auto proved = [](const Credentials& one) { return !one.key.empty() || !one.certificate.empty(); };
    if (proved(held) && (!proved(who) || held.name != who.name)) {
      report_identity({who.replica, who.replica,
                       "\"" + who.name + "\" comes under the replica id of \"" + held.name +
                           "\", which is linked, and was turned away"},
                      who.name);
      return Error(Errc::identity_clash, "replica " + to_string(who.replica) + " is another device's");
    }
    settled = settled && at->second->unsettled() == 0;
    with(*older, *at->second, [](Link& link) {
      link.end({Errc::identity_clash, "another session of this node has taken its place"});
    });
  }
  if (!settled) return Error(Errc::identity_clash, "the data of an earlier session are being stored");
  if (sessions_.enter(who.replica, id, now_, options_.limits.flips, options_.limits.flip_window))
    report_identity(
        {who.replica, who.replica, "sessions of this node keep taking each other's place: is it there twice?"},
        who.name);
  return {};
}

void Engine::on_told(const Link& link, const Signal& signal) {
  on_admitted(link, signal.scope);
  const crdt::Context before = store_.acked(signal.scope);
  const auto trimmed = store_.floors(signal.scope);
  const bool stream = store_.scope(signal.scope).plane == Plane::stream;
  // What the root holds a relay need not: the node may have been linked to the root, or to another relay.
  crdt::Context stable = store_.stable(signal.scope), held = signal.context;
  if (link.peer().root)
    stable = crdt::meet(stable, held);
  else
    held.join(stable);
  bool lost = false;
  for (const crdt::Context::Item& item : before.items()) {
    const std::uint64_t has = held[item.replica];
    if (has >= item.stamp) continue;
    lost = true;
    if (stream && trimmed[item.replica] > has) metrics_.records_missing += trimmed[item.replica] - has;
  }
  if (lost && std::exchange(lost_told_, *uplink_) != *uplink_)
    report_identity({link.peer().replica, link.peer().replica,
                     "the hub holds less than was acknowledged: it is another one, or was restored from an older copy"},
                    link.peer().name);
  store_.note_acked(signal.scope, crdt::meet(before, held), stable);
  on_acked(link, signal);
}

}  // namespace edgesync::sync
