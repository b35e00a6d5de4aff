// SPDX-License-Identifier: Apache-2.0
// World: one database on a disk in memory (tests/sim), the same from run to run: the replica, the stamps and all that
// SQLite draws come from fixed seeds. What is fuzzed is what happens to it.
#pragma once

#include "fuzz/input.hpp"
#include "sim/fault_vfs.hpp"
#include "store/store.hpp"

#include <map>

namespace edgesync::fuzz {

inline constexpr const char* database = "node.db";
inline Timestamp at_ms(std::int64_t ms) { return Timestamp(std::chrono::milliseconds(1'800'000'000'000 + ms)); }

class World {
 public:
  World() : disk_(1), vfs_(disk_), random_(1) {}

  Result<std::unique_ptr<store::Store>> open() {
    store::Options options;
    options.path = database;
    options.vfs = vfs_.name();
    return store::Store::open(std::move(options), random_, at_ms(0));
  }

  sim::Disk& disk() noexcept { return disk_; }
  Random& random() noexcept { return random_; }

 private:
  sim::Disk disk_;
  sim::FaultVfs vfs_;
  Xoshiro random_;
};

inline store::Flushed flush(store::Store& store) {
  auto batch = store.begin_flush();
  store.write(*batch);
  return store.finish(std::move(batch));
}

using Cells = std::map<Bytes, crdt::Cell, BytesLess>;

inline Cells cells_of(store::Store& store, store::ScopeId id) {
  Cells cells;
  const auto read = store.look(id, [&](crdt::CellSource& source) {
    source.scan({}, [&](ByteView key, const crdt::Cell& cell) { return cells.emplace(to_bytes(key), cell).second; });
  });
  if (!read) is_told(read.error());
  return cells;
}

inline void is_sound(store::Store& store) {
  const auto findings = store.verify();
  holds(findings.has_value(), "it can be verified");
  for (const std::string& finding : *findings) std::fprintf(stderr, "finding: %s\n", finding.c_str());
  holds(findings->empty(), "verify finds nothing");
}

}  // namespace edgesync::fuzz
