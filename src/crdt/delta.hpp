// SPDX-License-Identifier: Apache-2.0
// Deltas: what makes a receiver's scope grow from the context it states to the sender's. The sender lists every key
// touched by a dot outside the receiver's context, each with its complete set of live dots, and the removal records the
// receiver has not seen. Because lists are complete and the sender's context holds for the whole delta, no cell carries
// a context of its own, and a removed cell leaves nothing behind: a dot that is in the context and not in the state is
// gone.
//
// The fast path is exact only above the sender's floors. Below one, the delta is made complete: every key of the scope
// is listed, and the receiver drops what is not listed and covered by the sender.
#pragma once

#include "crdt/search.hpp"

#include <optional>
#include <vector>

namespace edgesync::crdt {

struct KeyState {
  Bytes key{};
  std::vector<Listed> listed{};
  bool operator==(const KeyState&) const = default;
};

struct Delta {
  Context base{};                ///< What the sender took the receiver to have; refused unless the receiver covers it.
  Context upto{};                ///< The sender's context.
  bool complete = false;         ///< Keys that are not listed do not exist at the sender.
  std::vector<KeyState> keys{};  ///< Ascending by key.
  std::vector<LogItem> removals{};  ///< remove and remove_range items outside `base`, ascending per replica.
  Summary summary{};                ///< The sender's, to compare when contexts have become equal.

  bool operator==(const Delta&) const = default;
};

/// What `table` has and `receiver` has not. Reads one consistent state of the table.
Delta make_delta(ScopeTable& table, const Context& receiver);

/// The same if it has no more than about `bytes_max`.
std::optional<Delta> make_small_delta(ScopeTable& table, const Context& receiver, std::size_t bytes_max);

/// True if make_delta() would have to list the whole scope.
bool below_floor(ScopeTable& table, const Context& receiver);

/// The fast path whatever the floors: exact for a receiver that searched (search.hpp) from `receiver` on.
Delta make_fast_delta(ScopeTable& table, const Context& receiver);

struct Applied {
  bool diverged = false;           ///< Contexts are equal now and summaries are not: an incident.
  std::vector<Bytes> conflicts{};  ///< Keys that came to hold concurrent entries.
};

/// True if `delta` may be applied to a table with context `mine`: anything else would claim knowledge it does not
/// carry.
bool applicable(const Delta& delta, const Context& mine) noexcept;

/// Joins `delta` into the table: cells, log, floors and context, as one step. Requires: applicable(). `removed`: what
/// the search found that began at `delta.base`.
Applied apply_delta(ScopeTable& table, const Delta& delta, const Removed* removed = nullptr);

}  // namespace edgesync::crdt
