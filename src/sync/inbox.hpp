// SPDX-License-Identifier: Apache-2.0
// Inbox: cuts that are arriving. Parts are held per cut until the cut is complete, then handed over whole: nothing of a
// cut that is never completed is applied. Memory is bounded by Limits::staged_bytes.
#pragma once

#include "sync/limits.hpp"
#include "sync/memory_budget.hpp"

#include <map>
#include <set>

namespace edgesync::sync {

class Inbox {
 public:
  /// A complete cut.
  struct Whole {
    std::map<wire::Channel, crdt::Delta> deltas{};
    std::map<wire::Channel, std::vector<wire::PatchedPart>> patches{};
    std::set<wire::Channel> stages{};  ///< Scopes of which it holds what is kept aside.
  };

  /// `budget`: of what all links receive; outlives it.
  Inbox(const Limits& limits, MemoryBudget& budget) noexcept : limits_(limits), budget_(budget), held_(budget) {}

  /// Fails with: protocol_violation (parts out of turn), limit_exceeded. `bytes` is the part's size as received.
  Result<void> add(wire::DeltaPart&& part, std::size_t bytes);
  /// What it comes to counts as well.
  Result<void> add(wire::PatchedPart&& part);
  Result<void> add(const wire::Staged& staged);
  /// The complete cut. Fails with: protocol_violation if parts are missing.
  Result<Whole> take(const wire::Cut& cut);
  /// A chunk, which is the delta of one channel. Fails with: protocol_violation.
  Result<crdt::Delta> take_one(std::uint64_t cut, wire::Channel channel);
  /// Bytes held of cuts that concern `channel`.
  std::size_t bytes_beside(wire::Channel channel) const noexcept;

 private:
  struct Staged {
    Whole whole{};
    std::size_t bytes = 0, patches = 0;
  };
  Result<Staged*> staged(std::uint64_t cut);
  Result<void> take(std::size_t bytes);
  Result<Staged*> grow(std::uint64_t cut, std::size_t bytes);

  const Limits& limits_;
  std::map<std::uint64_t, Staged> staged_;
  MemoryBudget& budget_;
  MemoryShare held_;
};

}  // namespace edgesync::sync
