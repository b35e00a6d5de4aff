// SPDX-License-Identifier: Apache-2.0
// What the replication algorithms need of the storage of one scope. Two implementations: MemoryTable here, the SQLite
// table in store; the algorithms exist once. An implementation that can fail latches its first error, answers "nothing"
// from then on, and its owner checks before committing; so the algorithms stay free of error plumbing.
#pragma once

#include "crdt/cell.hpp"
#include "crdt/key.hpp"

#include <edgesync/function.hpp>

#include <cstdint>

namespace edgesync::crdt {

/// Read access to cells: a table, or a table under uncommitted changes.
class CellSource {
 public:
  /// Return false to stop.
  using Visit = Function<bool(ByteView key, const Cell& cell)>;

  virtual ~CellSource() = default;
  virtual Cell find(ByteView key) = 0;
  /// In ascending key order. The visitor must not change the source.
  virtual void scan(const KeyRange& range, const Visit& visit) = 0;
};

/// One item of the log that tells which keys a dot touched.
struct LogItem {
  enum class Type : std::uint8_t { write = 0, remove = 1, remove_range = 2 };
  Dot dot{};
  Type type{};
  Bytes key{};         ///< write, remove
  KeyRange range{};    ///< remove_range
  Context observed{};  ///< remove_range: what it removed
  bool operator==(const LogItem&) const = default;
};

/// A scope's fingerprint: the sum of its entries' hashes, and how many there are.
struct Summary {
  Hash128 sum{};
  std::uint64_t count = 0;
  bool operator==(const Summary&) const = default;

  /// Of a scope that has lost rows, and knows it: compared with nothing.
  static constexpr Summary unknown() noexcept { return {{}, UINT64_MAX}; }
  bool contradicts(const Summary& other) const noexcept {
    return *this != other && *this != unknown() && other != unknown();
  }
};

class ScopeTable : public CellSource {
 public:
  /// Makes `after` the cell of `key`. Requires: `before` is what find(key) would return. Keeps the summary.
  virtual void replace(ByteView key, const Cell& before, const Cell& after) = 0;

  virtual const Context& context() const = 0;
  virtual void advance(const Context& to) = 0;  ///< Joins.

  /// Per replica the highest stamp of a removal whose record is gone: below it the fast path is not exact.
  virtual const Context& floors() const = 0;
  virtual void raise_floors(const Context& to) = 0;

  /// Requires: per replica, ascending stamps.
  virtual void log(const LogItem& item) = 0;
  /// Items of `replica` with stamps above `after`, ascending. Write items may be stale: check the cell.
  virtual void scan_log(const ReplicaId& replica, Stamp after, const Function<bool(const LogItem&)>& visit) = 0;

  /// Puts write items of `replica` back where they belong in its log. Ascending; none of them is there.
  virtual void restore_log(const ReplicaId& replica, std::span<const LogItem> items) = 0;

  /// Summary::unknown() while rows are known to be lost.
  virtual Summary summary() const = 0;
};

}  // namespace edgesync::crdt
