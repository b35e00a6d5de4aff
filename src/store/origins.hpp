// SPDX-License-Identifier: Apache-2.0
// Origins: replica ids interned as small integers, so that a cell or a log item names its author in a byte or two.
// Numbers start at 1 and are dense; those from `stored` on are not in the file yet.
#pragma once

#include <edgesync/value.hpp>

#include <cstdint>
#include <cstring>
#include <unordered_map>
#include <vector>

namespace edgesync::store {

using Oid = std::uint64_t;

class Origins {
 public:
  /// The number of `replica`, a new one if it has none.
  Oid intern(const ReplicaId& replica) {
    const auto [at, added] = numbers_.try_emplace(replica, ids_.size() + 1);
    if (added) ids_.push_back(replica);
    return at->second;
  }
  /// 0 if it has none.
  Oid find(const ReplicaId& replica) const {
    const auto at = numbers_.find(replica);
    return at == numbers_.end() ? 0 : at->second;
  }
  /// Null if no replica has this number.
  const ReplicaId* find(Oid oid) const noexcept { return oid == 0 || oid > ids_.size() ? nullptr : &ids_[oid - 1]; }
  std::size_t size() const noexcept { return ids_.size(); }

  std::size_t stored = 0;

 private:
  struct Hash {
    std::size_t operator()(const ReplicaId& id) const noexcept {
      std::size_t half = 0;
      std::memcpy(&half, id.bytes.data(), sizeof half);  // random bits already
      return half;
    }
  };
  std::vector<ReplicaId> ids_;
  std::unordered_map<ReplicaId, Oid, Hash> numbers_;
};

}  // namespace edgesync::store
