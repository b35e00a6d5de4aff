// SPDX-License-Identifier: Apache-2.0
#include "sim/fault_vfs.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <new>

namespace edgesync::sim {
namespace {

constexpr std::int64_t unix_epoch_julian_ms = 210866760000000;

/// An open file. SQLite allocates it and frees it after xClose.
struct Handle : sqlite3_file {
  FaultVfs* vfs;
  Disk::FilePtr file;
  std::uint64_t epoch;
  int level;
  bool delete_on_close;
};

Handle& handle(sqlite3_file* file) { return *static_cast<Handle*>(file); }
Disk& disk(Handle& open) { return open.vfs->disk(); }
FaultVfs& self(sqlite3_vfs* vfs) { return *static_cast<FaultVfs*>(vfs->pAppData); }

/// A handle from before a crash, or on a machine that has stopped.
bool cut_off(Handle& open) { return open.epoch != disk(open).epoch() || disk(open).dead(); }

int code(DiskResult result, int io_error) {
  if (result == DiskResult::full) return SQLITE_FULL;
  return result == DiskResult::good ? SQLITE_OK : io_error;
}

int unlock(sqlite3_file* file, int level) {
  Handle& open = handle(file);
  if (open.epoch == disk(open).epoch()) {
    Disk::File& held = *open.file;
    if (held.exclusive == &open && level < SQLITE_LOCK_EXCLUSIVE) held.exclusive = nullptr;
    if (held.reserved == &open && level < SQLITE_LOCK_RESERVED) held.reserved = nullptr;
    if (open.level >= SQLITE_LOCK_SHARED && level < SQLITE_LOCK_SHARED) --held.shared;
  }
  open.level = std::min(open.level, level);
  return SQLITE_OK;
}

int close(sqlite3_file* file) {
  Handle& open = handle(file);
  unlock(file, SQLITE_LOCK_NONE);
  if (open.delete_on_close && !cut_off(open)) disk(open).remove(open.file->name, false);
  open.~Handle();
  return SQLITE_OK;
}

int read(sqlite3_file* file, void* out, int amount, sqlite3_int64 offset) {
  Handle& open = handle(file);
  if (cut_off(open)) return SQLITE_IOERR_READ;
  const auto wanted = static_cast<std::size_t>(amount);
  std::size_t got = 0;
  const auto result =
      disk(open).read(*open.file, static_cast<std::uint64_t>(offset), {static_cast<std::byte*>(out), wanted}, got);
  if (result != DiskResult::good) return SQLITE_IOERR_READ;
  if (got == wanted) return SQLITE_OK;
  std::memset(static_cast<char*>(out) + got, 0, wanted - got);
  return SQLITE_IOERR_SHORT_READ;
}

int write(sqlite3_file* file, const void* data, int amount, sqlite3_int64 offset) {
  Handle& open = handle(file);
  if (cut_off(open)) return SQLITE_IOERR_WRITE;
  const ByteView bytes(static_cast<const std::byte*>(data), static_cast<std::size_t>(amount));
  return code(disk(open).write(*open.file, static_cast<std::uint64_t>(offset), bytes), SQLITE_IOERR_WRITE);
}

int truncate(sqlite3_file* file, sqlite3_int64 size) {
  Handle& open = handle(file);
  if (cut_off(open)) return SQLITE_IOERR_TRUNCATE;
  return code(disk(open).truncate(*open.file, static_cast<std::uint64_t>(size)), SQLITE_IOERR_TRUNCATE);
}

int sync(sqlite3_file* file, int) {
  Handle& open = handle(file);
  if (cut_off(open)) return SQLITE_IOERR_FSYNC;
  return code(disk(open).sync(*open.file), SQLITE_IOERR_FSYNC);
}

int file_size(sqlite3_file* file, sqlite3_int64* size) {
  Handle& open = handle(file);
  if (cut_off(open)) return SQLITE_IOERR_FSTAT;
  *size = static_cast<sqlite3_int64>(open.file->current.size());
  return SQLITE_OK;
}

int lock(sqlite3_file* file, int level) {
  Handle& open = handle(file);
  if (cut_off(open)) return SQLITE_IOERR_LOCK;
  Disk::File& held = *open.file;
  const bool others = held.shared > (open.level >= SQLITE_LOCK_SHARED ? 1 : 0);
  if (held.exclusive != nullptr && held.exclusive != &open) return SQLITE_BUSY;
  if (level >= SQLITE_LOCK_RESERVED && held.reserved != nullptr && held.reserved != &open) return SQLITE_BUSY;
  if (level >= SQLITE_LOCK_EXCLUSIVE && others) return SQLITE_BUSY;
  if (open.level < SQLITE_LOCK_SHARED && level >= SQLITE_LOCK_SHARED) ++held.shared;
  if (level >= SQLITE_LOCK_RESERVED) held.reserved = &open;
  if (level >= SQLITE_LOCK_EXCLUSIVE) held.exclusive = &open;
  open.level = std::max(open.level, level);
  return SQLITE_OK;
}

int check_reserved(sqlite3_file* file, int* reserved) {
  *reserved = handle(file).file->reserved != nullptr;
  return SQLITE_OK;
}

int control(sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; }
int sector(sqlite3_file*) { return static_cast<int>(Disk::sector_bytes); }
int characteristics(sqlite3_file*) { return 0; }

constexpr sqlite3_io_methods methods{
    1,      close,           read,    write,   truncate, sync,    file_size, lock,   unlock, check_reserved, control,
    sector, characteristics, nullptr, nullptr, nullptr,  nullptr, nullptr,   nullptr};

int open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* flags_out) {
  file->pMethods = nullptr;
  FaultVfs& owner = self(vfs);
  if (name == nullptr || owner.disk().dead()) return SQLITE_CANTOPEN;
  const bool is_database = (flags & SQLITE_OPEN_MAIN_DB) != 0;
  auto opened = owner.disk().open(name, (flags & SQLITE_OPEN_CREATE) != 0, is_database);
  if (!opened) return SQLITE_CANTOPEN;
  auto* made = new (static_cast<void*>(file))
      Handle{{nullptr}, &owner, std::move(opened), owner.disk().epoch(), 0, (flags & SQLITE_OPEN_DELETEONCLOSE) != 0};
  made->pMethods = &methods;
  if (flags_out != nullptr) *flags_out = flags;
  return SQLITE_OK;
}

int remove(sqlite3_vfs* vfs, const char* name, int sync_directory) {
  if (!self(vfs).disk().exists(name)) return SQLITE_IOERR_DELETE_NOENT;
  return code(self(vfs).disk().remove(name, sync_directory != 0), SQLITE_IOERR_DELETE);
}

int access(sqlite3_vfs* vfs, const char* name, int, int* found) {
  *found = self(vfs).disk().exists(name);
  return SQLITE_OK;
}

int full_path(sqlite3_vfs*, const char* name, int size, char* out) {
  sqlite3_snprintf(size, out, "%s", name);
  return SQLITE_OK;
}

int randomness(sqlite3_vfs* vfs, int size, char* out) {
  for (int i = 0; i < size; ++i) out[i] = static_cast<char>(self(vfs).disk().random().below(256));
  return size;
}

int sleep(sqlite3_vfs* vfs, int microseconds) {
  self(vfs).now_ms += microseconds / 1000;
  return microseconds;
}

int current_time_64(sqlite3_vfs* vfs, sqlite3_int64* out) {
  *out = unix_epoch_julian_ms + self(vfs).now_ms;
  return SQLITE_OK;
}

int current_time(sqlite3_vfs* vfs, double* out) {
  *out = static_cast<double>(unix_epoch_julian_ms + self(vfs).now_ms) / 86400000.0;
  return SQLITE_OK;
}

int last_error(sqlite3_vfs*, int, char*) { return 0; }

}  // namespace

