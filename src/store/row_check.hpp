// SPDX-License-Identifier: Apache-2.0
// Row checks: what tells a row from one that a disk has changed. Not a defence: whoever can write the file can compute
// them. FORMAT.md says which bytes each covers.
#pragma once

#include "base/bytes.hpp"

#include <initializer_list>
#include <optional>

namespace edgesync::store {

/// 32 bits of SipHash-2-4 (fixed key) over the words, each as eight little-endian bytes, and then the bytes.
std::uint32_t row_check(std::initializer_list<std::uint64_t> words, ByteView bytes, ByteView more = {}) noexcept;

inline constexpr std::size_t check_bytes = 4;
void append_check(Bytes& row, std::uint32_t check);
/// The check that ends `row`.
std::uint32_t check_at_end(ByteView row) noexcept;

inline constexpr std::size_t cell_check_bytes = 6;
/// Ends the row of a cell: 16 bits over its key alone, 32 over everything.
void seal_cell(Bytes& row, std::uint32_t sid, ByteView key);
/// The entries; nothing if they, or the key, are not what was written.
std::optional<ByteView> open_cell(ByteView row, std::uint32_t sid, ByteView key) noexcept;
/// Of a row that open_cell() refuses: its key is the one it was written under.
bool key_stands(ByteView row, std::uint32_t sid, ByteView key) noexcept;

}  // namespace edgesync::store
