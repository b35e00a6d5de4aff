// SPDX-License-Identifier: Apache-2.0
// FailingVfs: the system's VFS with one switch: from its N-th write or sync on, calls fail, once or until told to stop.
// Or the disk has so much room and no more. Everything else goes through, so what the store does next happens on a real
// file.
#pragma once

#include <sqlite3.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <mutex>
#include <new>
#include <string>
#include <utility>
#include <vector>

namespace edgesync::store {

class FailingVfs {
 public:
  enum class Call { write, sync };

  explicit FailingVfs(std::string name) : name_(std::move(name)), under_(sqlite3_vfs_find(nullptr)) {
    vfs_ = *under_;
    vfs_.zName = name_.c_str();
    vfs_.szOsFile = static_cast<int>(sizeof(File)) + under_->szOsFile;
    vfs_.pAppData = this;
    vfs_.xOpen = open;
    vfs_.xDelete = [](sqlite3_vfs* vfs, const char* path, int sync) {
      self(vfs).resize(path, 0);
      return below(vfs)->xDelete(below(vfs), path, sync);
    };
    vfs_.xAccess = [](sqlite3_vfs* vfs, const char* path, int flags, int* out) {
      return below(vfs)->xAccess(below(vfs), path, flags, out);
    };
    vfs_.xFullPathname = [](sqlite3_vfs* vfs, const char* path, int size, char* out) {
      return below(vfs)->xFullPathname(below(vfs), path, size, out);
    };
    fill_methods();
    sqlite3_vfs_register(&vfs_, 0);
  }
  ~FailingVfs() { sqlite3_vfs_unregister(&vfs_); }
  FailingVfs(const FailingVfs&) = delete;
  FailingVfs& operator=(const FailingVfs&) = delete;

  const std::string& name() const { return name_; }

  /// The `nth` such call from now fails with `code`; so do all later ones if `goes_on`. What a failing sync should have
  /// made durable is lost, unless `kept`.
  void fail(Call call, int nth, int code, bool goes_on = false, bool kept = false) {
    const std::lock_guard lock(mutex_);
    call_ = call, left_ = nth, code_ = code, goes_on_ = goes_on, kept_ = kept;
  }
  void heal() {
    const std::lock_guard lock(mutex_);
    left_ = 0;
  }
  /// `wait` is called before each sync from now on: a disk that takes its time.
  void before_sync(std::function<void()> wait) {
    const std::lock_guard lock(mutex_);
    before_sync_ = std::move(wait);
  }
  /// The disk has room for so many more bytes in files that grow; negative: for any number.
  void room(std::int64_t bytes) { room_ = bytes; }
  std::int64_t room() const { return room_; }
  /// True if the failure has not happened yet.
  bool armed() const { return left_ > 0; }
  /// Writes since the last failure.
  std::size_t rewritten() const { return writes_; }

 private:
  struct File {
    sqlite3_file base;
    FailingVfs* owner;
    sqlite3_file* real;
    std::string* path;
    std::vector<std::pair<sqlite3_int64, std::string>>* unsynced;  // where was written since the last sync, over what
  };

  static FailingVfs& self(sqlite3_vfs* vfs) { return *static_cast<FailingVfs*>(vfs->pAppData); }
  static sqlite3_vfs* below(sqlite3_vfs* vfs) { return self(vfs).under_; }
  static File& file(sqlite3_file* handle) { return *reinterpret_cast<File*>(handle); }
  static sqlite3_file* real(sqlite3_file* handle) { return file(handle).real; }

  static int open(sqlite3_vfs* vfs, const char* path, sqlite3_file* handle, int flags, int* out) {
    auto* opened = new (handle) File{{nullptr},
                                     &self(vfs),
                                     reinterpret_cast<sqlite3_file*>(&file(handle) + 1),
                                     new std::string(path != nullptr ? path : ""),
                                     new std::vector<std::pair<sqlite3_int64, std::string>>};
    opened->real->pMethods = nullptr;
    const int code = below(vfs)->xOpen(below(vfs), path, opened->real, flags, out);
    if (opened->real->pMethods != nullptr)
      opened->base.pMethods = &self(vfs).methods_;
    else
      delete opened->unsynced, delete opened->path;
    return code;
  }

