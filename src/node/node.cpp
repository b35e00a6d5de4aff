// SPDX-License-Identifier: Apache-2.0
#include <edgesync/node.hpp>

#include "node/core.hpp"

#include <utility>

namespace edgesync {
namespace {

/// Closes the node and waits for the runtime's thread, if it was this node's alone: a handler that is just returning
/// must not be the last to hold the core, or the thread would outlive the node, and perhaps main().
void let_go(std::shared_ptr<node::Core> core) noexcept {
  if (!core) return;
  core->close();
  const auto runtime = core->runtime();
  core.reset();
  transport::host(*runtime).settle();
}

}  // namespace

Node::Node(std::shared_ptr<node::Core> core) noexcept : core_(std::move(core)) {}
Node::Node(Node&&) noexcept = default;

Node& Node::operator=(Node&& other) noexcept {
  if (this == &other) return *this;
  let_go(std::exchange(core_, std::move(other.core_)));
  return *this;
}

Node::~Node() { let_go(std::move(core_)); }

Result<Node> Node::open(NodeOptions options) {
  auto core = node::Core::open(std::move(options), false, {});
  if (!core) return std::move(core).error();
  return Node(*std::move(core));
}

State Node::state(std::string_view scope, StateOptions options) {
  auto handle = std::make_shared<node::ScopeHandle>(core_, Plane::state, scope);
  if (options.history > 0)
    if (auto lock = handle->lock()) core_->store().keep_history(handle->id, options.history);
  return State(std::move(handle));
}

Config Node::config(std::string_view scope) {
  return Config(std::make_shared<node::ScopeHandle>(core_, Plane::config, scope));
}

Stream Node::stream(std::string_view scope, StreamOptions options) {
  auto handle = std::make_shared<node::ScopeHandle>(core_, Plane::stream, scope);
  if (options.columns.empty()) return Stream(std::move(handle));
  if (auto lock = handle->lock()) {
    auto defined = core_->store().define_stream(handle->id, {std::move(options.columns)}, options.local_only);
    if (!defined) handle->bad = std::move(defined).error();
  }
  return Stream(std::move(handle));
}

Result<void> Node::link(LinkOptions options) { return core_->link(std::move(options)); }
void Node::unlink() { core_->unlink(); }
Result<void> Node::flush(std::chrono::milliseconds deadline) { return core_->flush(deadline); }
void Node::flush(Function<void(Result<void>)> done, std::stop_token stop) {
  core_->flush(std::move(done), std::move(stop));
}
Status Node::status() const { return core_->status(); }
Metrics Node::metrics() const { return core_->metrics(); }
Subscription Node::on_event(EventHandler handler) { return core_->handlers().on_event(std::move(handler)); }

Result<std::vector<std::string>> Node::verify() const {
  auto lock = core_->lock_idle();
  if (!lock) return std::move(lock).error();
  return core_->store().verify();
}

ReplicaId Node::id() const { return core_->id(); }
const std::string& Node::name() const noexcept { return core_->name(); }
void Node::close() noexcept { core_->close(); }

}  // namespace edgesync
