// SPDX-License-Identifier: Apache-2.0
// When this release was made, about: a clock that shows an earlier time is wrong. Raised with each release; a constant,
// so that equal sources make equal binaries.
#pragma once

#include <edgesync/value.hpp>

namespace edgesync::node {

inline constexpr Timestamp release_date{std::chrono::sys_days(std::chrono::June / 1 / 2025)};

}  // namespace edgesync::node
