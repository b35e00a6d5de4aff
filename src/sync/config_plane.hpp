// SPDX-License-Identifier: Apache-2.0
// ConfigPlane: the config scopes of one node. A published version travels as one register, whole (manifest and
// content), so versions cannot mix and five hundred of them published while a node was away cost it one. Here the
// register's entries meet the activation machine: every step is put to the store first, and its action is taken only
// when the store says that the step is durable.
#pragma once

#include "base/clock.hpp"
#include "config/activation.hpp"
#include "config/content.hpp"
#include "store/store.hpp"

#include <deque>
#include <map>
#include <memory>
#include <set>

namespace edgesync::sync {

class ConfigPlane {
 public:
  using ContentPtr = std::shared_ptr<const config::Content>;

  /// Something for the application: put a version to it (ask), or tell it (activate, rolled_back).
  struct Action {
    store::ScopeId scope{};
    config::Action::Kind kind{};
    config::Release release{};
    std::string reason{};
  };

  /// `versions_kept` bounds the releases kept per scope. The store outlives the plane.
  ConfigPlane(store::Store& store, std::uint32_t versions_kept) noexcept : store_(store), kept_(versions_kept) {}

  /// Takes up the scope where its journal left it. Requires: !store.writing().
  Result<void> open(store::ScopeId scope);
  /// Forgets the scope, and what waits for it.
  void close(store::ScopeId scope);
  bool is_open(store::ScopeId scope) const { return scopes_.contains(scope); }

  /// The highest version known, published or received; its content is what an edit starts from.
  Result<config::Release> newest(store::ScopeId scope);
  /// Puts a new version into the register. It goes through activation here as everywhere.
  /// Fails with: invalid_argument, limit_exceeded.
  Result<std::pair<store::Ticket, VersionInfo>> publish(store::ScopeId scope, const config::Content& content,
                                                        std::string_view note, Timestamp now);
  /// Local: makes a kept version active. Fails with: not_found, invalid_argument, rejected.
  Result<std::pair<store::Ticket, VersionInfo>> rollback(store::ScopeId scope, std::uint64_t number,
                                                         std::string_view reason);
  /// The application's answer to an ask.
  Result<void> verdict(store::ScopeId scope, const VersionInfo& version, Verdict answer, std::string_view reason);
  /// Asks again for a version on hold, and for one that nobody answered.
  Result<void> ask_again(store::ScopeId scope);

  /// To be called after each Store::finish(), with its answer.
  void flushed(const store::Flushed& flushed);
  /// True while steps wait to become durable.
  bool waiting() const noexcept { return !waiting_.empty(); }
  std::vector<Action> take_actions() { return std::exchange(ready_, {}); }

  /// Nothing if no version is active.
  ContentPtr active_content(store::ScopeId scope);
  VersionInfo active(store::ScopeId scope) const;
  VersionInfo last_good(store::ScopeId scope) const;

 private:
  struct Scope {
    config::Activation activation;
    std::map<store::VersionKey, config::Release> fresh{};  ///< Releases not yet in the store's table.
    ContentPtr content{};
    VersionInfo active{};
  };
  struct Waiting {
    store::Ticket ticket = 0;
    store::ScopeId scope{};
    config::Outcome outcome{};
  };

  void begin_again();
  void take_durable();
  /// Fails with: storage_io while the scope's journal cannot be read.
  Result<Scope*> usable(store::ScopeId id);
  void journal(store::ScopeId id, Scope& scope, config::Outcome outcome);
  void take(store::ScopeId id, Scope& scope, const config::Outcome& outcome);
  void consider(store::ScopeId id, Scope& scope);
  void consider(store::ScopeId id, Scope& scope, const config::Release& release);
  Result<config::Release> release(store::ScopeId id, const Scope& scope, const store::VersionKey& version);
  Result<config::Release> release(store::ScopeId id, std::uint64_t number);
  VersionInfo info(store::ScopeId id, const std::optional<config::RoleRow>& row) const;

  store::Store& store_;
  std::uint32_t kept_;
  std::map<store::ScopeId, Scope> scopes_{};
  std::deque<Waiting> waiting_{};
  std::set<store::ScopeId> lost_{};  ///< Steps of theirs failed: what they know is not what is on disk.
  std::vector<Action> ready_{};
};

/// The register of a config scope, and a release as its value.
inline constexpr std::string_view release_key = "release";
std::vector<config::Release> releases_in(crdt::CellSource& cells);

}  // namespace edgesync::sync
