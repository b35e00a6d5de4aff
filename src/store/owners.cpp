// SPDX-License-Identifier: Apache-2.0
#include "store/owners.hpp"

#include "store/file.hpp"
#include "store/row_check.hpp"

namespace edgesync::store {
namespace {

constexpr std::string_view prefix = "owner/", behind = "owner0";

std::uint32_t check_of(const ReplicaId& id, ByteView name) { return row_check({}, id.bytes, name); }

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
    const ByteView row = rows.blob(1), name = row.first(row.size() - std::min(row.size(), check_bytes));
    if (!id || name.empty() || check_at_end(row) != check_of(*id, name)) continue;
    ++counts_[names_[*id] = std::string(as_text(name))];
  }
}

void Owners::write(SqliteDb& db) {
  for (const ReplicaId& id : std::exchange(unwritten_, {})) {
    const std::string& name = names_.at(id);
    Bytes row = to_bytes(as_view(name));
    append_check(row, check_of(id, as_view(name)));
    Query(db, Sql::meta_put).bind_text(std::string(prefix) + to_string(id)).bind(row).step();
  }
}

Result<void> Owners::admit(const File& file, const Teller& teller, const crdt::Context& told,
                           const crdt::Context& mine) const {
  const auto refused = [](const ReplicaId& id, std::string_view why) {
    return Error(Errc::forbidden, "changes of replica " + to_string(id) + ", " + std::string(why));
  };
  const auto count = counts_.find(teller.name);
  std::size_t ids = count == counts_.end() ? 0 : count->second;
  for (const ReplicaId& id : news(told, mine)) {
    const auto owner = names_.find(id);
    if (owner != names_.end() && owner->second == teller.name) continue;
    if (owner != names_.end()) return refused(id, "which is another node's, and has not told them here yet");
    const bool own = id == teller.replica || file.origins.find(id) == 0;
    if (!own || id == file.replica() || file.is_self(id)) return refused(id, "which has not told them here yet");
    if (++ids > ids_max) return refused(id, "one too many of \"" + teller.name + "\"");
  }
  return {};
}

void Owners::claim(const Teller& teller, const crdt::Context& told, const crdt::Context& mine) {
  for (const ReplicaId& id : news(told, mine)) {
    if (!names_.emplace(id, teller.name).second) continue;
    ++counts_[teller.name];
    unwritten_.insert(id);
  }
}

}  // namespace edgesync::store
