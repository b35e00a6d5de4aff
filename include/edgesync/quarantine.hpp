// SPDX-License-Identifier: Apache-2.0
// Quarantine: what could neither be used nor thrown away. Rows that the disk has changed, and what was refused for
// good, are kept here as they are, within a bound, until somebody looks at them.
#pragma once

#include <edgesync/records.hpp>
#include <edgesync/value.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace edgesync {

struct Quarantined {
  enum class Kind : std::uint8_t {
    cell = 1,  ///< A damaged row of the cells; `place` is its key.
    log,       ///< A damaged run of log items.
    records,   ///< A damaged segment of a stream.
    version,   ///< A damaged config version.
    journal,   ///< A damaged journal entry.
    refused,   ///< A segment of a stream that the hub will never store. What followed went on without it.
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

  /// What it held, as far as the body proves itself by its checks; `sound` says whether it does.
  bool sound = false;
  std::string key{};              ///< A cell: the key, as applications name it.
  std::vector<Value> values{};    ///< A cell: the value, the members, or what one replica had counted.
  std::uint64_t number = 0;       ///< A version's.
  std::vector<Record> records{};  ///< Records.
};

/// What became of one quarantined thing that was to be put back.
struct Replayed {
  std::uint64_t id = 0;
  bool done = false;     ///< It is back, or was there already, and has left the quarantine. If not, it is still there.
  std::string detail{};  ///< For people: as what, or why not.
};

/// "cell", "log", ...
EDGESYNC_EXPORT const char* name(Quarantined::Kind kind) noexcept;

struct QuarantineCounts {
  std::uint64_t held = 0;   ///< Here now.
  std::uint64_t bytes = 0;  ///< Of their bodies.
  // Since the database was made:
  std::uint64_t lost = 0;      ///< Given up for newer ones.
  std::uint64_t replayed = 0;  ///< Put back.
  std::uint64_t dropped = 0;   ///< Dropped because somebody said so.
};

}  // namespace edgesync
