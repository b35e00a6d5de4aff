// SPDX-License-Identifier: Apache-2.0
// Version contents: how they lie in their rows. What a node may need at once stands by itself, compressed; any other is
// a patch on the next newer one, so that history costs what changed (reverse deltas with keyframes: Tichy, "RCS - A
// System for Version Control", 1985). Invariants: a chain of patches ends at a content that stands by itself, after at
// most chain_max of them; what is read is proved by its hash, or it is not read at all.
#pragma once

#include "store/sql_table.hpp"
#include "store/store.hpp"

namespace edgesync::store {

inline constexpr std::size_t chain_max = 32;        // patches to read one content: 0.02 ms each for 100 KB
inline constexpr std::size_t packs_per_commit = 2;  // some milliseconds each, if contents are large

/// The columns of a row that hold its content.
struct StoredContent {
  Bytes base{};  ///< The key of the row whose content the patch is on; empty: it stands by itself.
  Bytes body{};  ///< Empty: there is no content.
};

/// Of content that stands by itself.
StoredContent whole_content(std::uint32_t sid, const VersionKey& key, ByteView content);
/// Nothing if it is damaged, or is not what the id of `key` names, or does not stand by itself.
std::optional<Bytes> open_whole(std::uint32_t sid, const VersionKey& key, ByteView base, ByteView body);
/// Whether the columns are what was written; not that a chain leads to its content.
bool content_stands(std::uint32_t sid, const VersionKey& key, ByteView base, ByteView body);

/// The content of a row, proved by its hash. Fails with: not_found (no row, or no content), storage_corrupt.
Result<Bytes> read_content(SqlTable& table, const VersionKey& key);

/// Contents that are patches on this one stand by themselves from now on: it is about to go.
void release_dependants(SqlTable& table, const VersionKey& key);

/// Makes patches of contents that nothing needs at once, and lets stand by themselves those that something does, some
/// at a time. Requires: in a transaction.
void pack_versions(SqlTable& table);

}  // namespace edgesync::store
