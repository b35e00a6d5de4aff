// SPDX-License-Identifier: Apache-2.0
// The body of a DeltaPart: cells, removals and contexts packed with a table of replicas, shared key prefixes and stamp
// differences, to about 8 to 16 bytes and the value per changed cell. PROTOCOL.md, "Body of a DeltaPart", is the
// specification. One delta has one encoding, and the decoder accepts no other.
#pragma once

#include "wire/budget.hpp"

namespace edgesync::wire {

/// Requires: what the decoder checks (see unpack()), as every delta made by make_delta() and split() fulfils it.
Bytes pack(const DeltaPart& part);

/// Fills in `part.delta`. Reads part.first. Failures go to the budget: anything out of order, empty, twice, later than
/// the year 2200, left over or left out.
void unpack(ByteView body, DeltaPart& part, Budget& budget);

void write_summary(Writer& out, const crdt::Summary& summary);
crdt::Summary read_summary(Reader& in);

/// What a key has in common with the one before it: so many bytes at the front, and at the end of what is left of both.
struct Shared {
  std::size_t front = 0, back = 0;
  bool operator==(const Shared&) const = default;
};
Shared shared(ByteView before, ByteView key) noexcept;

/// Bits of a body's first byte, and of an entry's.
inline constexpr std::uint8_t body_head = 1, body_complete = 2;
inline constexpr std::uint8_t entry_reference = 1, entry_arbitration = 2;

}  // namespace edgesync::wire
