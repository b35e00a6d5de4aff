// SPDX-License-Identifier: Apache-2.0
// Search: finds the removals that a receiver has missed when their records are gone, at a cost that follows their
// number and not the size of the scope. Range-based set reconciliation (Meyer, "Range-Based Set Reconciliation", SRDS
// 2023, section 3) over the entries that both sides once had: whatever of those one side lacks, it has seen removed.
//
//   sender                                                   receiver
//   inspect(everything)      -- findings: summaries -->       Search::take()
//   inspect(each of them)    <-- ranges that differ --
//                            -- findings: hashes of few -->   Search::take(): what it lacks, was removed
//
// Neither side stands still meanwhile, and neither keeps a snapshot. That is sound because the entries compared are
// only those in `common`, what both contexts covered at the start: an entry covered by the sender's context that it
// does not hold is one it has seen go, whenever it looks. What happened after the start is in its log, so the delta
// that follows (make_fast_delta() for the receiver's context at the start) tells it. Requires: the sender's floors have
// not moved since the start; else the search begins again.
#pragma once

#include "crdt/scope_table.hpp"

#include <map>
#include <span>
#include <vector>

namespace edgesync::crdt {

/// What the sender tells of one range, about its entries in `common`.
struct Finding {
  KeyRange range{};
  bool small = false;
  std::uint64_t sum = 0, count = 0;     ///< Of a large range: of the entries' hashes, and how many they are.
  std::vector<std::uint64_t> hashes{};  ///< Of a small one: of each entry, ascending.
  bool operator==(const Finding&) const = default;
};

/// What both contexts cover.
Context meet(const Context& a, const Context& b);

struct SearchShape {
  std::size_t fan_out = 16;        ///< Parts of a large range, of about equal counts.
  std::size_t small_entries = 32;  ///< At most so many entries are listed by hash.
};

/// The sender's side: one small finding, or the findings of the parts of `range`. Reads the range twice.
std::vector<Finding> inspect(CellSource& cells, const Hash128& fingerprint_key, const KeyRange& range,
                             const Context& common, const SearchShape& shape = {});

/// Entries that the sender has seen removed and the receiver still holds, by key.
using Removed = std::map<Bytes, std::vector<Dot>, BytesLess>;

/// The receiver's side.
class Search {
 public:
  Search(const Hash128& fingerprint_key, Context common)
      : fingerprint_key_(fingerprint_key), common_(std::move(common)) {}

  /// Takes findings and returns the ranges to inspect next. A range in which the receiver holds nothing is not asked
  /// about: what it lacks comes with the delta.
  std::vector<KeyRange> take(CellSource& cells, std::span<const Finding> findings);

  const Removed& removed() const noexcept { return removed_; }
  std::size_t bytes() const noexcept { return bytes_; }  ///< What removed() amounts to in memory, about.

 private:
  void list(CellSource& cells, const Finding& finding);

  Hash128 fingerprint_key_;
  Context common_;
  Removed removed_;
  std::size_t bytes_ = 0;
};

}  // namespace edgesync::crdt
