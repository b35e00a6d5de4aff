// SPDX-License-Identifier: Apache-2.0
#include "sim/memory.hpp"

#include <sqlite3.h>

namespace edgesync::sim {
namespace {

/// SQLite's own allocator.
const sqlite3_mem_methods& plain() {
  static const sqlite3_mem_methods allocator = [] {
    sqlite3_mem_methods own{};
    sqlite3_shutdown();
    sqlite3_config(SQLITE_CONFIG_GETMALLOC, &own);
    return own;
  }();
  return allocator;
}

bool fails() {
  ++memory.allocations;
  if (memory.fails_in == 0 || --memory.fails_in > 0) return false;
  ++memory.struck;
  return true;
}

void* allocate(int bytes) { return fails() ? nullptr : plain().xMalloc(bytes); }
void* reallocate(void* held, int bytes) { return fails() ? nullptr : plain().xRealloc(held, bytes); }

}  // namespace

void install_memory() {
  static const bool installed = [] {
    sqlite3_mem_methods failing = plain();
    failing.xMalloc = allocate;
    failing.xRealloc = reallocate;
    return sqlite3_config(SQLITE_CONFIG_MALLOC, &failing) == SQLITE_OK;
  }();
  static_cast<void>(installed);
}

}  // namespace edgesync::sim
