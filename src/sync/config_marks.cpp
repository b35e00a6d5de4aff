// SPDX-License-Identifier: Apache-2.0
// ConfigPlane: what this node remembers of its versions beyond their roles: which are to be kept, and which were in use
// when. Both are memos of the scope, written in the same group commit as the steps that they belong to.
#include "sync/config_plane.hpp"

namespace edgesync::sync {

/// A memo that is missing or damaged counts as empty.
template <class Memo>
Memo ConfigPlane::remembered(store::ScopeId id, std::string_view name) const {
  const auto bytes = store_.memo(id, name);
  return bytes ? Memo::decode(*bytes).value_or(Memo{}) : Memo{};
}

void ConfigPlane::remember(store::ScopeId id, Scope& scope) {
  scope.marks = remembered<config::Marks>(id, marks_memo);
  scope.uses = remembered<config::Uses>(id, uses_memo);
  scope.activation.keep(scope.marks.marked());
}

Result<store::Ticket> ConfigPlane::mark(store::ScopeId id, const Function<Result<void>(config::Marks&)>& change) {
  const auto found = usable(id);
  if (!found) return found.error();
  Scope& scope = **found;
  config::Marks marks = scope.marks;
  if (auto good = change(marks); !good) return good.error();
  scope.marks = std::move(marks);
  scope.activation.keep(scope.marks.marked());
  return store_.put_memo(id, marks_memo, scope.marks.encode());
}

Result<store::Ticket> ConfigPlane::tag(store::ScopeId id, std::uint64_t number, std::string_view name) {
  const auto version = kept(id, number);
  if (!version) return version.error();
  return mark(id, [&](config::Marks& marks) { return marks.tag({number, version->id}, name); });
}

Result<store::Ticket> ConfigPlane::untag(store::ScopeId id, std::string_view name) {
  return mark(id, [&](config::Marks& marks) { return marks.untag(name); });
}

Result<store::Ticket> ConfigPlane::pin(store::ScopeId id, std::uint64_t number, bool pinned) {
  const auto version = kept(id, number);
  if (!version) return version.error();
  return mark(id, [&](config::Marks& marks) { return marks.pin({number, version->id}, pinned); });
}

const config::Marks& ConfigPlane::marks(store::ScopeId scope) const {
  static const config::Marks none;
  const auto at = scopes_.find(scope);
  return at == scopes_.end() ? none : at->second.marks;
}

const config::Uses& ConfigPlane::uses(store::ScopeId scope) const {
  static const config::Uses none;
  const auto at = scopes_.find(scope);
  return at == scopes_.end() ? none : at->second.uses;
}

/// If another version comes into use with these steps, since when and why. The last ticket.
store::Ticket ConfigPlane::note_use(store::ScopeId id, Scope& scope, const config::Outcome& outcome) {
  store::Ticket ticket = 0;
  for (const config::Action& action : outcome.actions) {
    if (action.kind != config::Action::Kind::activate || scope.uses.last_is(action.number, action.id)) continue;
    Use use;
    use.version = {action.number, action.id, {}, {}, {}, {}};
    if (const auto rows = store_.versions(id))
      for (const store::VersionRow& row : *rows) {
        if (row.manifest.number != action.number || row.manifest.info().id != action.id) continue;
        use.version = row.manifest.info();
        for (const config::Signature& signature : row.manifest.signatures) use.signed_by.push_back(signature.key_id);
      }
    use.since = wall_;
    // Its own reason; if it only comes back, that of the one that was left.
    for (const config::Step& step : outcome.journal)
      if (use.reason.empty() || (step.row.number == action.number && step.row.id == action.id && !step.reason.empty()))
        use.reason = step.reason;
    scope.uses.add(std::move(use));
    ticket = store_.put_memo(id, uses_memo, scope.uses.encode());
  }
  return ticket;
}

}  // namespace edgesync::sync
