// SPDX-License-Identifier: Apache-2.0
// SqliteDb: one exclusive connection to one file, with prepared statements. The first failure is latched: every later
// step answers "no row" until the owner takes the error, so that readers need no error plumbing and a writer checks
// once before it commits. The lock is taken when the file is opened and held until it is closed.
#pragma once

#include "base/bytes.hpp"
#include "store/statements.hpp"

#include <edgesync/error.hpp>
#include <edgesync/function.hpp>

#include <array>
#include <optional>
#include <string>

struct sqlite3;
struct sqlite3_stmt;

namespace edgesync::store {

class SqliteDb {
 public:
  SqliteDb(std::string path, std::string vfs, std::size_t cache_bytes);
  ~SqliteDb();
  SqliteDb(const SqliteDb&) = delete;
  SqliteDb& operator=(const SqliteDb&) = delete;

  /// Opens the file, creating it if missing and `create`. Nothing is written yet, so that a file which turns out not to
  /// be ours stays as it is. Requires: !is_open(). Fails with: already_open, storage_io, storage_corrupt, storage_full.
  Result<void> open(bool create);
  /// Enters the write-ahead log and takes the lock. Fails with: as open().
  Result<void> take();
  /// After a failure the write-ahead log must be left as it is: a checkpoint would trust pages that a failed fsync may
  /// have lost, where recovery at the next open checks every frame.
  void close(bool after_failure) noexcept;
  /// Closes a file that cannot be used; every later use fails with `reason`, until open() succeeds.
  void give_up(Error reason);
  /// Writes what is valid of the write-ahead log over itself and syncs it. After a failed sync what can be read may be
  /// in the system's cache alone, marked as written; only writing it again makes a later sync mean something.
  Result<void> rewrite_log();
  /// That the path still leads to the file that is open: what is written to another one, or to none, nobody finds
  /// again. Fails with: storage_io; already_open in a process that was forked, where the file is the parent's.
  Result<void> check_place() const;
  /// True in a process that was forked while the file was open: it is the parent's.
  bool inherited() const noexcept;
  /// True if the write-ahead log is no longer where it was: what is in it is lost with this handle.
  bool log_lost() const;
  /// Moves all of the log into the database.
  Result<void> move_log();
  /// Copies the database to `path`, lets `finish` write there what makes it a copy, and only then gives it that name.
  /// Fails with: invalid_argument (`path` exists), storage_*.
  Result<void> copy_to(const std::string& path, const Function<void(SqliteDb& copy)>& finish);
  /// True if there was a log when open() was called: whoever had the file open before did not close it.
  bool log_left() const noexcept { return log_left_; }
  /// Whether close() leaves the log where it is, as a crash would.
  void leave_log(bool leave) noexcept { log_stays_ = leave; }
  bool is_open() const noexcept { return db_ != nullptr; }
  const std::string& path() const noexcept { return path_; }

  /// Runs statements without parameters; `operation` names them in the error.
  Result<void> run(const char* sql, const char* operation);
  Result<std::int64_t> integer(const char* sql, const char* operation);

  bool failed() const noexcept { return error_.has_value(); }
  /// The latched error; unlatched, unless it is kept.
  std::optional<Error> take_error() noexcept;
  /// While errors are kept, readers see them and nobody clears them: what comes after one must not be committed.
  void keep_errors(bool keep) noexcept { keeps_errors_ = keep; }
  /// Why the log could not be moved into the database since the last call: it grows.
  std::optional<Error> take_log_error() noexcept;
  /// True once a checkpoint has met an I/O error. Commits are durable all the same, but SQLite writes frames behind the
  /// last that it syncs, up to the end of a sector, and reads them, too: of these the system may have lost what it
  /// could not write. Recovery at the next open checks those it can read; that they are on the disk, too, only
  /// rewrite_log() makes sure, before anything is written behind them.
  bool log_doubtful() const noexcept { return log_doubtful_; }
  /// Latches `error`, unless one is latched already.
  void fail(Error error);
  /// Latches storage_corrupt; `what` names the table and what is wrong in it.
  void corrupt(std::string what);

 private:
  friend class Query;
  sqlite3_stmt* statement(Sql sql);
  Error error(int code, const char* operation) const;
  void fail(int code, const char* operation);
  Result<void> create_file();
  Result<void> configure();
  static int checkpoint(void* self, sqlite3* db, const char* name, int pages);

  /// Which file the path with `suffix` leads to; zeros: to none, or a VFS knows.
  struct FileId {
    std::uint64_t device = 0, inode = 0;
    bool operator==(const FileId&) const = default;
  };
  FileId id_of(const char* suffix) const;
  bool log_there() const;
  /// Another number in a child of fork() than in its parent. (Who asks the system for its id makes a call each time.)
  static std::uint64_t process() noexcept;

  std::string path_, vfs_;
  std::size_t cache_bytes_;
  FileId id_{};
  mutable FileId log_id_{};
  bool log_left_ = false, log_stays_ = false, log_doubtful_ = false, keeps_errors_ = false;
  std::uint64_t process_ = 0;
  sqlite3* db_ = nullptr;
  std::array<sqlite3_stmt*, static_cast<std::size_t>(Sql::count_)> statements_{};
  std::optional<Error> error_, unusable_, log_error_;
};

/// One use of a prepared statement: bind in order, step, read columns. Bound bytes must live until the last step;
/// columns are valid until the next one. A statement is in use by one Query at a time.
class Query {
 public:
  Query(SqliteDb& db, Sql sql);
  ~Query();
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;

  Query& bind(std::int64_t value);
  Query& bind(std::uint64_t value) { return bind(static_cast<std::int64_t>(value)); }
  Query& bind(std::uint32_t value) { return bind(std::int64_t{value}); }
  Query& bind(ByteView value);
  Query& bind(const Bytes& value) { return bind(ByteView(value)); }
  Query& bind_text(std::string_view value);

  /// True if there is a row.
  bool step();
  std::int64_t integer(int column) const noexcept;
  std::uint64_t number(int column) const noexcept { return static_cast<std::uint64_t>(integer(column)); }
  ByteView blob(int column) const noexcept;

 private:
  SqliteDb& db_;
  Sql sql_;
  sqlite3_stmt* statement_;
  int bound_ = 0;
};

}  // namespace edgesync::store
