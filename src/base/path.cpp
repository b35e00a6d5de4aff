// SPDX-License-Identifier: Apache-2.0
#include "base/path.hpp"

namespace edgesync {
namespace {

bool is_utf8(std::string_view text) noexcept {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t more = lead < 0x80   ? 0
                             : lead < 0xc2 ? 9
                             : lead < 0xe0 ? 1
                             : lead < 0xf0 ? 2
                             : lead < 0xf5 ? 3
                                           : 9;
    if (more == 9 || i + more >= text.size() + (more == 0 ? 1 : 0)) return false;
    std::uint32_t point = more == 0 ? lead : lead & (0x3fU >> more);
    for (std::size_t k = 1; k <= more; ++k) {
      const auto next = static_cast<unsigned char>(text[i + k]);
      if ((next & 0xc0) != 0x80) return false;
      point = point << 6 | (next & 0x3fU);
    }
    const bool overlong = (more == 2 && point < 0x800) || (more == 3 && point < 0x10000);
    if (overlong || point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) return false;
    i += more + 1;
  }
  return true;
}

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
    return Error(Errc::invalid_argument, std::string(what) + ": \"" + std::string(path.substr(0, 80)) + "\": " + why);
  return {};
}

}  // namespace edgesync
