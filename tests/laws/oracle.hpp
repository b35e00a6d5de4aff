// SPDX-License-Identifier: Apache-2.0
// The oracle: the whole truth about a scope, kept by remembering every write that ever happened and every dot that saw
// it go. It merges nothing and forgets nothing, so it cannot share a fault with the engine: what a replica with
// context C must hold is each write covered by C that no removal or overwrite covered by C observed.
//
// Replica is what the oracle needs of an engine. MemoryReplica (memory_replica.hpp) puts crdt::MemoryTable behind it;
// any other store of scopes can stand there as well.
#pragma once

#include "crdt/delta.hpp"
#include "crdt/transaction.hpp"

#include <map>
#include <optional>
#include <set>
#include <span>
#include <vector>

namespace edgesync::laws {

using Cells = std::map<Bytes, crdt::Cell, BytesLess>;

/// One copy of one scope. Transactions may stay in memory until flush(); deltas carry only what is flushed.
class Replica {
 public:
  virtual ~Replica() = default;
  virtual ReplicaId id() const = 0;
  /// Commits a transaction and returns its stamp.
  virtual Result<crdt::Stamp> commit(std::span<const Edit::Op> ops, Timestamp wall) = 0;
  /// Makes transactions that are only in memory part of the table.
  virtual void flush() = 0;
  virtual crdt::Delta delta_for(const crdt::Context& receiver) = 0;
  virtual crdt::Delta fast_delta_for(const crdt::Context& receiver) = 0;
  /// Applies the delta, with what a search found; nothing if the replica refuses it.
  virtual std::optional<crdt::Applied> offer(const crdt::Delta& delta, Timestamp wall,
                                             const crdt::Removed* removed = nullptr) = 0;
  /// Runs `look` over the flushed cells.
  virtual void look(const Function<void(crdt::CellSource&)>& look) = 0;
  virtual crdt::Context floors() = 0;
  /// The flushed cells, and the cells as a reader of this replica sees them.
  virtual Cells stored() = 0;
  virtual Cells visible() = 0;
  /// What stored() amounts to, and what visible() does.
  virtual crdt::Context stored_context() = 0;
  virtual crdt::Context visible_context() = 0;
  virtual crdt::Summary summary() = 0;
  /// The key of summary().
  virtual Hash128 fingerprint_key() = 0;
  virtual void evict_removals(const ReplicaId& origin, crdt::Stamp through) = 0;
  virtual void sweep() = 0;
};

class Oracle {
 public:
  /// Records what `ops` meant under `dot` for a replica that saw everything in `seen` and nothing else.
  void record(std::span<const Edit::Op> ops, const crdt::Dot& dot, const crdt::Context& seen);

  /// What a replica with this context holds.
  Cells survivors(const crdt::Context& context) const;

 private:
  struct Write {
    crdt::Entry entry{};
    std::vector<crdt::Dot> observers{};  // dots that took it away
  };
  struct Pending;

  static bool lives(const Write& write, const crdt::Context& context);
  void touch(Pending& pending, const crdt::KeyRange& range);

  std::map<Bytes, std::vector<Write>, BytesLess> writes_;
};

/// The cell key an operation on one cell is about.
Bytes key_of(const Edit::Op& op);

/// The summary of `cells`, computed from nothing.
crdt::Summary recomputed(const Cells& cells, const Hash128& fingerprint_key);

/// "path kind: dot dot; ..." for messages.
std::string describe(const Cells& cells);

}  // namespace edgesync::laws
