// SPDX-License-Identifier: Apache-2.0
// Letters: what stands in a row of the quarantine, read back. Nothing of a letter is used unless it proves itself by
// the check that it was written with; what does not is for people only.
#pragma once

#include "store/quarantine.hpp"
#include "store/store.hpp"

#include <optional>
#include <utility>

namespace edgesync::store {

/// The body of a version that is set aside.
struct VersionLetter {
  std::uint64_t role = 0;  ///< As it stood in its row.
  Bytes manifest{}, base{}, content{};
};
Bytes encode(const VersionLetter& letter);
/// What proves itself of the body of `item`, a version of scope `sid`.
std::optional<std::pair<config::Release, VersionRole>> read_version(std::uint32_t sid, const Quarantined& item);
/// A cell that proves itself; nothing if it does not, or names a replica that is not known here.
std::optional<crdt::Cell> read_cell(std::uint32_t sid, const Quarantined& item, const Origins& origins);
/// What applications would see if it were all there is of its key.
std::optional<crdt::Shown> show_cell(std::uint32_t sid, const Quarantined& item, const Origins& origins);

/// Of whom a segment that is set aside is, where it stood, and how many records it has.
struct RecordsPlace {
  Oid oid = 0;
  std::uint64_t first = 0, count = 0;
};
Bytes encode(const RecordsPlace& place);
/// Nothing if the body of `item` is not what was written there.
std::optional<RecordsPlace> read_records_place(const Quarantined& item);

/// Tells in `item` what it held.
void describe(std::uint32_t sid, Quarantined& item, const Origins& origins);

}  // namespace edgesync::store
