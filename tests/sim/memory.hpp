// SPDX-License-Identifier: Apache-2.0
// Memory: SQLite's allocations, one of which may fail. Counted for the whole process, because SQLite has one allocator;
// the store must report what failed like any other failure of a call, and keep what it promised.
#pragma once

#include <cstdint>

namespace edgesync::sim {

struct MemoryFaults {
  std::uint64_t fails_in = 0;     ///< The n-th allocation from now fails; 0: none.
  std::uint64_t allocations = 0;  ///< So far.
  std::uint64_t struck = 0;
};

inline thread_local MemoryFaults memory;

/// Puts the failing allocator in SQLite's place, once. Requires: no database is open.
void install_memory();

/// While it lives nothing fails: for the harness's own use of SQLite.
class SafeMemory {
 public:
  SafeMemory() noexcept : fails_in_(memory.fails_in) { memory.fails_in = 0; }
  ~SafeMemory() { memory.fails_in = fails_in_; }
  SafeMemory(const SafeMemory&) = delete;
  SafeMemory& operator=(const SafeMemory&) = delete;

 private:
  std::uint64_t fails_in_;
};

}  // namespace edgesync::sim
