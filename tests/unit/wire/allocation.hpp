// SPDX-License-Identifier: Apache-2.0
// Counts what operator new hands out in this executable, so that tests can say what hostile input may cost.
#pragma once

#include <cstddef>

namespace edgesync::wire::testing {

/// The sum of all allocations since construction: an upper bound of what was ever held at once.
class AllocationCount {
 public:
  AllocationCount() noexcept;
  std::size_t bytes() const noexcept;

 private:
  std::size_t before_;
};

}  // namespace edgesync::wire::testing
