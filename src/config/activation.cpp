// SPDX-License-Identifier: Apache-2.0
#include "config/activation.hpp"

#include <algorithm>
#include <iterator>
#include <string>
#include <tuple>

namespace edgesync::config {
namespace {

using Kind = Action::Kind;

bool by_key(const RoleRow& a, const RoleRow& b) { return std::tie(a.number, a.id) < std::tie(b.number, b.id); }

bool is_in_use(VersionRole role) { return role == VersionRole::active || role == VersionRole::trial; }

int worth(VersionRole role) {
  constexpr VersionRole ascending[] = {VersionRole::superseded,  VersionRole::confirmed, VersionRole::rolled_back,
                                       VersionRole::quarantined, VersionRole::offered,   VersionRole::staged,
                                       VersionRole::held,        VersionRole::active,    VersionRole::trial};
  return static_cast<int>(std::find(std::begin(ascending), std::end(ascending), role) - std::begin(ascending));
}

Error unknown(const std::string& scope, std::uint64_t number) {
  return {Errc::not_found, "config '" + scope + "': no version " + std::to_string(number) + " with this id"};
}

}  // namespace

bool is_pending(VersionRole role) noexcept {
  return role == VersionRole::offered || role == VersionRole::staged || role == VersionRole::held;
}

bool was_in_use(VersionRole role) noexcept {
  return is_in_use(role) || role == VersionRole::confirmed || role == VersionRole::rolled_back;
}

Activation::Activation(std::string scope, std::vector<RoleRow> rows, Rules rules)
    : scope_(std::move(scope)), rules_(rules), rows_(std::move(rows)) {
  std::sort(rows_.begin(), rows_.end(), by_key);
}

Outcome Activation::restart(const Activation* failed) {
  Outcome outcome;
  asked_.reset();
  trial_ends_ = never;
  counted_ = failed != nullptr ? failed->counted_ : std::nullopt;
  for (RoleRow& row : rows_)
    if (counted_ == key(row))
      for (const RoleRow& known : failed->rows_)
        if (key(known) == key(row)) row.starts = std::max(row.starts, known.starts);
  if (newest(VersionRole::trial) != nullptr) {
    resume_trial(outcome);
  } else if (const RoleRow* current = newest(VersionRole::active)) {
    outcome.actions.push_back(act(Kind::activate, *current));
  } else if (const RoleRow* good = newest_good()) {
    settle(outcome, *find(good->number, good->id), "what was in use is lost");
    outcome.actions.push_back(act(Kind::activate, *good));
  }
  for (RoleRow& row : rows_) {
    if (rules_.observes || !is_pending(row.role) || !worn_out(row) || counted_ == key(row)) continue;
    outcome.actions.push_back(act(Kind::failed, row));
    set(outcome, row, VersionRole::quarantined, "the application ended each time it was asked");
  }
  for (const RoleRow& row : rows_) {
    if (row.role == VersionRole::offered && !blocked(row.number, row.id)) {
      outcome.actions.push_back(act(Kind::fetch, row));
    }
  }
  ask_next(outcome, true);
  return outcome;
}

Outcome Activation::offered(std::uint64_t number, std::string_view id) {
  Outcome outcome;
  RoleRow* row = find(number, id);
  if (number == 0 || blocked(number, id) || (row != nullptr && row->role != VersionRole::offered)) return outcome;
  if (row == nullptr) {
    const RoleRow fresh{number, std::string(id), VersionRole::offered};
    row = &*rows_.insert(std::upper_bound(rows_.begin(), rows_.end(), fresh, by_key), fresh);
    set(outcome, *row, VersionRole::offered, {});
  }
  outcome.actions.push_back(act(Kind::fetch, *row));
  prune(outcome);
  if (find(number, id) == nullptr) outcome.actions.clear();
  return outcome;
}

Result<Outcome> Activation::verified(std::uint64_t number, std::string_view id) {
  RoleRow* row = find(number, id);
  if (row == nullptr) return unknown(scope_, number);
  Outcome outcome;
  if (row->role != VersionRole::offered) return outcome;
  set(outcome, *row, VersionRole::staged, {});
  ask_next(outcome, false);
  return outcome;
}

Result<Outcome> Activation::failed(std::uint64_t number, std::string_view id, bool permanent, std::string_view reason) {
  RoleRow* row = find(number, id);
  if (row == nullptr) return unknown(scope_, number);
  Outcome outcome;
  if (row->role != VersionRole::offered || !permanent) return outcome;
  set(outcome, *row, VersionRole::quarantined, reason);
  overtake(outcome);
  return outcome;
}

Outcome Activation::withdraw(std::uint64_t number, std::string_view id) {
  Outcome outcome;
  RoleRow* row = find(number, id);
  if (row == nullptr || !is_pending(row->role)) return outcome;
  const bool asked = asked_ == key(*row);
  outcome.forget.push_back(*row);
  rows_.erase(rows_.begin() + (row - rows_.data()));
  if (!asked) return outcome;
  asked_.reset();
  ask_next(outcome, false);
  return outcome;
}

Result<Outcome> Activation::verdict(std::uint64_t number, std::string_view id, Verdict answer,
                                    std::string_view reason) {
  RoleRow* row = find(number, id);
  if (row == nullptr) return unknown(scope_, number);
  if (!asked_ || asked_->first != number || asked_->second != id) {
    return Error(Errc::invalid_argument,
                 "config '" + scope_ + "': version " + std::to_string(number) + " was not asked");
  }
  Outcome outcome;
  asked_.reset(), counted_.reset();
  if (answer == Verdict::healthy) activate(outcome, *row, reason);
  if (answer == Verdict::reject) set(outcome, *row, VersionRole::quarantined, reason);
  if (answer == Verdict::hold) set(outcome, *row, VersionRole::held, reason);
  overtake(outcome);
  ask_next(outcome, false);
  prune(outcome);
  return outcome;
}

Outcome Activation::resume() {
  Outcome outcome;
  ask_next(outcome, true);
  return outcome;
}

Result<Outcome> Activation::rollback(std::uint64_t number, std::string_view id, std::string_view reason) {
  RoleRow* to = find(number, id);
  if (to == nullptr) return unknown(scope_, number);
  Outcome outcome;
  const RoleRow* current = in_use();
  if (to == current) return outcome;
  const std::string which = "config '" + scope_ + "': version " + std::to_string(number);
  if (to->role == VersionRole::quarantined) return Error(Errc::rejected, which + " is quarantined");
  if (!was_in_use(to->role)) return Error(Errc::invalid_argument, which + " never was in use");
  if (number < floor_) return Error(Errc::rejected, which + " was revoked by its publisher");
  std::optional<RoleRow> left = active();
  if (left) set(outcome, *find(left->number, left->id), VersionRole::rolled_back, reason);
  settle(outcome, *to, reason);
  outcome.actions.push_back(act(Kind::activate, *to));
  if (left) outcome.actions.push_back(act(Kind::rolled_back, *left));
  overtake(outcome);
  ask_next(outcome, false);
  return outcome;
}

std::optional<RoleRow> Activation::active() const {
  const RoleRow* row = in_use();
  return row == nullptr ? std::nullopt : std::optional(*row);
}

std::optional<RoleRow> Activation::last_good() const {
  const RoleRow* row = newest(VersionRole::trial) != nullptr ? fallback() : newest_good();
  return row == nullptr ? std::nullopt : std::optional(*row);
}

std::optional<RoleRow> Activation::asked() const {
  if (!asked_) return std::nullopt;
  for (const RoleRow& row : rows_) {
    if (key(row) == *asked_) return row;
  }
  return std::nullopt;
}

RoleRow* Activation::find(std::uint64_t number, std::string_view id) {
  const auto row =
      std::find_if(rows_.begin(), rows_.end(), [&](const RoleRow& r) { return r.number == number && r.id == id; });
  return row == rows_.end() ? nullptr : &*row;
}

const RoleRow* Activation::newest(VersionRole role) const {
  const auto row = std::find_if(rows_.rbegin(), rows_.rend(), [&](const RoleRow& r) { return r.role == role; });
  return row == rows_.rend() ? nullptr : &*row;
}

// Whether no rule would ever let this version be taken by itself.
bool Activation::blocked(std::uint64_t number, std::string_view id) const {
  const bool rejected = std::any_of(rows_.begin(), rows_.end(), [&](const RoleRow& row) {
    return row.role == VersionRole::quarantined && row.id == id;
  });
  const RoleRow* current = in_use();
  const RoleRow* left = newest(VersionRole::rolled_back);
  const bool overtaken =
      current != nullptr && std::tie(number, id) <= std::make_tuple(current->number, std::string_view(current->id));
  return rejected || overtaken || (left != nullptr && number <= left->number);
}

const RoleRow* Activation::in_use() const {
  const RoleRow* on_trial = newest(VersionRole::trial);
  return on_trial != nullptr ? on_trial : newest(VersionRole::active);
}

// The newest that a rollback may go to without anybody choosing.
const RoleRow* Activation::newest_good() const {
  const RoleRow* row = newest(VersionRole::confirmed);
  return row == nullptr || row->number >= floor_ ? row : nullptr;
}

bool Activation::worn_out(const RoleRow& row) const noexcept {
  return rules_.starts_max > 0 && row.starts >= rules_.starts_max;
}

void Activation::set(Outcome& outcome, RoleRow& row, VersionRole role, std::string_view reason, std::uint32_t starts) {
  row.role = role;
  row.starts = starts;
  outcome.journal.push_back({scope_, row, std::string(reason)});
}

// The row becomes the active one, whatever was on trial or active before.
void Activation::settle(Outcome& outcome, RoleRow& row, std::string_view reason) {
  for (RoleRow& other : rows_)
    if (other.role == VersionRole::active && &other != &row) set(outcome, other, VersionRole::confirmed, {});
  set(outcome, row, VersionRole::active, reason);
  trial_ends_ = never;
}

void Activation::activate(Outcome& outcome, RoleRow& row, std::string_view reason) {
  if (rules_.health_window > Instant::duration(0))
    begin_trial(outcome, row, reason);
  else
    settle(outcome, row, reason);
  outcome.actions.push_back(act(Kind::activate, row));
}

// One question at a time, about the highest version at hand, and none during a trial. A held one that is highest waits,
// and so do those below it.
void Activation::ask_next(Outcome& outcome, bool held_too) {
  if (rules_.observes || asked_ || newest(VersionRole::trial) != nullptr) return;
  for (auto row = rows_.rbegin(); row != rows_.rend(); ++row) {
    if (row->role != VersionRole::staged && row->role != VersionRole::held) continue;
    if (blocked(row->number, row->id)) continue;
    if (row->role == VersionRole::held && !held_too) return;
    asked_ = key(*row);
    if (rules_.starts_max > 0) set(outcome, *row, row->role, {}, row->starts + (counted_ == asked_ ? 0 : 1));
    counted_ = asked_;
    outcome.actions.push_back(act(Kind::ask, *row));
    return;
  }
}

// Pending versions that can never be taken any more. A question about one of them is withdrawn with it.
void Activation::overtake(Outcome& outcome) {
  for (RoleRow& row : rows_) {
    if (!is_pending(row.role) || !blocked(row.number, row.id)) continue;
    if (asked_ == key(row)) asked_.reset();
    set(outcome, row, VersionRole::superseded, {});
  }
}

// Forgets the oldest row of the least needed role: the overtaken, then old fallbacks, then blocks. False if all that is
// not `spared` is needed.
bool Activation::forget_least(Outcome& outcome, const Function<bool(const RoleRow&)>& spared) {
  const RoleRow *good = newest(VersionRole::confirmed), *left = newest(VersionRole::rolled_back);
  auto victim = rows_.end();
  for (auto row = rows_.begin(); row != rows_.end(); ++row) {
    const bool needed = asked_ == key(*row) || is_in_use(row->role) || &*row == good || &*row == left;
    if (needed || kept_.contains(key(*row)) || spared(*row)) continue;
    if (victim == rows_.end() || worth(row->role) < worth(victim->role)) victim = row;
  }
  if (victim == rows_.end()) return false;
  outcome.forget.push_back(*victim);
  rows_.erase(victim);
  return true;
}

// If the table is full, blocks and what is pending go as well: a version that was just offered is not forgotten for the
// sake of a short table.
void Activation::prune(Outcome& outcome) {
  if (rules_.observes) return;
  const auto quarantined = [](const RoleRow& row) { return row.role == VersionRole::quarantined; };
  while (true) {
    const bool full = rows_.size() > max_role_rows;
    const auto blocks = static_cast<std::size_t>(std::count_if(rows_.begin(), rows_.end(), quarantined));
    if (!full && rows_.size() - blocks <= std::min(rules_.kept, max_role_rows)) return;
    const auto spared = [&](const RoleRow& row) { return !full && (quarantined(row) || is_pending(row.role)); };
    if (!forget_least(outcome, spared)) return;
  }
}

Outcome Activation::shed() {
  Outcome outcome;
  forget_least(outcome, [](const RoleRow& row) { return is_pending(row.role); });
  return outcome;
}

}  // namespace edgesync::config
