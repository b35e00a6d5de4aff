// SPDX-License-Identifier: Apache-2.0
// Inbox: cuts that are arriving. Parts are held per cut until the cut is complete, then handed over whole: nothing of a
// cut that is never completed is applied. Memory is bounded by Limits::staged_bytes.
#pragma once

#include "sync/limits.hpp"

#include <map>

namespace edgesync::sync {

class Inbox {
 public:
  using Deltas = std::map<wire::Channel, crdt::Delta>;

  explicit Inbox(const Limits& limits) noexcept : limits_(limits) {}

  /// Fails with: protocol_violation (parts out of turn), limit_exceeded. `bytes` is the part's size as received.
  Result<void> add(wire::DeltaPart&& part, std::size_t bytes);
  /// The complete cut. Fails with: protocol_violation if parts are missing.
  Result<Deltas> take(const wire::Cut& cut);
  /// Bytes held of cuts that concern `channel`.
  std::size_t bytes_beside(wire::Channel channel) const noexcept;

 private:
  struct Staged {
    Deltas deltas{};
    std::size_t bytes = 0;
  };
  const Limits& limits_;
  std::map<std::uint64_t, Staged> staged_;
  std::size_t bytes_ = 0;
};

}  // namespace edgesync::sync
