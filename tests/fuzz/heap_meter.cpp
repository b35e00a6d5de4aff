// SPDX-License-Identifier: Apache-2.0
#include "fuzz/heap_meter.hpp"

#include <malloc.h>

#include <algorithm>
#include <cstdlib>
#include <new>

namespace {

thread_local std::size_t held = 0, highest = 0;

void* allocate(std::size_t size) noexcept {
  void* block = std::malloc(size == 0 ? 1 : size);
  if (block == nullptr) return nullptr;
  held += malloc_usable_size(block);
  highest = std::max(highest, held);
  return block;
}

void release(void* block) noexcept {
  if (block == nullptr) return;
  held -= std::min(held, malloc_usable_size(block));
  std::free(block);
}

}  // namespace

namespace edgesync::fuzz {

HeapMeter::HeapMeter() noexcept : before_(held) { highest = held; }
std::size_t HeapMeter::peak() const noexcept { return highest - std::min(highest, before_); }

}  // namespace edgesync::fuzz

void* operator new(std::size_t size) {
  if (void* block = allocate(size)) return block;
  throw std::bad_alloc();
}
void* operator new[](std::size_t size) { return ::operator new(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return allocate(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return allocate(size); }
void operator delete(void* block) noexcept { release(block); }
void operator delete[](void* block) noexcept { release(block); }
void operator delete(void* block, std::size_t) noexcept { release(block); }
void operator delete[](void* block, std::size_t) noexcept { release(block); }
