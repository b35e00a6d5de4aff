// SPDX-License-Identifier: Apache-2.0
// Cells: the unit of merging. A cell holds the live entries of one key, each written by one dot. Registers are stored
// multi-value and resolved when read: dropping the last-writer-wins loser at merge would let replicas with equal
// contexts differ, because a later removal of the winner leaves the loser alive only where it was kept.
#pragma once

#include "base/hash.hpp"
#include "crdt/dot.hpp"

#include <vector>

namespace edgesync::crdt {

struct Entry {
  Dot dot{};
  /// If not 0, ranks the entry instead of its dot's stamp. Part of the wire and file formats, read and kept; this
  /// version writes none: it is for whoever merges siblings into one without making the winner newer than it was.
  Stamp arbitration = 0;
  Bytes value{};  ///< Opaque to merging; see value_codec.hpp.

  Stamp rank() const noexcept { return arbitration != 0 ? arbitration : dot.stamp; }
  bool operator==(const Entry&) const = default;
};

/// Live entries, ascending by dot; empty means the key does not exist.
using Cell = std::vector<Entry>;

/// Every replica's latest write of a key and no more: a later one replaces what its author wrote before.
inline constexpr std::size_t cell_entries_max = context_items_max;

/// An entry as a peer lists it: the payload is left out (a reference) if the receiver's context covers the dot.
struct Listed {
  Entry entry{};
  bool reference = false;
  bool operator==(const Listed&) const = default;
};

/// The receiver's side of a delta for one key. `listed` is the sender's complete list for the key, `theirs` the
/// sender's context, `mine` the receiver's. A local entry stays if it is listed or unknown to the sender; a listed one
/// is added unless the receiver already knew its dot (and so has it, or has seen it go). Requires: both ascend by dot.
Cell merge(const Cell& local, const std::vector<Listed>& listed, const Context& mine, const Context& theirs);

/// What is left of `cell` when everything covered by `observed` goes.
Cell without(const Cell& cell, const Context& observed);

/// Last writer wins: the greatest (rank, replica, content). Requires: the cell is not empty.
const Entry& winner(const Cell& cell);
bool ranks_below(const Entry& a, const Entry& b) noexcept;

bool holds(const Cell& cell, const Dot& dot) noexcept;

/// One entry's share of a scope's fingerprint: a keyed hash of key, dot and content.
Hash128 fingerprint(const Hash128& key_of_scope, ByteView key, const Entry& entry) noexcept;

}  // namespace edgesync::crdt
