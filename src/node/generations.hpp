// SPDX-License-Identifier: Apache-2.0
// Generations: a directory that shows one set of files at a time, as projection.hpp draws it. A generation is written
// beside the others and synced before `..data` comes to name it, so whatever moment the power goes, what is shown is
// one whole generation. Links for names that are new are there before the swap, those that have lost their file go
// after it.
#pragma once

#include "base/clock.hpp"
#include "node/file_tree.hpp"

#include <map>
#include <string>
#include <string_view>

namespace edgesync::node {

/// One owner per directory. Thread safety: none.
class Generations {
 public:
  /// Makes the directory if it is not there, locks it, and clears away what a crash has left. Fails with: already_open,
  /// storage_full, storage_io.
  static Result<Generations> open(std::string directory, unsigned file_mode, Instant now);

  /// Shows these files alone, if it does not already; nothing has changed if it fails. Fails with: invalid_argument
  /// (something that is not ours is in the way), storage_full, storage_io.
  Result<void> show(const Files& files, Now now);
  /// Removes generations that nobody needs: all but `kept`, once another has been shown for `linger` in their place,
  /// and the oldest beyond 100 in any case. Says when there is more to remove.
  Instant prune(std::size_t kept, std::chrono::milliseconds linger, Instant now);

  Generations(Generations&& other) noexcept;
  Generations& operator=(Generations&&) = delete;
  ~Generations();

 private:
  struct Generation {
    std::string name{};
    Instant replaced{};  ///< When another was shown in its place; for those of an earlier owner, when we came.
  };
  Generations(std::string directory, int lock, unsigned file_mode) noexcept
      : directory_(std::move(directory)), lock_(lock), file_mode_(file_mode) {}
  std::string at(std::string_view name) const { return directory_ + "/" + std::string(name); }
  void find(Instant now);
  void tidy() const;
  bool shows(const Files& files) const;
  Result<void> write(const Files& files, const std::string& name) const;
  Result<void> write_file(const std::string& path, std::string_view content) const;
  Result<void> make_folder(const std::string& path) const;
  Result<void> link(const Files& files) const;
  Result<void> swap(const std::string& name);

  std::string directory_;
  int lock_;
  unsigned file_mode_;
  std::string shown_{};                            // a name among those below, or none
  std::map<std::uint64_t, Generation> present_{};  // by their numbers, which only grow
};

}  // namespace edgesync::node
