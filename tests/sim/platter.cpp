// SPDX-License-Identifier: Apache-2.0
#include "sim/platter.hpp"

#include "sim/fault_vfs.hpp"

#include <sqlite3.h>

namespace edgesync::sim {
namespace {

constexpr const char* query =
    "SELECT scope.name, origin.replica, ctx.stamp FROM ctx JOIN scope USING (sid) JOIN origin USING (oid)";

using Database = std::unique_ptr<sqlite3, decltype(&sqlite3_close)>;
using Statement = std::unique_ptr<sqlite3_stmt, decltype(&sqlite3_finalize)>;

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
  sqlite3* opened = nullptr;
  int code = sqlite3_open_v2("node.db", &opened, SQLITE_OPEN_READWRITE, vfs.name().c_str());
  const Database db(opened, sqlite3_close);
  if (code == SQLITE_OK) code = sqlite3_exec(opened, "PRAGMA locking_mode=EXCLUSIVE", nullptr, nullptr, nullptr);
  sqlite3_db_config(opened, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  sqlite3_stmt* prepared = nullptr;
  if (code == SQLITE_OK) code = sqlite3_prepare_v2(opened, query, -1, &prepared, nullptr);
  const Statement rows(prepared, sqlite3_finalize);
  contexts_.clear();
  while (code == SQLITE_OK && (code = sqlite3_step(prepared)) == SQLITE_ROW) {
    const std::string name(static_cast<const char*>(sqlite3_column_blob(prepared, 0)),
                           static_cast<std::size_t>(sqlite3_column_bytes(prepared, 0)));
    contexts_[name].advance({replica_at(prepared, 1), static_cast<crdt::Stamp>(sqlite3_column_int64(prepared, 2))});
    code = SQLITE_OK;
  }
  if (code != SQLITE_DONE) return Error(Errc::storage_io, sqlite3_errstr(code));
  changes_ = disk.durable_changes();
  return {};
}

}  // namespace edgesync::sim
