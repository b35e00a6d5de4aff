// SPDX-License-Identifier: Apache-2.0
// The disk must be trusted before what runs on it is judged: plain SQLite on it keeps what it promises, and the disk
// breaks what it is told to break.
#include "sim/fault_vfs.hpp"

#include <gtest/gtest.h>
#include <sqlite3.h>

namespace edgesync::sim {
namespace {

/// A connection that is closed however the test ends.
class Connection {
 public:
  explicit Connection(const FaultVfs& vfs) {
    sqlite3_open_v2("t.db", &db_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, vfs.name().c_str());
  }
  ~Connection() { sqlite3_close_v2(db_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  int run(const std::string& sql) { return sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr); }
  bool prepare_log() {
    return run("PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
               "CREATE TABLE IF NOT EXISTS t(n INTEGER PRIMARY KEY, x BLOB)") == SQLITE_OK;
  }
  int insert(int n) { return run("INSERT INTO t VALUES(" + std::to_string(n) + ", randomblob(3000))"); }
  std::int64_t integer(const char* sql) {
    std::int64_t value = -1;
    sqlite3_exec(
        db_, sql,
        [](void* out, int, char** row, char**) { return *static_cast<std::int64_t*>(out) = std::atoll(row[0]), 0; },
        &value, nullptr);
    return value;
  }
  bool sound() { return integer("SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'") == 1; }

 private:
  sqlite3* db_ = nullptr;
};

TEST(Disk, KeepsEveryCommittedRowThroughAPowerCutAtAnyOperation) {
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    Disk disk(seed);
    FaultVfs vfs(disk);
    int committed = 0;
    {
      Connection connection(vfs);
      ASSERT_TRUE(connection.prepare_log());
      disk.die_after(1 + seed % 60);
      while (connection.insert(committed + 1) == SQLITE_OK) ++committed;
      disk.crash(true);
    }
    Connection again(vfs);
    ASSERT_TRUE(again.prepare_log()) << "seed " << seed;
    const auto rows = again.integer("SELECT count(*) FROM t");
    EXPECT_GE(rows, committed) << "seed " << seed;
    EXPECT_LE(rows, committed + 1) << "seed " << seed;
    EXPECT_TRUE(again.sound()) << "seed " << seed;
  }
}

TEST(Disk, LosesWhatWasNotSynced) {
  std::uint64_t lost = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Disk disk(seed);
    FaultVfs vfs(disk);
    {
      Connection connection(vfs);
      ASSERT_TRUE(connection.prepare_log());
      ASSERT_EQ(connection.run("PRAGMA synchronous=NORMAL"), SQLITE_OK);
      for (int n = 1; n <= 20; ++n) ASSERT_EQ(connection.insert(n), SQLITE_OK);
      disk.crash(true);
    }
    Connection again(vfs);
    ASSERT_TRUE(again.prepare_log());
    lost += static_cast<std::uint64_t>(20 - again.integer("SELECT count(*) FROM t"));
  }
  EXPECT_GT(lost, 100u);
}

TEST(Disk, KeepsUnsyncedWritesWhenOnlyTheProcessDies) {
  Disk disk(1);
  FaultVfs vfs(disk);
  {
    Connection connection(vfs);
    ASSERT_TRUE(connection.prepare_log());
    ASSERT_EQ(connection.run("PRAGMA synchronous=OFF"), SQLITE_OK);
    for (int n = 1; n <= 20; ++n) ASSERT_EQ(connection.insert(n), SQLITE_OK);
    disk.crash(false);
  }
  Connection again(vfs);
  ASSERT_TRUE(again.prepare_log());
  EXPECT_EQ(again.integer("SELECT count(*) FROM t"), 20);
}

TEST(Disk, ReportsFullAndRecovers) {
  Disk disk(1);
  FaultVfs vfs(disk);
  Connection connection(vfs);
  ASSERT_TRUE(connection.prepare_log());
  disk.faults.capacity = disk.used() + 1'000;
  EXPECT_EQ(connection.insert(1), SQLITE_FULL);
  disk.faults = {};
  EXPECT_EQ(connection.insert(1), SQLITE_OK);
  EXPECT_TRUE(connection.sound());
}

TEST(Disk, FailsSyncsAndWritesWhenAsked) {
  Disk disk(1);
  FaultVfs vfs(disk);
  Connection connection(vfs);
  ASSERT_TRUE(connection.prepare_log());
  disk.faults.sync_one_in = 1;
  EXPECT_EQ(connection.insert(1) & 0xff, SQLITE_IOERR);
  disk.faults = {};
  disk.faults.write_one_in = 1;
  EXPECT_EQ(connection.insert(2) & 0xff, SQLITE_IOERR);
}

TEST(FaultVfs, LetsOneOpenerInOnly) {
  Disk disk(1);
  FaultVfs vfs(disk);
  Connection first(vfs);
  ASSERT_TRUE(first.prepare_log());
  Connection second(vfs);
  EXPECT_EQ(second.run("SELECT count(*) FROM t") & 0xff, SQLITE_BUSY);
}

}  // namespace
}  // namespace edgesync::sim
