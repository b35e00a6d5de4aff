// SPDX-License-Identifier: Apache-2.0
// Config: what should be. Published as whole, numbered, content-addressed versions; a reader sees one version, never a
// mixture. On a node a version is offered, verified, staged, put to the application, and then active or quarantined;
// each step is on disk before it is taken. Handles as in state.hpp. Thread safety: any member from any thread.
#pragma once

#include <edgesync/edit.hpp>
#include <edgesync/event.hpp>
#include <edgesync/options.hpp>
#include <edgesync/uses.hpp>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace edgesync {

namespace node {
class ScopeHandle;
}

class Rollout;

/// A version that wants to become active.
struct Candidate {
  VersionInfo version{};
  std::map<std::string, Value> content{};  ///< Path to value.
};

using ActivationHandler = Function<Verdict(const Candidate&)>;

class EDGESYNC_EXPORT Config {
 public:
  /// From the active version. Fails with: not_found.
  Result<Value> get(std::string_view key) const;
  /// The active version's keys at and below `prefix`.
  Result<std::map<std::string, Value>> scan(std::string_view prefix = {}) const;
  /// Number 0 if nothing was ever active.
  VersionInfo active() const;
  /// What there is to go back to: during a trial the version before, else the newest confirmed one before the active
  /// one; number 0 if there is none.
  VersionInfo last_good() const;

  /// Publishes the newest known version changed by `edit` (set, erase, erase_prefix) as a new version, whole. It
  /// becomes active here as on every other node: through the activation handler. Durable when it returns.
  Result<VersionInfo> publish(const Edit& edit, std::string_view note = {});
  template <class F>
  requires std::is_invocable_v<F, Edit&> Result<VersionInfo> publish(F&& fill, std::string_view note = {}) {
    Edit edit;
    std::forward<F>(fill)(edit);
    return publish(edit, note);
  }
  /// Publishes exactly this content.
  Result<VersionInfo> publish_tree(std::map<std::string, Value> content, std::string_view note = {});

  /// Publishes a version that was made and signed elsewhere (signing.hpp), as it is: this node need not trust it to
  /// carry it, but one that has a root (NodeOptions::config_root) refuses what no node would take. In a scope that
  /// needs signatures this is the only way, and a rollback for everybody is a new version with the old content. Fails
  /// with: invalid_argument, not_signed, untrusted, forbidden (of another scope), outdated (the number is not above the
  /// newest), equivocation.
  Result<VersionInfo> publish_signed(const Bytes& release);
  /// Publishes the root document that follows the present one, in this scope; a node that hears of it in any scope
  /// follows it in all. Fails with: invalid_argument, not_signed, untrusted, outdated.
  Result<void> publish_root(const Bytes& root);

  /// Versions that reach the fleet in waves: rollout.hpp.
  Rollout rollout() const;

  /// Goes back to a kept version at once, without a network and without asking the application. On a hub that is the
  /// root this publishes the old content as a new version for everybody; elsewhere it is local: the version that was
  /// active is not taken again, a higher one is. Fails with: not_found, invalid_argument (never in use), rejected
  /// (quarantined, or revoked by its publisher), not_signed (on the root: only signed ones count in this scope).
  Result<VersionInfo> rollback(std::uint64_t to, std::string_view note = {});
  Result<VersionInfo> rollback(const VersionInfo& to, std::string_view note = {}) { return rollback(to.number, note); }

  /// With NodeOptions::health_window, a version that came into use is on trial: the application says in time that it is
  /// good, or the one before comes back; that also happens when it says what is wrong, and without a network. Nothing
  /// that a hub says or does not say ends a trial. `version`: the number of the one that was looked at, so that none is
  /// meant that has taken its place since; 0: whichever is on trial. Fails with: not_found (none is, or another one).
  Result<void> confirm(std::uint64_t version = 0);
  Result<void> report_unhealthy(std::string_view reason, std::uint64_t version = 0);

  struct Known {
    VersionInfo version{};
    VersionRole role{};
    std::vector<std::string> tags{};
    bool pinned = false;
  };
  /// Versions this node holds, newest first.
  Result<std::vector<Known>> history(std::size_t limit = 20) const;
  Result<std::map<std::string, Value>> content(std::uint64_t version) const;
  Result<std::vector<KeyChange>> diff(std::uint64_t from, std::uint64_t to) const;

  /// Names a version that this node keeps; a tagged or pinned one is never forgotten for want of room. Tags and pins
  /// are this node's own. A name that another version had moves. Fails with: not_found, invalid_argument (no path of
  /// one segment, or above 64 bytes), limit_exceeded (64 versions, 256 tags).
  Result<void> tag(std::uint64_t version, std::string_view name);
  /// Fails with: not_found.
  Result<void> untag(std::string_view name);
  Result<void> pin(std::uint64_t version, bool pinned = true);
  /// The version that has the name. Fails with: not_found.
  Result<VersionInfo> tagged(std::string_view name) const;

  /// Which versions were in use on this node, newest first; the last 128 times are remembered.
  Result<std::vector<Use>> uses(std::size_t limit = 20) const;
  /// What was in use on this node at that time, by its clock then. Fails with: not_found (nothing was, or it is longer
  /// ago than is remembered).
  Result<Use> active_at(Timestamp time) const;

  /// Called each time that another version is in use, after a rollback, too, and perhaps once more for the same one;
  /// on the runtime, as event handlers are.
  Subscription on_active(Function<void(const VersionInfo&)> handler) const;

  /// Who decides about candidates. Without a handler each verified version is taken as healthy. The
  /// handler registered last decides. A version that is waiting is put to the new handler at once.
  Subscription on_activate(ActivationHandler handler);
  /// Puts a version on hold to the handler again.
  Result<void> resume();

  Result<Digest> digest() const;
  const std::string& name() const noexcept;

  explicit Config(std::shared_ptr<node::ScopeHandle> scope) noexcept : scope_(std::move(scope)) {}

 private:
  std::shared_ptr<node::ScopeHandle> scope_;
};

}  // namespace edgesync
