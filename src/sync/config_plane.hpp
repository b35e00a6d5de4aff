// SPDX-License-Identifier: Apache-2.0
// ConfigPlane: the config scopes of one node. A published version stands in one register, whole (manifest and
// content), so versions cannot mix and five hundred of them published while a node was away cost it one. Here the
// register's entries meet the activation machine: every step is put to the store first, and its action is taken only
// when the store says that the step is durable.
#pragma once

#include "base/clock.hpp"
#include "config/activation.hpp"
#include "config/content.hpp"
#include "config/gate.hpp"
#include "config/marks.hpp"
#include "config/rollout.hpp"
#include "config/uses.hpp"
#include "store/store.hpp"

#include <edgesync/event.hpp>

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <tuple>

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

  /// Something for people.
  struct Notice {
    store::ScopeId scope{};
    EventKind kind{};
    VersionInfo version{};
    Error error{};
  };

  /// What became of the version that this node knows of with the highest number.
  struct Standing {
    std::uint64_t number = 0;
    std::string id{};
    VersionRole role{};
    bool refused = false;  ///< Instead of a role: it was not let in.
    std::uint64_t active = 0;
    std::string active_id{};
    std::string error{};  ///< Why it, or a later one, is not in use.
    bool operator==(const Standing&) const = default;
  };

  /// A version on its way to the fleet.
  struct Rolling {
    config::Rollout rollout{};
    config::Progress progress{};
    bool overtaken = false;  ///< A later version is there for everybody.
  };

  /// The store outlives the plane. `member`: what waves of a rollout look at; nothing: none takes this node in.
  ConfigPlane(store::Store& store, config::Rules rules, config::Gate gate, std::optional<config::Member> member = {})
      : store_(store), rules_(rules), gate_(std::move(gate)), member_(std::move(member)) {}

  /// Takes up the scope where its journal left it. Requires: !store.writing().
  Result<void> open(store::ScopeId scope);
  /// Forgets the scope, and what waits for it.
  void close(store::ScopeId scope);
  bool is_open(store::ScopeId scope) const { return scopes_.contains(scope); }

  /// The highest version known, published or received; its content is what an edit starts from.
  Result<config::Release> newest(store::ScopeId scope);
  /// A kept version; of two with one number the one that was in use. Fails with: not_found, storage_*.
  Result<config::Release> release(store::ScopeId scope, std::uint64_t number);
  /// Puts a new version into the register. It goes through activation here as everywhere.
  /// Fails with: invalid_argument, limit_exceeded, not_signed (only signed ones count here).
  Result<std::pair<store::Ticket, VersionInfo>> publish(store::ScopeId scope, const config::Content& content,
                                                        std::string_view note, Timestamp now);
  /// The same with one that was made and signed elsewhere. Fails with: as the gate; outdated, if the register has one
  /// with this number or a higher one; untrusted, protocol_violation (its content).
  Result<std::pair<store::Ticket, VersionInfo>> publish(store::ScopeId scope, const config::Release& release,
                                                        Timestamp now);
  /// Puts a root beside the register, for every node to follow. Fails with: outdated, not_signed, untrusted.
  Result<store::Ticket> publish(store::ScopeId scope, const config::Root& root, Timestamp now);
  /// As the two publish(), but for those that waves let in; whatever was rolled out before ends. Fails also with:
  /// invalid_argument (the plan).
  Result<std::pair<store::Ticket, VersionInfo>> roll_out(store::ScopeId scope, const config::Content& content,
                                                         std::string_view note, const RolloutPlan& plan, Timestamp now);
  Result<std::pair<store::Ticket, VersionInfo>> roll_out(store::ScopeId scope, const config::Release& release,
                                                         const RolloutPlan& plan, Timestamp now);
  /// The latest one, even if it is over; nothing if there never was any.
  Result<std::optional<Rolling>> rollout(store::ScopeId scope) const;
  /// Changes what is wanted of it. Fails with: not_found (there is none, or it is over).
  Result<store::Ticket> order(store::ScopeId scope, const Function<void(config::Rollout&)>& change, Timestamp now);
  /// The hub's word on how far it is. Done, the version becomes the one for everybody; over, it is no longer offered.
  Result<store::Ticket> advance(store::ScopeId scope, config::Progress progress, Timestamp now);

  /// Local: makes a kept version active. Fails with: not_found, invalid_argument, rejected (quarantined, or revoked).
  Result<std::pair<store::Ticket, VersionInfo>> rollback(store::ScopeId scope, std::uint64_t number,
                                                         std::string_view reason);
  /// The application's answer to an ask.
  Result<void> verdict(store::ScopeId scope, const VersionInfo& version, Verdict answer, std::string_view reason);
  /// The application confirms the version on trial, or says what is wrong with it. Fails with: not_found (none is).
  /// `number`: only if that version is; 0: whichever.
  Result<store::Ticket> confirm(store::ScopeId scope, std::uint64_t number = 0);
  Result<store::Ticket> fail(store::ScopeId scope, std::uint64_t number, std::string_view reason);
  /// Asks again for a version on hold, and for one that nobody answered.
  Result<void> ask_again(store::ScopeId scope);

  /// Marks on kept versions. Fails with: not_found, invalid_argument, limit_exceeded.
  Result<store::Ticket> tag(store::ScopeId scope, std::uint64_t number, std::string_view name);
  Result<store::Ticket> untag(store::ScopeId scope, std::string_view name);
  Result<store::Ticket> pin(store::ScopeId scope, std::uint64_t number, bool pinned);
  const config::Marks& marks(store::ScopeId scope) const;
  const config::Uses& uses(store::ScopeId scope) const;
  /// Who it is. Fails as release() does.
  Result<VersionInfo> kept(store::ScopeId scope, std::uint64_t number);

  /// To be called after each Store::finish(), with its answer.
  void flushed(const store::Flushed& flushed);
  /// True while steps wait to become durable.
  bool waiting() const noexcept { return !waiting_.empty(); }
  std::vector<Action> take_actions() { return std::exchange(ready_, {}); }
  std::vector<Notice> take_notices() { return std::exchange(notices_, {}); }

  /// What time it is, as well as this node knows. While the store writes it is only noted.
  void tick(Timestamp wall, Instant now);
  /// When it is to be called next; not while the store writes.
  Instant deadline() const;

  /// Nothing if no version is active.
  ContentPtr active_content(store::ScopeId scope);
  VersionInfo active(store::ScopeId scope) const;
  VersionInfo last_good(store::ScopeId scope) const;
  /// The id of the latest version whose content is kept here, 32 bytes; none: empty.
  Bytes latest_content(store::ScopeId scope) const;
  /// Why what is offered is not taken, or that the active version's time is over.
  std::optional<Error> refused(store::ScopeId scope) const;
  const config::Gate& gate() const noexcept { return gate_; }
  Standing standing(store::ScopeId scope) const;
  /// Scopes in which standing() may have changed.
  std::set<store::ScopeId> take_moved() { return std::exchange(moved_, {}); }

 private:
  using Told = std::tuple<int, std::uint64_t, std::string>;
  struct Scope {
    config::Activation activation;
    ContentPtr content{};
    VersionInfo active{};
    config::Seen seen{};
    config::Marks marks{};
    config::Uses uses{};
    Timestamp expires{};  ///< Of the active version; 0: never.
    bool stale_told = false;
    std::optional<Error> refused{};
    std::pair<std::uint64_t, std::string> refused_version{};  ///< What that is about.
    struct {
      std::uint64_t number = 0;
      std::string reason{};
    } left{};                    ///< Why a version was refused, or left again; nothing once a later one is taken up.
    std::set<Told> told{};       ///< Refusals that were told, by code, number and id.
    Instant look_again = never;  ///< At what was refused for the time's sake.
    std::optional<config::Release> asked{};      ///< What was put to the application, to be used if it is taken.
    std::optional<store::VersionKey> counted{};  ///< Its starts are in the scope's memo.
  };
  /// What a scope's cells hold.
  struct Offers {
    std::vector<config::Release> releases{};  ///< By (number, id).
    std::vector<Error> unreadable{};
    std::vector<config::Root> roots{};  ///< For the place after the gate's.
    std::optional<config::Rollout> rollout{};
    std::optional<config::Progress> progress{};
    std::optional<config::Release> candidate{};  ///< What is rolled out, if this node is let in.

    /// The highest number that was given to a version.
    std::uint64_t number() const noexcept;
    /// A later version than the one that is rolled out is there for everybody.
    bool overtaken() const;
  };
  struct Waiting {
    store::Ticket ticket = 0;
    store::ScopeId scope{};
    config::Outcome outcome{};
    std::optional<config::Release> read{};  ///< The one it is about, if that has been read already.
  };

  // config_publish.cpp
  Result<Offers> look(store::ScopeId scope) const;
  Result<config::Release> draft(store::ScopeId scope, const config::Content& content, std::string_view note,
                                Timestamp now) const;
  Result<void> may_publish(store::ScopeId scope, const config::Release& release, Timestamp now);
  Result<std::pair<store::Ticket, VersionInfo>> put(store::ScopeId scope, const config::Release& release,
                                                    Timestamp now);
  Result<std::pair<store::Ticket, VersionInfo>> put(store::ScopeId scope, const config::Release& release,
                                                    const RolloutPlan& plan, Timestamp now);
  // config_plane.cpp
  std::optional<config::Root> root_of(store::ScopeId scope) const;
  Result<void> take_up(store::ScopeId scope, const config::Activation* failed);
  std::optional<store::VersionKey> add_starts(store::ScopeId scope, std::vector<config::RoleRow>& rows) const;
  void note_starts(store::ScopeId id, Scope& scope, const config::Step& step);
  Result<Scope*> on_trial(store::ScopeId id, std::uint64_t number);
  /// Fails with: storage_io while the scope's journal cannot be read.
  Result<Scope*> usable(store::ScopeId id);
  VersionInfo info(store::ScopeId id, const std::optional<config::RoleRow>& row) const;
  static void hold_content(Scope& scope, const config::Release& release);
  // config_journal.cpp
  /// `fresh`: a release whose row is to be made by the first step of it. `read`: one that was read and proved just now.
  void journal(store::ScopeId id, Scope& scope, config::Outcome outcome, const config::Release* fresh = nullptr,
               std::optional<config::Release> read = {});
  void lose(store::Ticket through);
  void begin_again();
  void take_durable();
  void make_room(store::ScopeId id, Scope& scope);
  void take(Waiting waiting);
  void activate(store::ScopeId id, Scope& scope, const config::Release& release);
  // config_marks.cpp
  template <class Memo>
  Memo remembered(store::ScopeId id, std::string_view name) const;
  void remember(store::ScopeId id, Scope& scope);
  Result<store::Ticket> mark(store::ScopeId id, const Function<Result<void>(config::Marks&)>& change);
  store::Ticket note_use(store::ScopeId id, Scope& scope, const config::Outcome& outcome);
  // config_offers.cpp
  void consider(store::ScopeId id, Scope& scope);
  void consider_all();
  Offers offers(crdt::CellSource& cells) const;
  /// The release of a rollout, as it stands in the register.
  static std::optional<Bytes> candidate(crdt::CellSource& cells, const config::Progress& of);
  void take_back(store::ScopeId id, Scope& scope, const Offers& found);
  bool follow(store::ScopeId id, Scope& scope, std::vector<config::Root>& roots);
  void weigh(store::ScopeId id, Scope& scope, const Offers& found);
  void take_in(store::ScopeId id, Scope& scope, const config::Release& release);
  void refuse(store::ScopeId id, Scope& scope, const config::Manifest& manifest, Error why);
  void tell(store::ScopeId id, Scope& scope, const VersionInfo& version, const Error& why);
  Result<void> standing(store::ScopeId id, const Scope& scope, const config::Manifest& manifest) const;
  void withdraw_fallen(store::ScopeId id, Scope& scope);
  void look_at_time(store::ScopeId id, Scope& scope);

  store::Store& store_;
  config::Rules rules_;
  std::map<store::ScopeId, Scope> scopes_{};
  std::deque<Waiting> waiting_{};
  /// Steps of theirs failed: what they know is not what is on disk. They begin again once this ticket is settled.
  std::map<store::ScopeId, store::Ticket> lost_{};
  std::vector<Action> ready_{};
  config::Gate gate_;
  const std::optional<config::Member> member_;
  std::set<store::ScopeId> moved_{};
  std::vector<Notice> notices_{};
  Timestamp wall_{};  ///< 0: not told yet.
  Instant now_{};
};

/// The register of a config scope, whose value is a release, and what stands before the number of a root.
inline constexpr std::string_view release_key = "release";
inline constexpr std::string_view root_key = "root/";
/// A rollout, how far it is, and its release.
inline constexpr std::string_view rollout_key = "rollout";
inline constexpr std::string_view progress_key = "rollout/progress";
inline constexpr std::string_view candidate_key = "rollout/release";

/// Memos of a config scope (store/FORMAT.md).
inline constexpr std::string_view seen_memo = "seen";
inline constexpr std::string_view root_memo = "root";
inline constexpr std::string_view starts_memo = "starts";
inline constexpr std::string_view marks_memo = "marks";
inline constexpr std::string_view uses_memo = "uses";

}  // namespace edgesync::sync
