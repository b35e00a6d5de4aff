// SPDX-License-Identifier: Apache-2.0
// SqliteDb: its files as files. Whether the paths still lead to those that are open, and to this process's; and the
// write-ahead log.
#include "store/sqlite_db.hpp"

#include <pthread.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>

namespace edgesync::store {
namespace {

std::uint32_t number_at(ByteView bytes, std::size_t at) noexcept {
  std::uint32_t number = 0;
  for (std::size_t i = at; i < at + 4; ++i) number = number << 8 | std::to_integer<std::uint32_t>(bytes[i]);
  return number;
}

/// Writes the log's header and the frames that follow under its salts over themselves, then syncs. Frames under other
/// salts are left from before the last checkpoint: nothing is read from them. (https://www.sqlite.org/fileformat2.html)
int rewrite(sqlite3_file& log) {
  constexpr std::size_t head_bytes = 32, frame_head_bytes = 24, salts_bytes = 8, head_salts = 16, frame_salts = 8;
  sqlite3_int64 size = 0;
  int code = log.pMethods->xFileSize(&log, &size);
  if (code != SQLITE_OK || size < static_cast<sqlite3_int64>(head_bytes)) return code;
  Bytes head(head_bytes);
  code = log.pMethods->xRead(&log, head.data(), static_cast<int>(head.size()), 0);
  if (code != SQLITE_OK) return code;
  const std::uint32_t page_bytes = number_at(head, 8);
  if (page_bytes < 512 || page_bytes > 65'536) return SQLITE_OK;  // no header: an empty log
  code = log.pMethods->xWrite(&log, head.data(), static_cast<int>(head.size()), 0);
  Bytes frame(frame_head_bytes + page_bytes);
  const auto step = static_cast<sqlite3_int64>(frame.size());
  for (sqlite3_int64 at = head_bytes; code == SQLITE_OK && at + step <= size; at += step) {
    code = log.pMethods->xRead(&log, frame.data(), static_cast<int>(frame.size()), at);
    if (code != SQLITE_OK) return code;
    if (!equal(ByteView(frame).subspan(frame_salts, salts_bytes), ByteView(head).subspan(head_salts, salts_bytes)))
      break;
    code = log.pMethods->xWrite(&log, frame.data(), static_cast<int>(frame.size()), at);
  }
  return code == SQLITE_OK ? log.pMethods->xSync(&log, SQLITE_SYNC_NORMAL) : code;
}

}  // namespace

SqliteDb::FileId SqliteDb::id_of(const char* suffix) const {
  struct stat found {};
  if (!vfs_.empty() || ::stat((path_ + suffix).c_str(), &found) != 0) return {};
  return {static_cast<std::uint64_t>(found.st_dev), static_cast<std::uint64_t>(found.st_ino)};
}

bool SqliteDb::log_there() const {
  sqlite3_vfs* const vfs = sqlite3_vfs_find(vfs_.empty() ? nullptr : vfs_.c_str());
  int there = 0;
  return vfs != nullptr && vfs->xAccess(vfs, (path_ + "-wal").c_str(), SQLITE_ACCESS_EXISTS, &there) == SQLITE_OK &&
         there != 0;
}

std::uint64_t SqliteDb::process() noexcept {
  static std::atomic<std::uint64_t> forks{0};
  static const int failed = ::pthread_atfork(nullptr, nullptr, [] { forks.fetch_add(1, std::memory_order_relaxed); });
  return failed == 0 ? forks.load(std::memory_order_relaxed) : static_cast<std::uint64_t>(::getpid());
}

bool SqliteDb::inherited() const noexcept { return db_ != nullptr && process_ != process(); }

Result<void> SqliteDb::check_place() const {
  if (inherited()) return Error(Errc::already_open, "store: " + path_ + ": belongs to the parent process");
  if (db_ == nullptr || id_of("") == id_) return {};
  return Error(Errc::storage_io, "store: " + path_ + ": the file was removed or replaced while it was open");
}

bool SqliteDb::log_lost() const {
  if (db_ == nullptr || !vfs_.empty()) return false;
  const FileId now = id_of("-wal");
  if (log_id_ == FileId{}) log_id_ = now;
  return now != log_id_;
}

Result<void> SqliteDb::move_log() {
  const int code = sqlite3_wal_checkpoint_v2(db_, nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
  if (code == SQLITE_OK) return {};
  return error(code, "move the log into the database");
}

Result<void> SqliteDb::rewrite_log() {
  sqlite3_file* log = nullptr;
  sqlite3_file_control(db_, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
  if (log == nullptr || log->pMethods == nullptr) return {};
  const int code = rewrite(*log);
  if (code == SQLITE_OK) return {};
  return error(code, "write the log again");
}

}  // namespace edgesync::store
