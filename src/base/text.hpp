// SPDX-License-Identifier: Apache-2.0
// Text from outside: what is UTF-8, and what may be shown to people. Names and reasons that a peer or a caller gave
// reach logs, events and terminals only through printable().
#pragma once

#include <string>
#include <string_view>

namespace edgesync {

/// Well-formed UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF.
bool is_utf8(std::string_view text) noexcept;

/// `text` with each byte that is not part of a UTF-8 character as U+FFFD.
std::string as_utf8(std::string_view text);

/// `text` with each control character and each byte that is not part of a UTF-8 character as '?'.
std::string printable(std::string_view text);

}  // namespace edgesync
