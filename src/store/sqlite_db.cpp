// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite_db.hpp"

#include "base/planted.hpp"
#include "store/row_check.hpp"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

namespace edgesync::store {
namespace {

constexpr int blob_bytes_max = 64 << 20;  // four times the largest rows that edgesync writes: FORMAT.md
constexpr int wal_pages_max = 1000;       // 4 MB of write-ahead log between checkpoints
constexpr int wal_bytes_kept = 4 << 20;   // what a checkpoint leaves of a longer one

Errc errc_of(int code) noexcept {
  switch (code & 0xff) {
    case SQLITE_FULL:
      return Errc::storage_full;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Errc::already_open;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_CONSTRAINT:  // rows that the store's own invariants exclude
    case SQLITE_MISMATCH:
    case SQLITE_ERROR:  // a statement that no longer fits the tables
      return Errc::storage_corrupt;
    case SQLITE_TOOBIG:
      return Errc::limit_exceeded;
    default:
      return Errc::storage_io;
  }
}

/// A path that SQLite would read as a URI or as a name with a meaning.
std::string plain(const std::string& path) {
  const bool special = path.starts_with(':') || path.starts_with("file:");
  return special ? "./" + path : path;
}

void sync_directory_of(const std::string& path) noexcept {
  std::error_code ignored;
  const auto directory = std::filesystem::path(path).parent_path();
  const int fd = ::open(directory.empty() ? "." : directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  ::fsync(fd);
  ::close(fd);
}

/// Only FULL syncs the log with every commit.
const char* synchronous() noexcept {
  if (planted(Bug::ship_before_durable)) return "OFF";
  return planted(Bug::synchronous_normal) ? "NORMAL" : "FULL";
}

/// row_check(integer...) for statements: the check over the numbers of a row.
void row_check_in_sql(sqlite3_context* context, int count, sqlite3_value** values) {
  Bytes numbers;
  Writer out(numbers);
  for (int i = 0; i < count; ++i) out.u64(static_cast<std::uint64_t>(sqlite3_value_int64(values[i])));
  sqlite3_result_int64(context, row_check({}, numbers));
}

}  // namespace

SqliteDb::SqliteDb(std::string path, std::string vfs, std::size_t cache_bytes)
    : path_(std::move(path)), vfs_(std::move(vfs)), cache_bytes_(cache_bytes) {}

SqliteDb::~SqliteDb() { close(false); }

Error SqliteDb::error(int code, const char* operation) const {
  std::string detail = "store: " + path_ + ": " + operation + ": ";
  detail += db_ != nullptr && sqlite3_extended_errcode(db_) == code ? sqlite3_errmsg(db_) : sqlite3_errstr(code);
  return {errc_of(code), std::move(detail)};
}

void SqliteDb::fail(Error error) {
  if (!error_) error_ = std::move(error);
}

void SqliteDb::fail(int code, const char* operation) { fail(error(code, operation)); }

void SqliteDb::corrupt(std::string what) {
  fail(Error(Errc::storage_corrupt, "store: " + path_ + ": " + std::move(what)));
}

std::optional<Error> SqliteDb::take_error() noexcept {
  if (keeps_errors_) return error_;
  std::optional<Error> taken = std::move(error_);
  error_.reset();
  return taken;
}

Result<void> SqliteDb::create_file() {
  // SQLite gives its other files the mode of this one, so 0600 here is 0600 everywhere.
  const int fd = ::open(plain(path_).c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd >= 0) {
    ::close(fd);
    sync_directory_of(plain(path_));
    return {};
  }
  const int reason = errno;
  if (reason == EEXIST) return {};
  const Errc errc = reason == ENOSPC || reason == EDQUOT ? Errc::storage_full : Errc::storage_io;
  return Error(errc, "store: " + path_ + ": create: " + std::generic_category().message(reason));
}

Result<void> SqliteDb::open(bool create) {
  error_.reset();
  process_ = process();
  log_id_ = {};
  log_left_ = log_there();
  log_doubtful_ = false;
  if (vfs_.empty() && create) {
    if (auto created = create_file(); !created) return created;
  }
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_EXRESCODE |
                    (create ? SQLITE_OPEN_CREATE : 0);
  const int code = sqlite3_open_v2(plain(path_).c_str(), &db_, flags, vfs_.empty() ? nullptr : vfs_.c_str());
  Result<void> opened = code == SQLITE_OK ? configure() : Result<void>(error(code, "open"));
  if (!opened) give_up(opened.error());
  id_ = id_of("");
  return opened;
}

Result<void> SqliteDb::configure() {
  for (const int off : {SQLITE_DBCONFIG_TRUSTED_SCHEMA, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION,
                        SQLITE_DBCONFIG_ENABLE_TRIGGER, SQLITE_DBCONFIG_ENABLE_VIEW})
    sqlite3_db_config(db_, off, 0, nullptr);
  sqlite3_db_config(db_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  const int made =
      sqlite3_create_function_v2(db_, "row_check", -1, SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY, nullptr,
                                 row_check_in_sql, nullptr, nullptr, nullptr);
  if (made != SQLITE_OK) return error(made, "open");
  sqlite3_limit(db_, SQLITE_LIMIT_LENGTH, blob_bytes_max);
  sqlite3_limit(db_, SQLITE_LIMIT_ATTACHED, 0);
  // locking_mode first: the write-ahead log's index then lives in memory, and the first read takes the lock for good.
  const std::string pragmas =
      "PRAGMA locking_mode=EXCLUSIVE; PRAGMA cell_size_check=ON; PRAGMA mmap_size=0;"
      "PRAGMA temp_store=MEMORY; PRAGMA secure_delete=FAST; PRAGMA synchronous=" +
      std::string(synchronous()) + "; PRAGMA cache_size=-" + std::to_string(cache_bytes_ / 1024);
  return run(pragmas.c_str(), "open");
}

Result<void> SqliteDb::take() {
  sqlite3_wal_hook(db_, checkpoint, this);
  const std::string pragmas = "PRAGMA journal_mode=WAL; PRAGMA journal_size_limit=" + std::to_string(wal_bytes_kept) +
                              "; BEGIN IMMEDIATE; COMMIT";
  return run(pragmas.c_str(), "open");
}

int SqliteDb::checkpoint(void* self, sqlite3* db, const char* name, int pages) {
  if (pages < wal_pages_max) return SQLITE_OK;
  auto& owner = *static_cast<SqliteDb*>(self);
  const int code = sqlite3_wal_checkpoint_v2(db, name, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
  if (code != SQLITE_OK) owner.log_error_ = owner.error(code, "checkpoint");
  owner.log_doubtful_ = owner.log_doubtful_ || (code & 0xff) == SQLITE_IOERR;
  return SQLITE_OK;  // the commit is in the log, whatever became of the checkpoint
}

std::optional<Error> SqliteDb::take_log_error() noexcept { return std::exchange(log_error_, std::nullopt); }

void SqliteDb::give_up(Error reason) {
  close(true);
  unusable_ = std::move(reason);
}

void SqliteDb::close(bool after_failure) noexcept {
  if (inherited()) {
    // The parent's file: closing it here would end its write-ahead log under it. Better to lose the memory.
    statements_ = {};
    db_ = nullptr;
  }
  for (sqlite3_stmt*& statement : statements_) {
    sqlite3_finalize(statement);
    statement = nullptr;
  }
  if (db_ == nullptr) return;
  if (after_failure || log_stays_) sqlite3_db_config(db_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  sqlite3_close_v2(db_);
  db_ = nullptr;
}

Result<void> SqliteDb::copy_to(const std::string& path, const Function<void(SqliteDb& copy)>& finish) {
  std::error_code failure;
  if (std::filesystem::exists(plain(path), failure))
    return Error(Errc::invalid_argument, "backup: " + path + ": there is such a file already");
  const std::string unfinished = path + ".part";
  std::filesystem::remove(plain(unfinished), failure);
  {
    SqliteDb copy(unfinished, vfs_, cache_bytes_);
    if (auto opened = copy.open(true); !opened) return opened;
    sqlite3_backup* const pages = sqlite3_backup_init(copy.db_, "main", db_, "main");
    if (pages == nullptr) return copy.error(sqlite3_errcode(copy.db_), "backup");
    sqlite3_backup_step(pages, -1);
    if (const int code = sqlite3_backup_finish(pages); code != SQLITE_OK) return copy.error(code, "backup");
    finish(copy);
    if (auto error = copy.take_error()) return *std::move(error);
  }
  std::filesystem::rename(plain(unfinished), plain(path), failure);
  if (failure) return Error(Errc::storage_io, "backup: " + path + ": " + failure.message());
  sync_directory_of(plain(path));
  return {};
}

Result<void> SqliteDb::run(const char* sql, const char* operation) {
  const int code = sqlite3_exec(db_, sql, nullptr, nullptr, nullptr);
  if (code == SQLITE_OK) return {};
  return error(code, operation);
}

Result<std::int64_t> SqliteDb::integer(const char* sql, const char* operation) {
  sqlite3_stmt* statement = nullptr;
  int code = sqlite3_prepare_v2(db_, sql, -1, &statement, nullptr);
  if (code == SQLITE_OK) code = sqlite3_step(statement);
  const std::int64_t value = code == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
  const bool good = code == SQLITE_ROW || code == SQLITE_DONE;
  Result<std::int64_t> result = good ? Result<std::int64_t>(value) : Result<std::int64_t>(error(code, operation));
  sqlite3_finalize(statement);
  return result;
}

sqlite3_stmt* SqliteDb::statement(Sql sql) {
  if (error_) return nullptr;
  if (db_ == nullptr) {
    error_ = unusable_.value_or(Error(Errc::storage_io, "store: " + path_ + ": not open"));
    return nullptr;
  }
  sqlite3_stmt*& slot = statements_[static_cast<std::size_t>(sql)];
  if (slot != nullptr) return slot;
  const int code = sqlite3_prepare_v3(db_, text(sql), -1, SQLITE_PREPARE_PERSISTENT, &slot, nullptr);
  if (code != SQLITE_OK) fail(code, text(sql));
  return slot;
}

Query::Query(SqliteDb& db, Sql sql) : db_(db), sql_(sql), statement_(db.statement(sql)) {}

Query::~Query() {
  if (statement_ != nullptr) sqlite3_reset(statement_);
}

Query& Query::bind(std::int64_t value) {
  ++bound_;
  if (statement_ != nullptr) sqlite3_bind_int64(statement_, bound_, value);
  return *this;
}

Query& Query::bind(ByteView value) {
  ++bound_;
  if (statement_ == nullptr) return *this;
  // A null pointer would bind NULL instead of an empty blob.
  const void* data = value.empty() ? "" : static_cast<const void*>(value.data());
  const int code = sqlite3_bind_blob64(statement_, bound_, data, value.size(), SQLITE_STATIC);
  if (code != SQLITE_OK) db_.fail(code, text(sql_));
  return *this;
}

Query& Query::bind_text(std::string_view value) {
  ++bound_;
  if (statement_ == nullptr) return *this;
  const int code = sqlite3_bind_text64(statement_, bound_, value.data() == nullptr ? "" : value.data(), value.size(),
                                       SQLITE_STATIC, SQLITE_UTF8);
  if (code != SQLITE_OK) db_.fail(code, text(sql_));
  return *this;
}

bool Query::step() {
  if (statement_ == nullptr || db_.failed()) return false;
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_FULL && planted(Bug::ignore_full)) return false;
  if (code != SQLITE_DONE) db_.fail(code, text(sql_));
  return false;
}

std::int64_t Query::integer(int column) const noexcept { return sqlite3_column_int64(statement_, column); }

ByteView Query::blob(int column) const noexcept {
  const void* data = sqlite3_column_blob(statement_, column);
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column));
  return {static_cast<const std::byte*>(data), data == nullptr ? 0 : size};
}

}  // namespace edgesync::store
