// SPDX-License-Identifier: Apache-2.0
// HeapMeter: how much more memory the C++ heap held at its highest since the meter was made. One thread; what C
// libraries allocate for themselves (zstd's contexts, SQLite's cache) is not counted. A program that uses it links
// heap_meter.cpp, which replaces operator new and delete.
#pragma once

#include <cstddef>

namespace edgesync::fuzz {

class HeapMeter {
 public:
  HeapMeter() noexcept;
  std::size_t peak() const noexcept;

 private:
  std::size_t before_;
};

}  // namespace edgesync::fuzz
