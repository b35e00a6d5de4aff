// SPDX-License-Identifier: Apache-2.0
#include <edgesync/projection.hpp>

#include "base/path.hpp"
#include "base/text.hpp"
#include "config/content.hpp"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace edgesync {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t entries_max = config::max_keys;

/// Collects the files of a directory.
class Tree {
 public:
  explicit Tree(fs::path root) : root_(std::move(root)) {}

  /// `folder` is found at `name` below the root.
  Result<void> read(const fs::path& folder, const std::string& name) {
    std::error_code code;
    for (fs::directory_iterator entry(folder, code), end; !code && entry != end; entry.increment(code)) {
      const std::string last = entry->path().filename().string();
      if (last == ".git" || last.starts_with("..")) continue;
      if (auto done = take(entry->path(), name.empty() ? last : name + "/" + last); !done) return done;
    }
    if (code) return failure(code, folder);
    return {};
  }
  std::map<std::string, Value> content() && { return std::move(content_); }

 private:
  static Error failure(const std::error_code& code, const fs::path& path) {
    const bool absent = code == std::errc::no_such_file_or_directory;
    return {absent ? Errc::not_found : Errc::storage_io, "tree: " + printable(path.string()) + ": " + code.message()};
  }
  static Error bad(const fs::path& path, const char* why) {
    return {Errc::invalid_argument, "tree: " + printable(path.string()) + ": " + why};
  }

  /// Links are followed as long as they stay inside.
  Result<void> take(const fs::path& path, const std::string& key) {
    if (auto good = check_path("tree", key); !good) return good;  // also ends a circle of links
    if (++visited_ > entries_max)
      return Error(Errc::limit_exceeded, "tree: " + printable(root_.string()) + ": more than 65,536 files and folders");
    std::error_code code;
    const fs::path real = fs::canonical(path, code);
    if (code) return failure(code, path);
    if (std::mismatch(root_.begin(), root_.end(), real.begin(), real.end()).first != root_.end())
      return bad(path, "leads out of the directory");
    if (fs::is_directory(real, code)) return read(real, key);
    if (!fs::is_regular_file(real, code)) return bad(path, "is neither file nor folder");
    return take_file(real, key);
  }

  Result<void> take_file(const fs::path& path, const std::string& key) {
    std::error_code code;
    const auto size = static_cast<std::size_t>(fs::file_size(path, code));
    if (code) return failure(code, path);
    if (size > config::max_content_bytes - bytes_)
      return Error(Errc::limit_exceeded,
                   "tree: " + printable(path.string()) + ": more than a version may hold, 504 KiB");
    std::string text(size, '\0');
    std::ifstream in(path, std::ios::binary);
    if (!in.read(text.data(), static_cast<std::streamsize>(size)))
      return Error(Errc::storage_io, "tree: " + printable(path.string()) + ": cannot be read");
    bytes_ += size;
    if (is_utf8(text)) {
      content_.emplace(key, std::move(text));
    } else {
      Bytes bytes(size);
      std::memcpy(bytes.data(), text.data(), size);
      content_.emplace(key, std::move(bytes));
    }
    return {};
  }

  fs::path root_;
  std::size_t bytes_ = 0, visited_ = 0;
  std::map<std::string, Value> content_{};
};

}  // namespace

Result<std::map<std::string, Value>> read_tree(const std::string& directory) {
  std::error_code code, none;
  fs::path root = fs::canonical(directory, code);
  // Of a projection or a Kubernetes volume one generation, whatever is shown meanwhile.
  const fs::path base = root;
  if (!code && fs::is_symlink(base / "..data", none)) root = fs::canonical(base / "..data", code);
  if (!code && root != base && root.parent_path() != base)
    return Error(Errc::invalid_argument, "tree: " + printable(directory) + "/..data: leads out of the directory");
  if (code)
    return Error(code == std::errc::no_such_file_or_directory ? Errc::not_found : Errc::storage_io,
                 "tree: " + printable(directory) + ": " + code.message());
  Tree tree(root);
  if (auto done = tree.read(root, {}); !done) return std::move(done).error();
  return std::move(tree).content();
}

}  // namespace edgesync
