// SPDX-License-Identifier: Apache-2.0
#include <edgesync/config.hpp>

#include "base/path.hpp"
#include "node/publishing.hpp"

#include <algorithm>

namespace edgesync {
namespace {

using Tree = std::map<std::string, Value>;

Error nothing_active(const node::ScopeHandle& scope) {
  return {Errc::not_found, "config: " + scope.name + ": no version is active"};
}

Result<Tree> content_of(const node::ScopeHandle& scope, std::uint64_t number) {
  const auto release = scope.core->engine().config().release(scope.id, number);
  if (!release) return release.error();
  return config::verify(*release);
}

}  // namespace

Result<Value> Config::get(std::string_view key) const {
  auto lock = scope_->lock_idle();
  if (!lock) return std::move(lock).error();
  const auto content = scope_->core->engine().config().active_content(scope_->id);
  if (!content) return nothing_active(*scope_);
  const auto at = content->find(std::string(key));
  if (at == content->end())
    return Error(Errc::not_found, "config: " + scope_->name + ": no \"" + std::string(key) + "\"");
  return at->second;
}

Result<Tree> Config::scan(std::string_view prefix) const {
  auto lock = scope_->lock_idle();
  if (!lock) return std::move(lock).error();
  const auto content = scope_->core->engine().config().active_content(scope_->id);
  if (!content) return nothing_active(*scope_);
  Tree found;
  for (const auto& [key, value] : *content)
    if (below(key, prefix)) found.emplace(key, value);
  return found;
}

VersionInfo Config::active() const {
  auto lock = scope_->lock();
  return lock ? scope_->core->engine().config().active(scope_->id) : VersionInfo{};
}

VersionInfo Config::last_good() const {
  auto lock = scope_->lock_idle();
  return lock ? scope_->core->engine().config().last_good(scope_->id) : VersionInfo{};
}

Result<VersionInfo> Config::publish(const Edit& edit, std::string_view note) {
  auto lock = scope_->lock_idle();
  if (!lock) return std::move(lock).error();
  const auto tree = node::edited(*scope_, edit);
  if (!tree) return tree.error();
  return node::publish(*scope_, *lock, *tree, [&](sync::ConfigPlane& plane) {
    return plane.publish(scope_->id, *tree, note, scope_->core->time());
  });
}

Result<VersionInfo> Config::publish_tree(Tree content, std::string_view note) {
  auto lock = scope_->lock_idle();
  if (!lock) return std::move(lock).error();
  return node::publish(*scope_, *lock, content, [&](sync::ConfigPlane& plane) {
    return plane.publish(scope_->id, content, note, scope_->core->time());
  });
}

Result<VersionInfo> Config::publish_signed(const Bytes& document) {
  const auto release = node::opened(*scope_, document);
  if (!release) return release.error();
  auto lock = scope_->lock_idle();
  if (!lock) return std::move(lock).error();
  return node::publish(*scope_, *lock, release->content, [&](sync::ConfigPlane& plane) {
    return plane.publish(scope_->id, release->release, scope_->core->time());
  });
}

Result<void> Config::publish_root(const Bytes& document) {
  const auto root = config::Root::decode(document);
  if (!root) return Error(Errc::invalid_argument, "config: " + scope_->name + ": " + root.error().detail);
  auto lock = scope_->lock_idle();
  if (!lock) return std::move(lock).error();
  return node::settled(*scope_, *lock, node::write(*scope_, *lock, [&](sync::ConfigPlane& plane) {
    return plane.publish(scope_->id, *root, scope_->core->time());
  }));
}

Result<VersionInfo> Config::rollback(std::uint64_t to, std::string_view note) {
  auto lock = scope_->lock_idle();
  if (!lock) return std::move(lock).error();
  node::Core& core = *scope_->core;
  if (core.engine().root()) {
    auto content = content_of(*scope_, to);
    if (!content) return std::move(content).error();
    const std::string said = note.empty() ? "rollback to " + std::to_string(to) : std::string(note);
    return node::publish(*scope_, *lock, *content, [&](sync::ConfigPlane& plane) {
      return plane.publish(scope_->id, *content, said, core.time());
    });
  }
  auto rolled = core.engine().config().rollback(scope_->id, to, note);
  if (!rolled) return std::move(rolled).error();
  if (auto settled = core.settle(*lock, rolled->first); !settled) return std::move(settled).error();
  return rolled->second;
}

Result<void> Config::confirm(std::uint64_t version) {
  auto lock = scope_->lock_idle();
  if (!lock) return std::move(lock).error();
  const auto confirmed = scope_->core->engine().config().confirm(scope_->id, version);
  return confirmed ? scope_->core->settle(*lock, *confirmed) : confirmed.error();
}

Result<void> Config::report_unhealthy(std::string_view reason, std::uint64_t version) {
  auto lock = scope_->lock_idle();
  if (!lock) return std::move(lock).error();
  const auto failed = scope_->core->engine().config().fail(scope_->id, version, reason);
  return failed ? scope_->core->settle(*lock, *failed) : failed.error();
}

Result<std::vector<Config::Known>> Config::history(std::size_t limit) const {
  auto lock = scope_->lock_idle();
  if (!lock) return std::move(lock).error();
  const auto rows = scope_->core->store().versions(scope_->id);
  if (!rows) return rows.error();
  std::vector<Known> known;
  for (const store::VersionRow& row : *rows) {
    if (known.size() == limit) break;
    const VersionInfo version = row.manifest.info();
    const auto mark = scope_->core->engine().config().marks(scope_->id).of({version.number, version.id});
    known.push_back({version, row.role, {mark.tags.begin(), mark.tags.end()}, mark.pinned});
  }
  return known;
}

Result<Tree> Config::content(std::uint64_t version) const {
  auto lock = scope_->lock_idle();
  if (!lock) return std::move(lock).error();
  return content_of(*scope_, version);
}

Result<std::vector<KeyChange>> Config::diff(std::uint64_t from, std::uint64_t to) const {
  auto lock = scope_->lock_idle();
  if (!lock) return std::move(lock).error();
  const auto before = content_of(*scope_, from);
  if (!before) return before.error();
  const auto after = content_of(*scope_, to);
  if (!after) return after.error();
  return config::diff(*before, *after);
}

Result<void> Config::tag(std::uint64_t version, std::string_view name) {
  auto lock = scope_->lock_idle();
  if (!lock) return std::move(lock).error();
  const auto tagged = scope_->core->engine().config().tag(scope_->id, version, name);
  return tagged ? scope_->core->settle(*lock, *tagged) : tagged.error();
}

Result<void> Config::untag(std::string_view name) {
  auto lock = scope_->lock_idle();
  if (!lock) return std::move(lock).error();
  const auto untagged = scope_->core->engine().config().untag(scope_->id, name);
  return untagged ? scope_->core->settle(*lock, *untagged) : untagged.error();
}

Result<void> Config::pin(std::uint64_t version, bool pinned) {
  auto lock = scope_->lock_idle();
  if (!lock) return std::move(lock).error();
  const auto done = scope_->core->engine().config().pin(scope_->id, version, pinned);
  return done ? scope_->core->settle(*lock, *done) : done.error();
}

Result<VersionInfo> Config::tagged(std::string_view name) const {
  auto lock = scope_->lock_idle();
  if (!lock) return std::move(lock).error();
  const auto version = scope_->core->engine().config().marks(scope_->id).tagged(name);
  if (!version) return Error(Errc::not_found, "config: " + scope_->name + ": no tag \"" + std::string(name) + "\"");
  return scope_->core->engine().config().kept(scope_->id, version->first);
}

Result<std::vector<Use>> Config::uses(std::size_t limit) const {
  auto lock = scope_->lock_idle();
  if (!lock) return std::move(lock).error();
  const std::vector<Use>& all = scope_->core->engine().config().uses(scope_->id).all();
  const auto last = all.rbegin() + static_cast<std::ptrdiff_t>(std::min(limit, all.size()));
  return std::vector<Use>(all.rbegin(), last);
}

Result<Use> Config::active_at(Timestamp time) const {
  auto lock = scope_->lock_idle();
  if (!lock) return std::move(lock).error();
  auto use = scope_->core->engine().config().uses(scope_->id).at(time);
  if (!use) return Error(use.error().code, "config: " + scope_->name + ": " + use.error().detail);
  return use;
}

Subscription Config::on_active(Function<void(const VersionInfo&)> handler) const {
  return scope_->core->handlers().on_active(scope_->name, std::move(handler));
}

Subscription Config::on_activate(ActivationHandler handler) {
  auto subscription = scope_->core->handlers().on_activate(scope_->name, std::move(handler));
  if (auto lock = scope_->lock_idle()) {
    scope_->core->ask_again(*lock, scope_->id).ignore();
  }
  return subscription;
}

Result<void> Config::resume() {
  auto lock = scope_->lock_idle();
  if (!lock) return std::move(lock).error();
  return scope_->core->ask_again(*lock, scope_->id);
}

Result<Digest> Config::digest() const { return scope_->digest(); }
const std::string& Config::name() const noexcept { return scope_->name; }

}  // namespace edgesync
