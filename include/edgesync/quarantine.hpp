// SPDX-License-Identifier: Apache-2.0
// Quarantine: what could neither be used nor thrown away. Rows that the disk has changed, and what was refused for
// good, are kept here as they are, within a bound, until somebody looks at them.
#pragma once

#include <edgesync/value.hpp>

#include <cstdint>
#include <string>

namespace edgesync {

struct Quarantined {
  enum class Kind : std::uint8_t {
    cell = 1,  ///< A damaged row of the cells; `place` is its key.
    log,       ///< A damaged run of log items.
    records,   ///< A damaged segment of a stream.
    version,   ///< A damaged config version.
    journal,   ///< A damaged journal entry.
  };
  std::uint64_t id = 0;  ///< Ascending, never used again.
  Kind kind{};
  Plane plane{};
  std::string scope{};
  Bytes place{};         ///< Which one: a key, or a row's numbers.
  std::string reason{};  ///< For people.
  std::string origin{};  ///< Whose it is, where that is known.
  Timestamp at{};
  Bytes body{};  ///< The raw bytes.
};

/// "cell", "log", ...
EDGESYNC_EXPORT const char* name(Quarantined::Kind kind) noexcept;

struct QuarantineCounts {
  std::uint64_t held = 0;   ///< Here now.
  std::uint64_t bytes = 0;  ///< Of their bodies.
  std::uint64_t lost = 0;   ///< Given up for newer ones since the database was made.
};

}  // namespace edgesync
