// SPDX-License-Identifier: Apache-2.0
// Activation: what one node does with the versions of one config scope. Pure: each input returns the journal steps to
// commit first, in one transaction, and then the actions to take; the roles alone are enough to resume after a restart.
// A version that came into use may be on trial first: the one before stays `active` meanwhile, as what to go back to,
// and whoever reads is shown the one on trial. Time is an argument; how often the process was started with an answer
// missing is counted in the table, before it is risked again. Invariants: one version is in use once one ever was; at
// most one is active; an id whose row is quarantined is not asked about again (of more than max_role_rows the oldest
// rows are forgotten, and with them that they were); of several versions the highest (number, then id) that the
// application accepts ends up active, whatever order they arrived in, and after a local rollback nothing but a higher
// number replaces the choice.
#pragma once

#include "base/clock.hpp"

#include <edgesync/error.hpp>
#include <edgesync/function.hpp>
#include <edgesync/versions.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace edgesync::config {

inline constexpr std::size_t max_role_rows = 1024;  // per scope; the oldest that no rule needs are forgotten

/// Known, and not taken yet.
bool is_pending(VersionRole role) noexcept;

/// Is in use, or was and may be again.
bool was_in_use(VersionRole role) noexcept;

/// One version's role: what the store keeps, keyed by (scope, number, id).
struct RoleRow {
  std::uint64_t number = 0;
  std::string id{};
  VersionRole role = VersionRole::offered;
  std::uint32_t starts = 0;  ///< Of the process, in which the application was to answer for it and has not yet.
  bool operator==(const RoleRow&) const = default;
};

/// One journal entry: the version takes this role. To be durable before any action of the same Outcome is taken.
struct Step {
  std::string scope{};
  RoleRow row{};
  std::string reason{};  ///< For people; may be empty.
  bool operator==(const Step&) const = default;
};

struct Action {
  enum class Kind : std::uint8_t {
    fetch,        ///< Get the content, then call verified() or failed().
    ask,          ///< Ask the application, then call verdict().
    activate,     ///< Make this the version that readers see.
    rolled_back,  ///< Tell watchers that this version was left.
    confirmed,    ///< Tell watchers that this version is on trial no longer.
    failed,       ///< Tell watchers that this version is not what it should be.
  };
  Kind kind{};
  std::uint64_t number = 0;
  std::string id{};
  bool operator==(const Action&) const = default;
};

struct Outcome {
  std::vector<Step> journal{};    ///< Commit these first, together with `forget`.
  std::vector<RoleRow> forget{};  ///< Rows to delete from the table.
  std::vector<Action> actions{};  ///< Then do these, in order.
  bool empty() const noexcept { return journal.empty() && forget.empty() && actions.empty(); }
};

struct Rules {
  /// Beyond so many rows those that no rule needs are forgotten; quarantined ones do not count until max_role_rows.
  std::size_t kept = max_role_rows;
  /// Beyond so many bytes in the file the versions needed least are forgotten, of any role that no rule needs.
  std::uint64_t bytes_max = UINT64_MAX;
  /// How long a version is on trial at most; 0: not at all, the application's answer is enough.
  Instant::duration health_window{0};
  /// With so many starts of the process a version that was asked about, or is on trial, is given up; 0: never.
  std::uint32_t starts_max = 0;
  /// Somebody else's application decides: nobody is asked, no trial ends by itself, no start is
  /// counted, and nothing is forgotten for want of room.
  bool observes = false;
};

class Activation {
 public:
  /// `rows` as the store kept them; none for a new scope. Call restart() before any other input.
  explicit Activation(std::string scope, std::vector<RoleRow> rows = {}, Rules rules = {});

  /// Activates what was in use, fetches what is only offered, and asks again for what was staged or held; or, of what
  /// ended the process too often, leaves it alone. A trial begins anew. If the row of what was in use is lost, the
  /// newest confirmed version takes its place. `failed`: the machine whose last steps did not reach the table, in the
  /// same process: that is no start of it, and none is counted.
  Outcome restart(const Activation* failed = nullptr);

  /// Versions below this number were revoked: nothing goes back to them. Only grows.
  void revoke_below(std::uint64_t number) noexcept { floor_ = std::max(floor_, number); }

  /// A release was announced, or arrived whole (then call verified() next and ignore the fetch).
  Outcome offered(std::uint64_t number, std::string_view id);

