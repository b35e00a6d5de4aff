// SPDX-License-Identifier: Apache-2.0
#include "unit/wire/allocation.hpp"

#include <cstdlib>
#include <new>

namespace edgesync::wire::testing {
namespace {

thread_local std::size_t allocated = 0;

}  // namespace

AllocationCount::AllocationCount() noexcept : before_(allocated) {}
std::size_t AllocationCount::bytes() const noexcept { return allocated - before_; }

void* count_and_allocate(std::size_t size) {
  allocated += size;
  if (void* block = std::malloc(size == 0 ? 1 : size)) return block;
  throw std::bad_alloc();
}

}  // namespace edgesync::wire::testing

void* operator new(std::size_t size) { return edgesync::wire::testing::count_and_allocate(size); }
void* operator new[](std::size_t size) { return edgesync::wire::testing::count_and_allocate(size); }
void operator delete(void* block) noexcept { std::free(block); }
void operator delete[](void* block) noexcept { std::free(block); }
void operator delete(void* block, std::size_t) noexcept { std::free(block); }
void operator delete[](void* block, std::size_t) noexcept { std::free(block); }
