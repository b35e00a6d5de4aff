// SPDX-License-Identifier: Apache-2.0
// Search: finds in which entries two copies of a scope differ, at a cost that follows the number of these and not the
// size of the scope. Range-based set reconciliation (Meyer, "Range-Based Set Reconciliation", SRDS 2023, section 3).
//
//   teller                                                   asker
//   inspect(everything)      -- findings: sums -->            Search::take()
//   inspect(each of them)    <-- ranges that differ --
//                            -- findings: hashes of few -->   Search::take(): these differ
//
// Neither side stands still meanwhile, and neither keeps a snapshot. After a teller has forgotten removals, what the
// asker missed of them is found so (`removed()`): the entries compared are only those in `common`, what both contexts
// covered at the start, and whatever of those the teller lacks, it has seen removed, whenever it looks. A sum that was
// taken at any moment since the start is as good as one taken now: what was removed later is in the teller's log, so
// the delta that follows (make_fast_delta() for the asker's context at the start) tells it. Requires: the teller's
// floors have not moved since the start; else the search begins again.
#pragma once

#include "crdt/survey.hpp"

#include <map>
#include <vector>

namespace edgesync::crdt {

/// What the teller says of one range, about its entries there.
struct Finding {
  KeyRange range{};
  bool small = false;
  std::uint64_t sum = 0, count = 0;     ///< Of a large range: of the entries' hashes, and how many they are.
  std::vector<std::uint64_t> hashes{};  ///< Of a small one: of each entry, by key and dot.
  bool operator==(const Finding&) const = default;
};

/// What both contexts cover.
Context meet(const Context& a, const Context& b);

struct SearchShape {
  std::size_t fan_out = 16;        ///< Parts of a large range, of about equal counts.
  std::size_t small_entries = 24;  ///< At most so many entries are listed by hash.
};

/// The teller's side: one small finding, or the findings of the parts of `range`. Requires: survey.done().
std::vector<Finding> inspect(Survey& survey, CellSource& cells, const KeyRange& range, const SearchShape& shape = {});

/// Entries that the teller has seen removed and the asker still holds, by key.
using Removed = std::map<Bytes, std::vector<Dot>, BytesLess>;

/// The asker's side.
class Search {
 public:
  explicit Search(Measure measure, std::size_t block_entries = 64) : survey_(std::move(measure), block_entries) {}

  Survey& survey() noexcept { return survey_; }

  /// Takes a finding; true if its range is to be inspected. One in which the asker holds nothing is not: what it lacks
  /// comes with the delta. Requires: survey().done().
  bool take(CellSource& cells, const Finding& finding);

  const Removed& removed() const noexcept { return removed_; }
  Removed take_removed() noexcept { return std::move(removed_); }
  std::size_t bytes() const noexcept { return bytes_; }  ///< What removed() amounts to in memory, about.

 private:
  void list(CellSource& cells, const Finding& finding);

  Survey survey_;
  Removed removed_;
  std::size_t bytes_ = 0;
};

}  // namespace edgesync::crdt