  /// Its content is here, durable, and proved by verify(). Fails with: not_found.
  Result<Outcome> verified(std::uint64_t number, std::string_view id);

  /// It could not be fetched or proved. Not permanent: it stays offered, and the next offer or restart fetches again.
  /// Permanent (the right bytes, which no node can use): quarantined. Fails with: not_found.
  Result<Outcome> failed(std::uint64_t number, std::string_view id, bool permanent, std::string_view reason);

  /// It may not be taken as things stand, and may come again: unless it is in use it is forgotten, and a question about
  /// it withdrawn.
  Outcome withdraw(std::uint64_t number, std::string_view id);

  /// The application's answer to an `ask`. Fails with: not_found, invalid_argument (nothing was asked).
  Result<Outcome> verdict(std::uint64_t number, std::string_view id, Verdict answer, std::string_view reason = {});

  /// The application says that what is on trial is good. Does nothing if nothing is. Nothing else ends well.
  Outcome confirm(std::string_view reason = {});
  /// The application says that what is on trial is bad: the active version comes back, or, if that was revoked
  /// meanwhile, the newest confirmed one that was not; this one is quarantined. If there is none to come back, it
  /// stays, for want of a better one. Does nothing if nothing is on trial.
  Outcome fail(std::string_view reason);
  /// fail() if the trial is over. The first call during a trial is its beginning.
  Outcome tick(Instant now);
  /// When to call tick(): at once at the beginning of a trial, then at its end; never without one.
  Instant deadline() const noexcept { return trial_ends_; }

  /// Asks again for a version that is held.
  Outcome resume();

  /// These are never forgotten for want of room, by number and id.
  void keep(std::set<std::pair<std::uint64_t, std::string>> versions) { kept_ = std::move(versions); }
  /// Forgets the version that is needed least, for want of room; nothing if each is needed.
  Outcome shed();

  /// Makes a version that was in use active again, now, without asking; a question about one that this rules out is
  /// withdrawn. Does nothing if it is active already.
  /// Fails with: not_found, rejected (quarantined, or revoked), invalid_argument (never was in use).
  Result<Outcome> rollback(std::uint64_t number, std::string_view id, std::string_view reason = {});

  /// The version in use: on trial, or active.
  std::optional<RoleRow> active() const;
  /// What there is to go back to: during a trial what fail() would take, else the newest confirmed version.
  std::optional<RoleRow> last_good() const;
  /// The version that the application was asked about and has not answered.
  std::optional<RoleRow> asked() const;
  /// All rows by (number, id).
  const std::vector<RoleRow>& rows() const noexcept { return rows_; }

 private:
  using Key = std::pair<std::uint64_t, std::string>;
  static Key key(const RoleRow& row) { return {row.number, row.id}; }
  static Action act(Action::Kind kind, const RoleRow& row) { return {kind, row.number, row.id}; }

  RoleRow* find(std::uint64_t number, std::string_view id);
  const RoleRow* newest(VersionRole role) const;
  const RoleRow* in_use() const;
  const RoleRow* newest_good() const;
  const RoleRow* fallback() const;
  bool blocked(std::uint64_t number, std::string_view id) const;
  bool worn_out(const RoleRow& row) const noexcept;
  void set(Outcome& outcome, RoleRow& row, VersionRole role, std::string_view reason, std::uint32_t starts = 0);
  void settle(Outcome& outcome, RoleRow& row, std::string_view reason);
  void activate(Outcome& outcome, RoleRow& row, std::string_view reason);
  void begin_trial(Outcome& outcome, RoleRow& row, std::string_view reason);
  void resume_trial(Outcome& outcome);
  void ask_next(Outcome& outcome, bool held_too);
  void overtake(Outcome& outcome);
  void prune(Outcome& outcome);
  bool forget_least(Outcome& outcome, const Function<bool(const RoleRow&)>& spared);

  std::string scope_;
  Rules rules_;
  std::vector<RoleRow> rows_;  // ascending by (number, id)
  std::optional<Key> asked_{};
  std::optional<Key> counted_{};  // of which this start of the process is in `starts` already
  std::uint64_t floor_ = 0;
  std::set<Key> kept_{};
  Instant trial_ends_ = never;
};

}  // namespace edgesync::config
