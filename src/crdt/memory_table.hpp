// SPDX-License-Identifier: Apache-2.0
// MemoryTable: a scope held in memory. The reference implementation of ScopeTable, small enough to be seen right; tests
// and benchmarks compare the SQLite table with it.
#pragma once

#include "crdt/reissue.hpp"

#include <deque>
#include <map>

namespace edgesync::crdt {

class MemoryTable final : public RewindableTable {
 public:
  explicit MemoryTable(const Hash128& fingerprint_key) : fingerprint_key_(fingerprint_key) {}

  Cell find(ByteView key) override;
  void scan(const KeyRange& range, const Visit& visit) override;
  void replace(ByteView key, const Cell& before, const Cell& after) override;
  const Context& context() const override { return context_; }
  void advance(const Context& to) override { context_.join(to); }
  const Context& floors() const override { return floors_; }
  void raise_floors(const Context& to) override { floors_.join(to); }
  void log(const LogItem& item) override;
  void scan_log(const ReplicaId& replica, Stamp after, const Function<bool(const LogItem&)>& visit) override;
  void restore_log(const ReplicaId& replica, std::span<const LogItem> items) override;
  Summary summary() const override { return summary_; }
  void rewind(const Dot& to) override;

  /// Forgets removal records of `replica` up to `through` and raises the floor.
  void evict_removals(const ReplicaId& replica, Stamp through);
  /// Forgets write items whose cell no longer holds their dot.
  void sweep();

 private:
  Hash128 fingerprint_key_;
  std::map<Bytes, Cell, BytesLess> cells_;
  std::map<ReplicaId, std::deque<LogItem>> log_;
  Context context_, floors_;
  Summary summary_;
};

}  // namespace edgesync::crdt
