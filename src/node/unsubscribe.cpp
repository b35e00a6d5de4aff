// SPDX-License-Identifier: Apache-2.0
// Core: scopes that are given up, and writing to them after they were taken up again.
#include "node/core.hpp"

namespace edgesync::node {

Result<void> Core::unsubscribe(Plane plane, std::string_view name, bool discard) {
  auto lock = lock_idle();
  if (!lock) return std::move(lock).error();
  const std::string what = "unsubscribe: " + std::string(edgesync::name(plane)) + " scope " + std::string(name);
  if (kind_ != Kind::node) return Error(Errc::unsupported, what + ": a hub keeps what its nodes may ask for");
  const auto scope = store_->find_scope(plane, name);
  if (!scope) return Error(Errc::not_found, what);
  if (auto settled = settle(*lock, store_->accepted()); !settled) return settled;
  settled_.wait(*lock, [&] { return closed_ || !store_->writing(); });
  if (closed_) return Error(Errc::closed, "the node was closed");
  if (!discard) {
    if (store_->local_only(*scope) && store_->summary(*scope).count > 0)
      return Error(Errc::unsent, what + ": its records are nowhere else");
    const auto pending = store_->pending(*scope);
    if (!pending) return pending.error();
    if (pending->count > 0)
      return Error(Errc::unsent, what + ": " + std::to_string(pending->count) + " changes are not at the hub");
  }
  engine_->scope_given_up(*scope);
  const store::Ticket ticket = store_->give_up(*scope);
  stir(*lock);
  return settle(*lock, ticket);
}

Result<void> Core::become_author(Lock& lock, store::ScopeId scope) {
  while (store_->former_own(scope) != 0) {
    if (auto settled = settle(lock, store_->accepted()); !settled) return settled;
    settled_.wait(lock, [&] { return closed_ || !store_->writing(); });
    if (closed_) return Error(Errc::closed, "the node was closed");
    if (store_->accepted() != store_->durable()) continue;
    const std::string reason = store_->scope(scope).name + " is written again before its earlier content has come back";
    if (auto renamed = engine_->take_new_id(reason); !renamed) return renamed;
    stir(lock);
  }
  return {};
}

}  // namespace edgesync::node
