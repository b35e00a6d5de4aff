// SPDX-License-Identifier: Apache-2.0
// JSON text (RFC 8259), as far as values need it: is a text one JSON value, and how is a text written as a JSON string.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace edgesync {

inline constexpr std::size_t json_depth_max = 128;  // lists and objects within each other

/// True if `text` is one JSON value with nothing but white space around it, in UTF-8, with surrogates only in pairs,
/// and not nested deeper than json_depth_max. What is true for holds line breaks between its tokens only.
bool is_json(std::string_view text) noexcept;

/// The elements of one JSON list, each without white space around it; nothing if `text` is none. They point into it.
std::optional<std::vector<std::string_view>> json_list(std::string_view text);

/// `text` as a JSON string, quotes included: one line of UTF-8. Bytes that are not UTF-8 become U+FFFD.
std::string json_string(std::string_view text);

}  // namespace edgesync
