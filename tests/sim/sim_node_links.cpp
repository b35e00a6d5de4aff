// SPDX-License-Identifier: Apache-2.0
// SimNode: links, timers, and what the engine has for others.
#include "sim/sim_node.hpp"

#include <algorithm>

namespace edgesync::sim {
namespace {

/// Keys are not what is tried here, but what becomes of records that have a signature on some ways and none on others.
class AnySignature final : public config::Verifier {
 public:
  bool verify(const config::PublicKey&, ByteView, const config::SignatureBytes&) const override { return true; }
};

/// Of RFC 8032, section 7.1: what is no key is refused before it is asked for.
constexpr std::string_view key_id = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

sync::Introduction introduction(bool dialled, bool signs) {
  sync::Introduction own{dialled ? "good" : "", "simulated"};
  if (signs && !dialled) own.binding = Bytes(32, std::byte{1});
  if (signs && dialled) {
    own.key = from_hex(key_id).value();
    own.proof = Bytes(sizeof(config::SignatureBytes), std::byte{2});
    own.sign = [](ByteView) { return std::optional(config::SignatureBytes{}); };
  }
  return own;
}

}  // namespace

const config::Verifier& any_signature() {
  static const AnySignature verifier;
  return verifier;
}

void SimNode::stir() {
  if (!up() || died()) return;
  know_self();
  if (!store_->writing()) {
    run_waiting();
    decide();
  }
  take_events();
  pump();
  if (died()) return;
  know_self();
  // Reading for a peer may have opened the file again, and sent what was doubtful.
  if (around_.truth.in_doubt(replica_)) readable();
  flush_if_due();
  arm();
}

void SimNode::dial() {
  retry_ = never;
  around_.network.dial(number_, uplink_);
}

void SimNode::roam(NodeNumber to) {
  const auto link = up() ? engine_->uplink_id() : std::nullopt;
  const auto at = link ? connections_.find(*link) : connections_.end();
  if (at == connections_.end() || uplink_ == to) return;
  around_.trace.note(around_.timeline.now(), "roam", number_, static_cast<std::uint64_t>(to));
  around_.saw(Sight::roamed);
  const ConnectionId connection = at->second;
  around_.network.close(connection, number_);
  link_ended(connection, {Errc::closed, "goes to another hub"});
  take_events();  // these are of the hub that it was at
  uplink_ = to;
  retry_ = around_.timeline.now();
  stir();
}

void SimNode::connected(ConnectionId id, bool dialled) {
  const auto role = dialled ? sync::Role::node : sync::Role::hub;
  sync::LinkTuning tuning;
  if (dialled) tuning.pacing = around_.plan.work.pacing;
  const sync::LinkId link = engine_->open_link(role, introduction(dialled, around_.plan.work.signs), now(), tuning);
  links_[id] = link;
  connections_[link] = id;
  stir();
}

void SimNode::connect_failed(const Error&) {
  if (!up()) return;
  const Span pause = backoff_.next(random_, {});
  check_pause(pause);
  retry_ = around_.timeline.now() + pause;
  stir();
}

void SimNode::check_pause(Span pause) {
  // A fleet whose pauses are the bounds themselves comes back in waves. By chance one pause in a hundred is a bound.
  bool bound = pause == backoff_max;
  for (Span at = backoff_min; at < backoff_max; at *= 2) bound |= pause == at;
  bounds_ = bound ? bounds_ + 1 : 0;
  if (bounds_ >= 5) around_.violate("N7: " + blame("backoff") + "pauses without jitter");
}

void SimNode::arriving(ConnectionId id) {
  if (const auto at = links_.find(id); up() && at != links_.end()) engine_->arriving(at->second, now());
}

void SimNode::arrived(ConnectionId id, const Bytes& frame) {
  const auto at = links_.find(id);
  if (!up() || at == links_.end()) return;
  around_.trace.note(around_.timeline.now(), "receive", number_, frame.size(), at->second);
  engine_->received(at->second, frame, now());
  stir();
}

void SimNode::writable(ConnectionId) { stir(); }

void SimNode::disconnected(ConnectionId id, const Error& why) {
  if (!up() || !links_.contains(id)) return;
  link_ended(id, why);
  stir();
}

void SimNode::link_ended(ConnectionId id, const Error& why) {
  const sync::LinkId link = links_.at(id);
  const bool uplink = engine_->uplink_id() == link;
  const auto ended = engine_->closed(link, why, now());
  links_.erase(id);
  connections_.erase(link);
  if (!uplink) return;
  if (ended.served) backoff_.succeeded();
  const Span pause = backoff_.next(random_, ended.retry_after);
  if (ended.retry_after == Span{}) check_pause(pause);
  retry_ = around_.timeline.now() + pause;
}

void SimNode::pump() {
  awake_.merge(engine_->take_wakes());
  const auto awake = awake_;
  for (const sync::LinkId link : awake) {
    const auto at = connections_.find(link);
    if (at == connections_.end() || !pump(link, at->second)) awake_.erase(link);
  }
}

/// True while the link may have more than the network takes now.
bool SimNode::pump(sync::LinkId link, ConnectionId connection) {
  while (around_.network.can_send(connection, number_)) {
    auto frame = engine_->next_frame(link, now());
    if (disk_.dead()) return false;
    if (frame) {
      around_.network.send(connection, number_, *std::move(frame));
      continue;
    }
    if (const auto why = engine_->ending(link)) {
      around_.network.close(connection, number_);
      link_ended(connection, *why);
    }
    return false;
  }
  return true;
}

void SimNode::decide() {
  for (const sync::ConfigPlane::Action& action : engine_->config().take_actions()) {
    const VersionInfo version = action.release.manifest.info();
    around_.trace.note(around_.timeline.now(), "version", number_, version.number,
                       static_cast<std::uint64_t>(action.kind));
    const auto content = config::verify(action.release);
    const bool put = action.kind == config::Action::Kind::ask || action.kind == config::Action::Kind::activate;
    if (put && !content)
      around_.violate("O13: a version was put to the application that does not verify: " + content.error().detail);
    if (content) check_content(action);
    if (action.kind == config::Action::Kind::rolled_back) left_ = std::max(left_, version.number);
    if (action.kind != config::Action::Kind::ask || !content) continue;
    const Verdict verdict = around_.decide(number_, *content);
    engine_->config().verdict(action.scope, version, verdict, "simulated").ignore();
    engine_->commit_soon();
  }
}

void SimNode::check_content(const sync::ConfigPlane::Action& action) {
  if (action.kind != config::Action::Kind::activate) return;
  const auto content = config::verify(action.release);
  const auto shown = engine_->config().active_content(action.scope);
  if (shown && engine_->config().active(action.scope).id == action.release.manifest.info().id && *shown != *content)
    around_.violate("O11: " + blame("config") + "the active version's content is not what its id names");
}

void SimNode::take_events() {
  for (const Event& event : engine_->take_events()) on_event(event);
}

void SimNode::on_event(const Event& event) {
  around_.trace.note(around_.timeline.now(), "event", number_, static_cast<std::uint64_t>(event.kind),
                     event.commit.stamp);
  switch (event.kind) {
    case EventKind::ack:
      return around_.acked(number_, event.scope, event.commit.stamp);
    case EventKind::stable:
      return around_.stable(number_, event.scope, event.commit.stamp);
    case EventKind::diverged:
      return around_.violate("O1: node " + std::to_string(number_) + ": " + event.scope + " diverged from a peer's");
    case EventKind::unlinked:
      // Honest peers never break the protocol, and no limit is so small that honest traffic passes it.
      if (event.error.is(Errc::protocol_violation) || event.error.is(Errc::limit_exceeded))
        around_.violate("O15: node " + std::to_string(number_) + ": a link ended: " + event.error.detail);
      return;
    case EventKind::rejected:
      if (event.scope.empty()) return;                 // somebody who went away before the hello
      if (event.error.is(Errc::storage_full)) return;  // what is large waits for room
      around_.violate("O16: node " + std::to_string(number_) + ": " + event.scope + ": refused: " + event.error.detail);
      return;
    default:
      return;
  }
}

void SimNode::arm() {
  const Instant due = std::min({engine_->deadline(), commit_due_, retry_});
  if (due == never || due == armed_) return;
  armed_ = due;
  around_.timeline.at(due, [this, life = life_, due] {
    if (life == life_ && armed_ == due) on_timer();
  });
}

void SimNode::on_timer() {
  armed_ = never;
  const Instant present = around_.timeline.now();
  engine_->tick(now());
  if (retry_ <= present) dial();
  if (commit_due_ <= present) {
    commit_due_ = never;
    if (!store_->writing() && store_->accepted() > store_->durable()) begin_flush();
  }
  stir();
}

}  // namespace edgesync::sim
