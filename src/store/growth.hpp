// SPDX-License-Identifier: Apache-2.0
// Growth: by how much a delta would make a scope grow, so that one that takes away as much as it brings is welcome
// where there is no room left.
#pragma once

#include "crdt/delta.hpp"

namespace edgesync::store {

/// Of an entry: its key, its value, and what else its row takes (FORMAT.md).
std::uint64_t entry_bytes(ByteView key, ByteView value) noexcept;
std::uint64_t cell_bytes(ByteView key, const crdt::Cell& cell) noexcept;

/// What the delta lists and the table has not.
std::uint64_t brought(const crdt::Delta& delta, const crdt::Context& mine) noexcept;
/// What the table has and the delta would take away; of what several of its parts take, once.
std::uint64_t taken(const crdt::Delta& delta, crdt::ScopeTable& table);

}  // namespace edgesync::store
