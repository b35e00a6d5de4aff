// SPDX-License-Identifier: Apache-2.0
// Cells as the bytes of cell.e: the entries of one key, authors by number. FORMAT.md specifies them.
#pragma once

#include "crdt/cell.hpp"
#include "store/origins.hpp"

#include <optional>

namespace edgesync::store {

void encode_cell(Writer& out, const crdt::Cell& cell, Origins& origins);
/// Nothing if the bytes are malformed. An empty input is an empty cell.
std::optional<crdt::Cell> decode_cell(ByteView bytes, const Origins& origins);

}  // namespace edgesync::store
