// SPDX-License-Identifier: Apache-2.0
#include "store/owners.hpp"

#include "store/file.hpp"
#include "store/row_check.hpp"

namespace edgesync::store {
namespace {

constexpr std::string_view behind = "owner0";

std::uint32_t check_of(const ReplicaId& id, ByteView row) { return row_check({}, id.bytes, row); }

/// The ids of which something is told that is not known yet.
std::vector<ReplicaId> news(const crdt::Context& told, const crdt::Context& mine) {
  std::vector<ReplicaId> ids;
  for (const crdt::Context::Item& item : told.items())
    if (item.stamp > mine[item.replica]) ids.push_back(item.replica);
  return ids;
}

}  // namespace

void Owners::read(SqliteDb& db) {
  *this = {};
  Query rows(db, Sql::meta_scan);
  rows.bind_text(prefix).bind_text(behind);
  while (rows.step()) {
    const auto bytes = from_hex(as_text(rows.blob(0)).substr(prefix.size()));
    const auto id = replica_of(bytes ? ByteView(*bytes) : ByteView());
    const ByteView row = rows.blob(1), body = row.first(row.size() - std::min(row.size(), check_bytes));
    Reader in(body);
    Owner owner{std::string(as_text(in.blob())), in.u8() != 0};
    if (!id || !in.done() || owner.name.empty() || check_at_end(row) != check_of(*id, body)) continue;
    put(*id, std::move(owner));
  }
  unwritten_.clear();
}

void Owners::write(SqliteDb& db) {
  for (const ReplicaId& id : std::exchange(unwritten_, {})) {
    const auto& [name, goes_by] = owners_.at(id);
    Bytes row;
    Writer out(row);
    out.blob(as_view(name));
    out.u8(goes_by ? 1 : 0);
    append_check(row, check_of(id, row));
    Query(db, Sql::meta_put).bind_text(std::string(prefix) + to_string(id)).bind(row).step();
  }
}

Result<void> Owners::admit(const File& file, const Teller& teller, const crdt::Context& told,
                           const crdt::Context& mine) const {
  const auto refused = [](const ReplicaId& id, std::string_view why) {
    return Error(Errc::forbidden, "changes of replica " + to_string(id) + ", " + std::string(why));
  };
  std::size_t ids = ids_of(teller.name);
  for (const ReplicaId& id : news(told, mine)) {
    const auto owner = owners_.find(id);
    if (owner != owners_.end() && owner->second.name == teller.name) continue;
    if (id == file.replica() || file.is_self(id)) return refused(id, "which is this hub's");
    if (owner != owners_.end() && owner->second.goes_by)
      return refused(id, "which is another node's, and has not told them here yet");
    const bool unheard = owner == owners_.end() && file.origins.find(id) == 0;
    if (id != teller.replica && !unheard) return refused(id, "which has not told them here yet");
    if (++ids > ids_max) return refused(id, "one too many of \"" + teller.name + "\"");
  }
  return {};
}

void Owners::note(const Teller& teller, const crdt::Context& told, const crdt::Context& mine) {
  for (const ReplicaId& id : news(told, mine)) {
    const bool goes_by = id == teller.replica;
    if (!goes_by && !teller.own_only) continue;  // a relay brings what others made
    const auto owner = owners_.find(id);
    const bool known = owner != owners_.end() && (owner->second.goes_by || !goes_by);
    if (!known && ids_of(teller.name) < ids_max) put(id, {teller.name, goes_by});
  }
}

std::size_t Owners::ids_of(const std::string& name) const {
  const auto at = counts_.find(name);
  return at == counts_.end() ? 0 : at->second;
}

void Owners::put(const ReplicaId& id, Owner owner) {
  Owner& known = owners_[id];
  if (!known.name.empty() && --counts_[known.name] == 0) counts_.erase(known.name);
  ++counts_[owner.name];
  known = std::move(owner);
  unwritten_.insert(id);
}

}  // namespace edgesync::store
