// SPDX-License-Identifier: Apache-2.0
// Growth: by how much a delta would make a scope grow, so that one that takes away as much as it brings is welcome
// where there is no room left.
#pragma once

#include "crdt/delta.hpp"

namespace edgesync::store {

/// Of an entry: its key, its value, and what else its row takes (FORMAT.md).
std::uint64_t entry_bytes(ByteView key, ByteView value) noexcept;
std::uint64_t cell_bytes(ByteView key, const crdt::Cell& cell) noexcept;

/// Of the entries that the delta lists with their values.
std::uint64_t listed_bytes(const crdt::Delta& delta) noexcept;
/// About what it takes to keep the delta aside as it was told: what it lists without values, too, and its removals.
std::uint64_t told_bytes(const crdt::Delta& delta) noexcept;

/// Whether the table, with the delta joined, has at most so many bytes more. What the delta takes away is looked for
/// only if what it brings does not fit, and only until it does.
bool fits(const crdt::Delta& delta, crdt::ScopeTable& table, std::uint64_t room);

}  // namespace edgesync::store
