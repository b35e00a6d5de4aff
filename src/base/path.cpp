// SPDX-License-Identifier: Apache-2.0
#include "base/path.hpp"

#include "base/text.hpp"

namespace edgesync {
namespace {

const char* fault(std::string_view path) noexcept {
  if (path.empty()) return "is empty";
  if (path.size() > path_bytes_max) return "is longer than 512 bytes";
  for (char c : path)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return "holds a control character";
  if (!is_utf8(path)) return "is not UTF-8";
  std::size_t segments = 0;
  for (std::size_t start = 0; start <= path.size(); ++segments) {
    const std::size_t end = std::min(path.find('/', start), path.size());
    const std::string_view segment = path.substr(start, end - start);
    if (segment.empty()) return "has an empty segment";
    if (segment == "." || segment == "..") return "has a segment \".\" or \"..\"";
    start = end + 1;
  }
  return segments > path_segments_max ? "has more than 16 segments" : nullptr;
}

}  // namespace

Result<void> check_path(std::string_view what, std::string_view path) {
  if (const char* why = fault(path))
    return Error(Errc::invalid_argument, std::string(what) + ": \"" + printable(path.substr(0, 80)) + "\": " + why);
  return {};
}

Result<void> check_name(std::string_view what, std::string_view name) {
  if (auto good = check_path(what, name); !good) return good;
  if (name.size() <= name_bytes_max && name.find('/') == std::string_view::npos) return {};
  return Error(Errc::invalid_argument,
               std::string(what) + ": \"" + printable(name.substr(0, 80)) + "\": longer than 64 bytes, or with a '/'");
}

bool below(std::string_view path, std::string_view prefix) noexcept {
  if (prefix.empty() || path == prefix) return true;
  return path.size() > prefix.size() && path.starts_with(prefix) && path[prefix.size()] == '/';
}

bool covers(std::string_view pattern, std::string_view path) noexcept {
  if (pattern == "*") return true;
  if (!pattern.ends_with("/*")) return pattern == path;
  const std::string_view prefix = pattern.substr(0, pattern.size() - 1);
  return path.size() > prefix.size() && path.starts_with(prefix);
}

}  // namespace edgesync
