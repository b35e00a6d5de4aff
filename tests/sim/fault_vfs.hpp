// SPDX-License-Identifier: Apache-2.0
// FaultVfs: a Disk as a registered SQLite VFS. SQLite gets its clock and randomness here as well, so a database behaves
// the same whenever its seed is the same. It claims no device characteristics: nothing is promised that a cheap flash
// card would not keep. There is no shared memory: the write-ahead log needs locking_mode=EXCLUSIVE, as the store has
// it.
#pragma once

#include "sim/disk.hpp"

#include <string>

struct sqlite3_vfs;

namespace edgesync::sim {

class FaultVfs {
 public:
  /// Registers under a name of its own. The disk outlives it. `makes_default`: SQLite's own random numbers come from it
  /// too, from now on.
  explicit FaultVfs(Disk& disk, bool makes_default = false);
  ~FaultVfs();  ///< Requires: no database is open on it.
  FaultVfs(const FaultVfs&) = delete;
  FaultVfs& operator=(const FaultVfs&) = delete;

  const std::string& name() const noexcept { return name_; }
  Disk& disk() noexcept { return disk_; }

  /// What SQLite believes the time to be; nothing depends on it.
  std::int64_t now_ms = 0;

 private:
  Disk& disk_;
  std::string name_;
  std::unique_ptr<sqlite3_vfs> vfs_;
};

}  // namespace edgesync::sim
