// SPDX-License-Identifier: Apache-2.0
#include "node/file_tree.hpp"

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
constexpr std::size_t name_bytes_most = 255;  // of one name in a Linux file system

std::string as_file(const Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const auto* json = std::get_if<Json>(&value)) return json->text;
  if (const auto* bytes = std::get_if<Bytes>(&value))
    return {reinterpret_cast<const char*>(bytes->data()), bytes->size()};
  return to_json(value);
}

Error failure(const std::error_code& code, const std::string& path) {
  const bool absent = code == std::errc::no_such_file_or_directory;
  return {absent ? Errc::not_found : Errc::storage_io, "tree: " + printable(path) + ": " + code.message()};
}

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
    if (code) return failure(code, folder.string());
    return {};
  }
  std::map<std::string, Value> content() && { return std::move(content_); }

 private:
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
    if (code) return failure(code, path.string());
    if (std::mismatch(root_.begin(), root_.end(), real.begin(), real.end()).first != root_.end())
      return bad(path, "leads out of the directory");
    if (fs::is_directory(real, code)) return read(real, key);
    if (!fs::is_regular_file(real, code)) return bad(path, "is neither file nor folder");
    return take_file(real, key);
  }

  Result<void> take_file(const fs::path& path, const std::string& key) {
    std::error_code code;
    const auto size = static_cast<std::size_t>(fs::file_size(path, code));
    if (code) return failure(code, path.string());
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

Result<node::Files> node::to_files(const std::map<std::string, Value>& content, std::string_view prefix,
                                   std::size_t files_max) {
  Files files;
  const auto bad = [](const std::string& key, const std::string& why) {
    return Error(Errc::invalid_argument, "projection: key \"" + printable(key) + "\" cannot be a file: " + why);
  };
  for (const auto& [key, value] : content) {
    if (key == prefix || !below(key, prefix)) continue;
    const std::string path = prefix.empty() ? key : key.substr(prefix.size() + 1);
    if (path.starts_with("..")) return bad(key, "it begins with \"..\"");
    for (std::size_t begin = 0, end = 0; end < path.size(); begin = end + 1) {
      end = std::min(path.find('/', begin), path.size());
      if (end - begin > name_bytes_most) return bad(key, "a name is longer than 255 bytes");
      if (end < path.size() && files.contains(path.substr(0, end)))
        return bad(key, "\"" + printable(path.substr(0, end)) + "\" is one");
    }
    if (files.size() == files_max)
      return Error(Errc::limit_exceeded, "projection: more than " + std::to_string(files_max) + " files");
    files.emplace(path, as_file(value));
  }
  return files;
}

Result<std::map<std::string, Value>> read_tree(const std::string& directory) {
  std::error_code code, none;
  fs::path root = fs::canonical(directory, code);
  // Of a projection or a Kubernetes volume one generation, whatever is shown meanwhile.
  const fs::path base = root;
  if (!code && fs::is_symlink(base / "..data", none)) root = fs::canonical(base / "..data", code);
  if (!code && root != base && root.parent_path() != base)
    return Error(Errc::invalid_argument, "tree: " + printable(directory) + "/..data: leads out of the directory");
  if (code) return failure(code, directory);
  Tree tree(root);
  if (auto done = tree.read(root, {}); !done) return std::move(done).error();
  return std::move(tree).content();
}

}  // namespace edgesync
