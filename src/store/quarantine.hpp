// SPDX-License-Identifier: Apache-2.0
// Quarantine: rows that are not what was written, and what a peer sent that can never be applied, kept as they are for
// somebody to look at. Bounded: beyond, the oldest go, and are counted.
#pragma once

#include "store/file.hpp"

#include <edgesync/quarantine.hpp>

#include <vector>

namespace edgesync::store {

inline constexpr std::size_t quarantine_rows_max = 1'024;
inline constexpr std::size_t quarantine_bytes_max = std::size_t{4} << 20;

/// What put_aside() is given; the file numbers and dates it.
struct Aside {
  Quarantined::Kind kind{};
  std::uint32_t sid = 0;
  ByteView place{};
  std::string_view reason{};
  std::string_view origin{};
  ByteView body{};
};

/// Requires: in a transaction.
void put_aside(File& file, const Aside& aside);
/// The same for what is good and only not wanted elsewhere: nothing is given up for it. False if there is no room: half
/// of all is kept for what is damaged.
bool put_refused_aside(File& file, const Aside& aside);

struct AsideRow {
  std::uint32_t sid = 0;
  Quarantined item{};  ///< Without plane and scope.
};
/// Ascending, from the one after `id` on.
Result<std::vector<AsideRow>> read_aside(File& file, std::uint64_t id, std::size_t limit);
/// These leave, and are counted. Requires: in a transaction.
void release_aside(File& file, const std::vector<std::uint64_t>& ids, bool replayed);
Result<QuarantineCounts> count_aside(File& file);

}  // namespace edgesync::store
