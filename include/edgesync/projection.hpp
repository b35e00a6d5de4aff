// SPDX-License-Identifier: Apache-2.0
// Projection: a config scope as files, for programs that read files. The directory shows one version at a time, whole,
// the way the volumes of a Kubernetes node do (pkg/volume/util/atomic_writer.go), and through power cuts too:
//
//   limits/     -> ..data/limits                          what readers open
//   mode        -> ..data/mode
//   ..data      -> ..2026_11_22_15_04_05.17               replaced by one rename: all files change together
//   ..2026_11_22_15_04_05.17/                             a generation, on disk before it is shown
//
// A reader who needs several files of one version opens `..data` once and the files below it; a watcher waits for
// `..data` to be moved to (inotify: IN_MOVED_TO). "limits/pump" is a file in a folder; texts and bytes are written as
// they are, other values as JSON.
#pragma once

#include <edgesync/node.hpp>

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace edgesync {

struct ProjectionOptions {
  /// Made if it is not there, its parent must be. It is this projection's alone, which holds a lock on it: what else is
  /// put into it stays, unless it is in the way of a file, which is an error.
  std::string directory{};
  std::string prefix{};         ///< Only keys below it, named without it.
  std::size_t generations = 3;  ///< That many stay, the shown one included; 1 to 100.
  /// A generation stays for so long after another took its place, for those who are still reading it; up to 24 hours.
  /// More than 100 are never kept, and no spare ones on a full disk.
  std::chrono::milliseconds linger = std::chrono::seconds(10);
  std::size_t files_max = 4096;  ///< A version with more of them is not shown; 1 to 65,536.
  unsigned file_mode = 0644;     ///< Of files; folders may be entered by those who may read.
  /// Called when another version is shown, and when one could not be, which is tried again, at first after a second.
  /// Runs on the projection's thread (the first time inside start()), and must not destroy the projection.
  Function<void(const Result<VersionInfo>&)> on_shown{};
};

/// Thread safety: any member from any thread.
class EDGESYNC_EXPORT Projection {
 public:
  /// The active version of `scope` is shown when this returns, if there is one, and each that becomes active from then
  /// on, soon after. Versions that are active for a moment only may be left out. A version that cannot be shown is no
  /// failure of this call, nor is a full disk: shown() says why, the one before stays, and the next one is waited for.
  /// Fails with: invalid_argument (an option, or the scope's name), already_open (another projection has the
  /// directory), storage_full, storage_io (there can be no such directory), limit_exceeded (no thread).
  static Result<Projection> start(Node& node, std::string_view scope, ProjectionOptions options);

  /// What the directory shows, number 0 while nothing was ever active; or why it does not show the active version:
  /// invalid_argument (a key that cannot be a file, because "a" and "a/b" are both there or it begins with "..";
  /// something else has a file's name), limit_exceeded (files_max), storage_*.
  Result<VersionInfo> shown() const;

  Projection(Projection&&) noexcept;
  Projection& operator=(Projection&&) noexcept;
  /// Nothing is shown any more after this; the directory stays as it is.
  ~Projection();

 private:
  class Worker;
  explicit Projection(std::unique_ptr<Worker> worker) noexcept;
  std::unique_ptr<Worker> worker_;
};

/// The files below `directory` as content for Config::publish_tree(): a value each, text if it is UTF-8, else bytes, at
/// the path that leads there. A projection's directory, or a Kubernetes volume, yields one generation that it shows.
/// Left out are `.git`, and names beginning with "..". Fails with: not_found, storage_io, invalid_argument (a path that
/// no key can have, a link that leads out of the directory, something that is neither file nor folder), limit_exceeded
/// (more than a version may hold).
EDGESYNC_EXPORT Result<std::map<std::string, Value>> read_tree(const std::string& directory);

}  // namespace edgesync
