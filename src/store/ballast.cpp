// SPDX-License-Identifier: Apache-2.0
#include "store/ballast.hpp"

#include <sqlite3.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

namespace edgesync::store {
namespace {

constexpr std::size_t step_bytes = std::size_t{64} * 1024;

sqlite3_vfs* find(const std::string& name) { return sqlite3_vfs_find(name.empty() ? nullptr : name.c_str()); }

/// Writes what `file` lacks of `bytes`; a hole would take no space.
bool fill(sqlite3_file& file, std::size_t bytes) {
  sqlite3_int64 size = 0;
  if (file.pMethods->xFileSize(&file, &size) != SQLITE_OK) return false;
  const std::vector<char> step(step_bytes, 'b');
  for (auto at = static_cast<std::size_t>(size); at < bytes; at += step_bytes) {
    const auto count = static_cast<int>(std::min(step_bytes, bytes - at));
    if (file.pMethods->xWrite(&file, step.data(), count, static_cast<sqlite3_int64>(at)) != SQLITE_OK) return false;
  }
  return static_cast<std::size_t>(size) >= bytes || file.pMethods->xSync(&file, SQLITE_SYNC_NORMAL) == SQLITE_OK;
}

}  // namespace

/// A full disk is asked at every refused call: it must not be written to for that. Other systems than the default one
/// cannot be asked. What is kept back for the superuser counts for the superuser.
bool Ballast::has_room() const noexcept {
  struct statvfs system {};
  if (!vfs_.empty() || ::statvfs(database_.c_str(), &system) != 0) return true;
  const std::uint64_t blocks = ::geteuid() == 0 ? system.f_bfree : system.f_bavail;
  return blocks * system.f_frsize >= bytes_;
}

bool Ballast::make() {
  sqlite3_vfs* const vfs = find(vfs_);
  if (held_ || !wanted() || vfs == nullptr || !has_room()) return held_;
  std::vector<std::max_align_t> memory(static_cast<std::size_t>(vfs->szOsFile) / sizeof(std::max_align_t) + 1);
  auto* const file = reinterpret_cast<sqlite3_file*>(memory.data());
  // As a journal it inherits the mode of the database that its name begins with.
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MAIN_JOURNAL;
  file->pMethods = nullptr;
  if (vfs->xOpen(vfs, path_.c_str(), file, flags, nullptr) == SQLITE_OK) held_ = fill(*file, bytes_);
  if (file->pMethods != nullptr) file->pMethods->xClose(file);
  if (!held_) release();  // half of it is in the way
  return held_;
}

void Ballast::release() noexcept {
  held_ = false;
  if (sqlite3_vfs* const vfs = find(vfs_); vfs != nullptr && wanted()) vfs->xDelete(vfs, path_.c_str(), 0);
}

}  // namespace edgesync::store
