// SPDX-License-Identifier: Apache-2.0
// PlainDb: a node's database opened with plain SQL, beside whatever the store thinks of it.
#pragma once

#include "sim/fault_vfs.hpp"

#include <sqlite3.h>

#include <memory>

namespace edgesync::sim {

class PlainDb {
 public:
  using Statement = std::unique_ptr<sqlite3_stmt, decltype(&sqlite3_finalize)>;

  explicit PlainDb(const FaultVfs& vfs) {
    sqlite3* opened = nullptr;
    code_ = sqlite3_open_v2("node.db", &opened, SQLITE_OPEN_READWRITE, vfs.name().c_str());
    db_.reset(opened);
    run("PRAGMA locking_mode=EXCLUSIVE");  // the log without shared memory
  }

  sqlite3* handle() const noexcept { return db_.get(); }
  int code() const noexcept { return code_; }  ///< The first that was not good.
  void run(const char* sql) {
    if (code_ == SQLITE_OK) code_ = sqlite3_exec(db_.get(), sql, nullptr, nullptr, nullptr);
  }
  Statement prepare(const char* sql) {
    sqlite3_stmt* made = nullptr;
    if (code_ == SQLITE_OK) code_ = sqlite3_prepare_v2(db_.get(), sql, -1, &made, nullptr);
    return {made, sqlite3_finalize};
  }

 private:
  std::unique_ptr<sqlite3, decltype(&sqlite3_close)> db_{nullptr, sqlite3_close};
  int code_ = SQLITE_OK;
};

}  // namespace edgesync::sim
