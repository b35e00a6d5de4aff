// SPDX-License-Identifier: Apache-2.0
// Activation: trials. A version that the application took is in use before it is proved, with the one before still at
// hand. What ends a trial happens on the node: a word of the application, time, or starts of the process.
#include "config/activation.hpp"

#include <string>

namespace edgesync::config {
namespace {

using Kind = Action::Kind;

constexpr Instant not_begun = Instant::min();

}  // namespace

void Activation::begin_trial(Outcome& outcome, RoleRow& row, std::string_view reason) {
  trial_ends_ = not_begun;
  counted_ = key(row);
  set(outcome, row, VersionRole::trial, reason);
}

// The one more start is in the table before it is risked.
void Activation::resume_trial(Outcome& outcome) {
  RoleRow& row = *find(newest(VersionRole::trial)->number, newest(VersionRole::trial)->id);
  if (rules_.observes) return outcome.actions.push_back(act(Kind::activate, row));
  if (rules_.health_window == Instant::duration(0)) {  // there are no trials any more
    outcome = confirm();
    outcome.actions.insert(outcome.actions.begin(), act(Kind::activate, row));
    return;
  }
  const std::uint32_t starts = row.starts + (counted_ == key(row) ? 0 : 1);
  if (rules_.starts_max > 0 && starts >= rules_.starts_max) {
    outcome = fail("it was not confirmed in " + std::to_string(starts) + " starts of the application");
    return;
  }
  counted_ = key(row);
  trial_ends_ = not_begun;
  set(outcome, row, VersionRole::trial, {}, starts);
  outcome.actions.push_back(act(Kind::activate, row));
}

Outcome Activation::confirm(std::string_view reason) {
  Outcome outcome;
  const RoleRow* on_trial = newest(VersionRole::trial);
  if (on_trial == nullptr) return outcome;
  RoleRow& row = *find(on_trial->number, on_trial->id);
  settle(outcome, row, reason);
  outcome.actions.push_back(act(Kind::confirmed, row));
  ask_next(outcome, false);
  prune(outcome);
  return outcome;
}

Outcome Activation::fail(std::string_view reason) {
  Outcome outcome;
  const RoleRow* on_trial = newest(VersionRole::trial);
  if (on_trial == nullptr) return outcome;
  RoleRow& row = *find(on_trial->number, on_trial->id);
  if (const RoleRow* before = fallback()) {
    trial_ends_ = never;
    set(outcome, row, VersionRole::quarantined, reason);
    if (before->role != VersionRole::active)
      settle(outcome, *find(before->number, before->id), "the version before was revoked");
    outcome.actions.push_back(act(Kind::activate, *before));
    outcome.actions.push_back(act(Kind::rolled_back, row));
  } else {
    settle(outcome, row, reason);
    outcome.actions.push_back(act(Kind::activate, row));
    outcome.actions.push_back(act(Kind::failed, row));
  }
  overtake(outcome);
  ask_next(outcome, false);
  return outcome;
}

Outcome Activation::tick(Instant now) {
  if (trial_ends_ == not_begun) trial_ends_ = now + rules_.health_window;
  if (now < trial_ends_) return {};
  const auto window = std::chrono::duration_cast<std::chrono::milliseconds>(rules_.health_window);
  return fail("it was not confirmed within " + std::to_string(window.count()) + " ms");
}

// What is in use again when a trial fails: never what its publisher has revoked.
const RoleRow* Activation::fallback() const {
  const RoleRow* before = newest(VersionRole::active);
  return before != nullptr && before->number >= floor_ ? before : newest_good();
}

}  // namespace edgesync::config
