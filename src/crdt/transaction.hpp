// SPDX-License-Identifier: Apache-2.0
// Transactions: turns the operations of an Edit into cell changes under one stamp. All or nothing: the changes are
// built aside and appended by the caller only if every operation was good.
//
// Counters are exact and resettable: each owner alone writes its cell (incarnation, version, sum); a reset copies what
// it has seen of each owner into that owner's baseline; the value is the sum of what exceeds the baselines. (After
// Almeida, "Approaches to Conflict-free Replicated Data Types", 2023; the baseline cells make concurrent adds survive a
// reset.)
#pragma once

#include "crdt/changes.hpp"

#include <edgesync/edit.hpp>
#include <edgesync/error.hpp>

#include <span>

namespace edgesync::crdt {

inline constexpr std::size_t value_bytes_max = 512 * 1024;  // encoded: an entry with its key always fits one frame
inline constexpr std::size_t transaction_ops_max = 1024;
/// Keys and values: one is always sent whole, and a receiver holds no more than 64 MiB of a cut in memory.
inline constexpr std::size_t transaction_bytes_max = std::size_t{16} << 20;

/// True if the operation must look at what is stored; `set` and `insert` need not.
bool reads(const Edit::Op& op) noexcept;

struct Author {
  ReplicaId self{};
  Stamp stamp = 0;
  Context observed{};  ///< The scope's context as the transaction sees it, own earlier stamps included.
};

/// The changes of `ops`, read and written through `view`. Fails with: invalid_argument (key, kind),
/// limit_exceeded (operations, bytes, value size, counter overflow); `detail` names the key.
Result<Changes> plan(std::span<const Edit::Op> ops, CellSource& view, const Author& author);

/// One owner's cell, and its baseline. Ordered by (incarnation, version).
struct CounterPart {
  std::uint64_t incarnation = 0, version = 0;
  std::int64_t sum = 0;
  auto operator<=>(const CounterPart&) const = default;
};
Bytes encode(const CounterPart& part);
/// The greatest part among a cell's entries; nothing if there is none that can be read.
std::optional<CounterPart> counter_part(const Cell& cell);

}  // namespace edgesync::crdt