  static void lose_unsynced(sqlite3_file* f) {
    for (auto write = file(f).unsynced->rbegin(); write != file(f).unsynced->rend(); ++write)
      real(f)->pMethods->xWrite(real(f), write->second.data(), static_cast<int>(write->second.size()), write->first);
  }

  /// Books what a file takes; false if there is no room for it to grow.
  bool resize(const std::string& path, std::int64_t size) {
    std::int64_t& known = sizes_[path];
    if (room_ >= 0 && size - known > room_) return false;
    if (room_ >= 0) room_ -= size - known;
    known = size;
    return true;
  }

  int failure(Call call) {
    const std::lock_guard lock(mutex_);
    if (call != call_ || left_ == 0) return SQLITE_OK;
    if (left_ > 1) return --left_, SQLITE_OK;
    if (!goes_on_) left_ = 0;
    writes_ = 0;
    return code_;
  }

  void take_time() {
    std::unique_lock lock(mutex_);
    const auto wait = before_sync_;
    lock.unlock();
    if (wait) wait();
  }

  void fill_methods() {
    methods_.iVersion = 1;  // no shared memory: the store must do without
    methods_.xClose = [](sqlite3_file* f) {
      delete file(f).unsynced, delete file(f).path;
      return real(f)->pMethods->xClose(real(f));
    };
    methods_.xRead = [](sqlite3_file* f, void* data, int size, sqlite3_int64 at) {
      return real(f)->pMethods->xRead(real(f), data, size, at);
    };
    methods_.xWrite = [](sqlite3_file* f, const void* data, int size, sqlite3_int64 at) {
      const int code = file(f).owner->failure(Call::write);
      if (code != SQLITE_OK) return code;
      FailingVfs& owner = *file(f).owner;
      if (!owner.resize(*file(f).path, std::max<std::int64_t>(owner.sizes_[*file(f).path], at + size)))
        return SQLITE_FULL;
      std::string before(static_cast<std::size_t>(size), '\0');
      real(f)->pMethods->xRead(real(f), before.data(), size, at);  // beyond the end: zeros
      file(f).unsynced->emplace_back(at, std::move(before));
      ++file(f).owner->writes_;
      return real(f)->pMethods->xWrite(real(f), data, size, at);
    };
    methods_.xTruncate = [](sqlite3_file* f, sqlite3_int64 size) {
      file(f).owner->resize(*file(f).path, size);
      return real(f)->pMethods->xTruncate(real(f), size);
    };
    methods_.xSync = [](sqlite3_file* f, int flags) {
      file(f).owner->take_time();
      const int code = file(f).owner->failure(Call::sync);
      if (code != SQLITE_OK && !file(f).owner->kept_) lose_unsynced(f);
      file(f).unsynced->clear();
      return code != SQLITE_OK ? code : real(f)->pMethods->xSync(real(f), flags);
    };
    methods_.xFileSize = [](sqlite3_file* f, sqlite3_int64* size) {
      return real(f)->pMethods->xFileSize(real(f), size);
    };
    methods_.xLock = [](sqlite3_file* f, int level) { return real(f)->pMethods->xLock(real(f), level); };
    methods_.xUnlock = [](sqlite3_file* f, int level) { return real(f)->pMethods->xUnlock(real(f), level); };
    methods_.xCheckReservedLock = [](sqlite3_file* f, int* out) {
      return real(f)->pMethods->xCheckReservedLock(real(f), out);
    };
    methods_.xFileControl = [](sqlite3_file* f, int op, void* arg) {
      return real(f)->pMethods->xFileControl(real(f), op, arg);
    };
    methods_.xSectorSize = [](sqlite3_file* f) { return real(f)->pMethods->xSectorSize(real(f)); };
    methods_.xDeviceCharacteristics = [](sqlite3_file* f) {
      return real(f)->pMethods->xDeviceCharacteristics(real(f));
    };
  }

  std::mutex mutex_;
  std::function<void()> before_sync_{};
  std::string name_;
  sqlite3_vfs* under_;
  sqlite3_vfs vfs_{};
  sqlite3_io_methods methods_{};
  Call call_ = Call::write;
  int left_ = 0, code_ = 0;
  std::size_t writes_ = 0;
  std::int64_t room_ = -1;
  std::map<std::string, std::int64_t> sizes_;
  bool goes_on_ = false, kept_ = false;
};

}  // namespace edgesync::store
