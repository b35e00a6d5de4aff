// SPDX-License-Identifier: Apache-2.0
// Replay: what was set aside goes back by the way that anything new takes. An entry that was lost is written again, by
// this replica and now: to put it back as it was could bring back what a peer has removed meanwhile.
#include "store/letters.hpp"
#include "store/records.hpp"
#include "store/sqlite_store.hpp"

#include <algorithm>

namespace edgesync::store {
namespace {

Error stays(std::string why) { return {Errc::rejected, std::move(why)}; }

bool holds_value(const crdt::Shown& shown, const Value& value) {
  const bool member = std::find(shown.members.begin(), shown.members.end(), value) != shown.members.end();
  return member || (shown.type == crdt::Shown::Type::value && shown.value == value);
}

/// The operation that writes `lost`, the only thing known of its key.
Edit edit_of(const crdt::Shown& lost) {
  Edit edit;
  if (lost.type == crdt::Shown::Type::value) edit.set(lost.path, lost.value);
  if (lost.type == crdt::Shown::Type::counter)
    if (const auto* sum = std::get_if<std::int64_t>(&lost.value)) edit.add(lost.path, *sum);
  for (const Value& member : lost.members) edit.insert(lost.path, member);
  return edit;
}

}  // namespace

Result<std::string> SqliteStore::put_back_cell(ScopeState& state, const Quarantined& item, Timestamp wall) {
  if (state.scope.plane != Plane::state) return stays("versions are published, not written");
  const auto lost = show_cell(static_cast<std::uint32_t>(state.scope.id), item, file_.origins);
  if (!lost) return stays("its check does not match, or it is nothing that can be written by itself");
  MemtableView view(state.table, state.memtable, file_.replica());
  const auto now = crdt::show(view, lost->path);
  const bool part_there = !view.find(item.place).empty();
  state.table.take_unknown();  // that nobody knows what is there is why it is put back
  if (auto good = file_.check(); !good) return good.error();
  const Value& value = lost->members.empty() ? lost->value : lost->members.front();
  if (now && now->type == lost->type && lost->type != crdt::Shown::Type::counter && holds_value(*now, value))
    return std::string("it is there already");
  const bool beside = lost->type != crdt::Shown::Type::value && now && now->type == lost->type;
  if (part_there || (now && !beside)) return stays("something else was written there since");
  const Edit edit = edit_of(*lost);
  const auto committed = commit(state.scope.id, edit.ops(), wall);
  if (!committed) return committed.error();
  return std::string("written again");
}

Result<std::string> SqliteStore::put_back_records(ScopeState& state, const Quarantined& item, Released& released) {
  const auto place = read_records_place(item);
  const ReplicaId* origin = place ? file_.origins.find(place->oid) : nullptr;
  auto records = place ? stream::decode(item.body) : Result<std::vector<Record>>(std::vector<Record>());
  if (origin == nullptr || !records || records->empty()) return stays("its checksum does not match");
  const std::uint64_t last = place->first + place->count - 1;
  const bool ours = std::find(selves_.begin(), selves_.end(), *origin) != selves_.end();
  // The hub takes nothing below what it has acknowledged, nor what it refused, under the same numbers again.
  if (ours && !state.policy.local_only && (last > state.acked[*origin] || item.kind == Quarantined::Kind::refused)) {
    const auto appended = append(state.scope.id, *records);
    if (!appended) return appended.error();
    return "appended again, from sequence " + std::to_string(appended->first);
  }
  if (item.kind == Quarantined::Kind::refused) return stays("only its origin can append it again");
  if (place->first <= state.durable.floors[*origin]) return stays("the hub holds it, and it was trimmed here");
  const auto next = read_segments(state.table, *origin, place->first - 1, 1);
  if (!next) return next.error();
  if (!next->empty() && next->front().first <= last) return stays("other records stand in its place");
  released.back =
      RemoteSegment{state.scope.id, *origin, place->first, static_cast<std::uint32_t>(place->count), item.body};
  return std::string("back in its place");
}

Result<std::string> SqliteStore::put_back_version(ScopeState& state, const Quarantined& item) {
  auto version = read_version(static_cast<std::uint32_t>(state.scope.id), item);
  if (!version) return stays("its check does not match");
  const VersionKey key{version->first.manifest.number, to_hex(version->first.manifest.id)};
  const auto known = release(state.scope.id, key);
  if (!known && !known.error().is(Errc::not_found)) return known.error();
  if (known && !known->content.empty()) return std::string("it is there already");
  // Another one is in use by now. The active one was left in good standing; one on trial never was proved.
  VersionRole role = version->second;
  if (role == VersionRole::active) role = VersionRole::confirmed;
  if (role == VersionRole::trial) role = VersionRole::superseded;
  save_version(state.scope.id, version->first, role);
  return "back in the history as version " + std::to_string(key.number);
}

Result<std::string> SqliteStore::put_back(ScopeState& state, const Quarantined& item, Released& released,
                                          Timestamp wall) {
  switch (item.kind) {
    case Quarantined::Kind::cell:
      return put_back_cell(state, item, wall);
    case Quarantined::Kind::records:
    case Quarantined::Kind::refused:
      return put_back_records(state, item, released);
    case Quarantined::Kind::version:
      return put_back_version(state, item);
    case Quarantined::Kind::log:
      return stays("the log was written anew from what is left; nothing of it can be put back");
    case Quarantined::Kind::journal:
      return stays("it tells what was before, and is no write");
  }
  return stays("unknown kind");
}

Result<Replayed> SqliteStore::replay(std::uint64_t id, Timestamp wall) {
  if (auto open = revive(); !open) return open.error();
  const auto rows = id == 0 ? Result<std::vector<AsideRow>>(std::vector<AsideRow>()) : read_aside(file_, id - 1, 1);
  if (!rows) return rows.error();
  if (rows->empty() || rows->front().item.id != id)
    return Error(Errc::not_found, "quarantine: nothing has the number " + std::to_string(id));
  if (full()) return no_room("replay");
  ScopeState* state = find(static_cast<ScopeId>(rows->front().sid));
  if (state == nullptr || state->policy.given_up) return Replayed{id, false, "its scope is not in this database"};
  Released released{{id}, true, {}};
  auto done = put_back(*state, rows->front().item, released, wall);
  if (!done) return Replayed{id, false, done.error().detail};
  touch(*state);
  arrive(std::move(released));
  return Replayed{id, true, *std::move(done)};
}

Result<Ticket> SqliteStore::drop(std::vector<std::uint64_t> ids) {
  if (full()) return no_room("drop");
  return arrive(Released{std::move(ids), false, {}});
}

Ticket SqliteStore::set_aside(RefusedSegment refused) {
  if (ScopeState* state = find(refused.scope)) touch(*state);
  return arrive(std::move(refused));
}

}  // namespace edgesync::store
