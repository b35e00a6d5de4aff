// SPDX-License-Identifier: Apache-2.0
// Paths: the one rule for names of scopes, keys and config entries. A path is 1 to 512 bytes of UTF-8 in at most 16
// segments joined by '/'; no segment is empty, "." or ".."; no byte is below 0x20 or 0x7f. Two equal paths are equal
// bytes.
#pragma once

#include <edgesync/error.hpp>

#include <string_view>

namespace edgesync {

inline constexpr std::size_t path_bytes_max = 512;
inline constexpr std::size_t path_segments_max = 16;

/// `what` names the argument in the error ("key", "scope").
Result<void> check_path(std::string_view what, std::string_view path);

inline constexpr std::size_t name_bytes_max = 64;

/// A name is a path of one segment and at most 64 bytes.
Result<void> check_name(std::string_view what, std::string_view name);

/// True if `path` is `prefix` or lies below it; everything lies below "".
bool below(std::string_view path, std::string_view prefix) noexcept;

/// True if `pattern` is "*", or `path`, or a prefix ending in "/*" below which `path` lies.
bool covers(std::string_view pattern, std::string_view path) noexcept;

}  // namespace edgesync
