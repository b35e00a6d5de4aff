// SPDX-License-Identifier: Apache-2.0
#include <edgesync/node.hpp>

#include "node/core.hpp"
#include "store/salvage.hpp"

#include <utility>

namespace edgesync {
Node::Node(std::shared_ptr<node::Core> core) noexcept : core_(std::move(core)) {}
Node::Node(Node&&) noexcept = default;

Node& Node::operator=(Node&& other) noexcept {
  if (this == &other) return *this;
  node::Core::let_go(core_);
  core_ = std::move(other.core_);
  return *this;
}

Node::~Node() { node::Core::let_go(core_); }

Result<Node> Node::open(NodeOptions options) {
  auto core = node::Core::open(std::move(options), node::Core::Kind::node, {});
  if (!core) return std::move(core).error();
  return Node(*std::move(core));
}

State Node::state(std::string_view scope, StateOptions options) {
  auto handle = std::make_shared<node::ScopeHandle>(core_, Plane::state, scope);
  if (options.history > 0 || options.progressive)
    if (auto lock = handle->lock()) {
      if (options.history > 0) core_->store().keep_history(handle->id, options.history);
      if (options.progressive) core_->store().preview(handle->id);
    }
  return State(std::move(handle));
}

Config Node::config(std::string_view scope) {
  return Config(std::make_shared<node::ScopeHandle>(core_, Plane::config, scope));
}

Stream Node::stream(std::string_view scope, StreamOptions options) {
  return Stream(std::make_shared<node::ScopeHandle>(core_, Plane::stream, scope, &options));
}

Result<void> Node::unsubscribe(Plane plane, std::string_view scope, Unsent unsent) {
  return core_->unsubscribe(plane, scope, unsent == Unsent::discard);
}
Result<void> Node::link(LinkOptions options) { return core_->link(std::move(options)); }
void Node::unlink() { core_->unlink(); }
Result<void> Node::flush(std::chrono::milliseconds deadline) { return core_->flush(deadline); }
void Node::flush(Function<void(Result<void>)> done, std::stop_token stop) {
  core_->flush(std::move(done), std::move(stop));
}
Status Node::status() const { return core_->status(); }
Metrics Node::metrics() const { return core_->metrics(); }
Subscription Node::on_event(EventHandler handler) { return core_->on_event(std::move(handler)); }

Result<void> Node::backup(const std::string& path) const { return core_->backup(path); }

Result<std::vector<std::string>> Node::verify() const {
  auto lock = core_->lock_idle();
  if (!lock) return std::move(lock).error();
  return core_->store().verify();
}

Result<std::vector<std::string>> Node::repair() {
  auto lock = core_->lock_idle();
  if (!lock) return std::move(lock).error();
  if (auto found = core_->store().verify(); !found || found->empty()) return found;
  if (auto settled = core_->settle(*lock, core_->store().accepted()); !settled) return std::move(settled).error();
  return core_->store().verify();
}

Result<std::vector<Quarantined>> Node::quarantine(std::uint64_t after, std::size_t limit) const {
  auto lock = core_->lock_idle();
  if (!lock) return std::move(lock).error();
  return core_->store().quarantine(after, limit);
}

Result<QuarantineCounts> Node::quarantined() const {
  auto lock = core_->lock_idle();
  if (!lock) return std::move(lock).error();
  return core_->store().quarantined();
}

Result<std::vector<Replayed>> Node::replay(const std::vector<std::uint64_t>& ids) { return core_->replay(ids); }
Result<std::size_t> Node::drop(const std::vector<std::uint64_t>& ids) { return core_->drop(ids); }

Result<std::string> salvage(const std::string& database) {
  const auto random = transport::system_random();
  auto salvaged = store::salvage(database, *random);
  if (!salvaged) return std::move(salvaged).error();
  return std::move(salvaged->report);
}

ReplicaId Node::id() const { return core_->id(); }
const std::string& Node::name() const noexcept { return core_->name(); }
void Node::close() noexcept {
  if (core_) core_->close();
}

}  // namespace edgesync
