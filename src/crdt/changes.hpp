// SPDX-License-Identifier: Apache-2.0
// Changes: local transactions of one scope that are in memory only. They coalesce: a later write to a key replaces an
// earlier one, so a key overwritten a thousand times between two flushes reaches the disk, the log and the wire once.
// Writes are blind: what they replace ("observed") is resolved when they are applied to the table, as everything the
// context at the time of the write covers. All dots are of one replica.
#pragma once

#include "crdt/scope_table.hpp"

#include <map>
#include <optional>
#include <vector>

namespace edgesync::crdt {

struct Changes {
  struct Write {
    Stamp stamp = 0;
    std::optional<Entry> entry{};  ///< Nothing: a removal.
  };
  struct RangeRemoval {
    Stamp stamp = 0;
    KeyRange range{};
    Context observed{};  ///< The context just before, own earlier stamps included.
  };

  Context observed{};  ///< The table's context when these changes began; own dots count as observed anyway.
  std::map<Bytes, Write, BytesLess> writes{};
  std::vector<RangeRemoval> ranges{};  ///< In order; a write in `writes` under one of them came after it.
  Stamp last = 0;                      ///< Highest stamp of the transactions inside.
  std::size_t bytes = 0;               ///< Rough memory use.

  bool empty() const noexcept { return last == 0; }
  void write(ByteView key, Stamp stamp, std::optional<Entry> entry);
  void remove_range(Stamp stamp, KeyRange range, Context seen);
  /// Appends a later transaction; the first one brings `observed` with it. Requires: its stamps are above `last`, and
  /// apart from own dots it saw no more than `observed` (else its writes would not replace all that it saw).
  void append(Changes&& later);
};

/// `base` as it reads under `changes` of replica `self`. Both outlive the overlay.
class Overlay final : public CellSource {
 public:
  Overlay(CellSource& base, const Changes& changes, const ReplicaId& self) noexcept
      : base_(base), changes_(changes), self_(self) {}
  Cell find(ByteView key) override;
  void scan(const KeyRange& range, const Visit& visit) override;
  /// True if reading `key` needs no look at the base.
  bool decides(ByteView key) const noexcept;

  /// Set once the base has learned of dots that the changes did not observe: then a write no longer hides all of it.
  bool concurrent = false;

 private:
  Cell seen(ByteView key, const Cell& below) const;

  CellSource& base_;
  const Changes& changes_;
  const ReplicaId& self_;
};

/// Makes `changes` part of the table: cells, log and context, as one step.
void apply_changes(ScopeTable& table, const ReplicaId& self, const Changes& changes);

}  // namespace edgesync::crdt
