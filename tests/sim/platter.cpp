// SPDX-License-Identifier: Apache-2.0
#include "sim/platter.hpp"

#include "sim/plain_db.hpp"

namespace edgesync::sim {
namespace {

constexpr const char* query =
    "SELECT scope.name, origin.replica, ctx.stamp FROM ctx JOIN scope USING (sid) JOIN origin USING (oid)";

ReplicaId replica_at(sqlite3_stmt* row, int column) {
  ReplicaId id;
  if (static_cast<std::size_t>(sqlite3_column_bytes(row, column)) == id.bytes.size())
    std::memcpy(id.bytes.data(), sqlite3_column_blob(row, column), id.bytes.size());
  return id;
}

}  // namespace

Result<crdt::Context> Platter::context(const Disk& disk, const std::string& scope) {
  if (changes_ != disk.durable_changes())
    if (auto good = read(disk); !good) return good.error();
  const auto at = contexts_.find(scope);
  return at == contexts_.end() ? crdt::Context{} : at->second;
}

Result<void> Platter::read(const Disk& disk) {
  const std::unique_ptr<Disk> copy = disk.durable_copy();
  const FaultVfs vfs(*copy);
  PlainDb db(vfs);
  sqlite3_db_config(db.handle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  const PlainDb::Statement rows = db.prepare(query);
  int code = db.code();
  contexts_.clear();
  while (code == SQLITE_OK && (code = sqlite3_step(rows.get())) == SQLITE_ROW) {
    const std::string name(static_cast<const char*>(sqlite3_column_blob(rows.get(), 0)),
                           static_cast<std::size_t>(sqlite3_column_bytes(rows.get(), 0)));
    contexts_[name].advance({replica_at(rows.get(), 1), static_cast<crdt::Stamp>(sqlite3_column_int64(rows.get(), 2))});
    code = SQLITE_OK;
  }
  if (code != SQLITE_DONE) return Error(Errc::storage_io, sqlite3_errstr(code));
  changes_ = disk.durable_changes();
  return {};
}

}  // namespace edgesync::sim
