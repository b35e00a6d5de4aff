// SPDX-License-Identifier: Apache-2.0
// RangeSet: key ranges as a set of keys. What is in it is ascending, disjoint and not adjacent, so equal sets are equal
// lists.
#pragma once

#include "crdt/key.hpp"

#include <vector>

namespace edgesync::store {

/// The range that holds this key alone.
crdt::KeyRange only(ByteView key);

class RangeSet {
 public:
  void add(crdt::KeyRange range);
  void remove(const crdt::KeyRange& range);
  bool contains(ByteView key) const noexcept;
  bool meets(const crdt::KeyRange& range) const noexcept;
  bool empty() const noexcept { return ranges_.empty(); }
  const std::vector<crdt::KeyRange>& ranges() const noexcept { return ranges_; }
  bool operator==(const RangeSet&) const = default;

 private:
  std::vector<crdt::KeyRange> ranges_;
};

}  // namespace edgesync::store
