// SPDX-License-Identifier: Apache-2.0
// Ballast: space beside the database that is taken while there is some and given back when there is none, because a
// full disk refuses deletes too. What it frees is for upkeep: trims, acks, roles, the checkpoint.
#pragma once

#include <cstddef>
#include <string>

namespace edgesync::store {

class Ballast {
 public:
  /// The file is `database` with "-ballast" behind it, in the SQLite VFS of that name. 0 bytes: none.
  Ballast(const std::string& database, std::string vfs, std::size_t bytes)
      : database_(database), path_(database + "-ballast"), vfs_(std::move(vfs)), bytes_(bytes) {}

  bool wanted() const noexcept { return bytes_ > 0; }
  bool held() const noexcept { return held_; }
  /// Takes the space, if it is not taken yet. False: there is not so much.
  bool make();
  void release() noexcept;

 private:
  bool has_room() const noexcept;

  std::string database_, path_, vfs_;
  std::size_t bytes_;
  bool held_ = false;
};

}  // namespace edgesync::store