FaultVfs::FaultVfs(Disk& disk, bool makes_default) : disk_(disk), vfs_(std::make_unique<sqlite3_vfs>()) {
  // Two that exist at once have two addresses, and SQLite knows a VFS by its name only.
  char name[40];
  sqlite3_snprintf(sizeof name, name, "edgesync-sim-%p", static_cast<void*>(this));
  name_ = name;
  *vfs_ = {};
  vfs_->iVersion = 2;
  vfs_->szOsFile = static_cast<int>(sizeof(Handle));
  vfs_->mxPathname = 512;
  vfs_->zName = name_.c_str();
  vfs_->pAppData = this;
  vfs_->xOpen = open;
  vfs_->xDelete = remove;
  vfs_->xAccess = access;
  vfs_->xFullPathname = full_path;
  vfs_->xRandomness = randomness;
  vfs_->xSleep = sleep;
  vfs_->xCurrentTime = current_time;
  vfs_->xGetLastError = last_error;
  vfs_->xCurrentTimeInt64 = current_time_64;
  sqlite3_vfs_register(vfs_.get(), makes_default ? 1 : 0);
  if (makes_default) sqlite3_randomness(0, nullptr);  // the next number is drawn from a fresh seed of ours
}

FaultVfs::~FaultVfs() { sqlite3_vfs_unregister(vfs_.get()); }

}  // namespace edgesync::sim
