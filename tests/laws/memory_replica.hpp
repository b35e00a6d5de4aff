// SPDX-License-Identifier: Apache-2.0
// MemoryReplica: the engine's own parts put together as a store would: transactions are planned against what a reader
// sees, coalesce in one Changes, and become part of a MemoryTable at flush. Deltas may arrive in between; after one,
// the next transaction flushes first, because it sees more than the earlier ones did.
#pragma once

#include "crdt/hlc.hpp"
#include "crdt/memory_table.hpp"
#include "laws/oracle.hpp"

namespace edgesync::laws {

class MemoryReplica final : public Replica {
 public:
  /// `number` makes the id, and so the order of replicas.
  explicit MemoryReplica(std::uint8_t number) : clock_({number, 7}, 0), table_({1, 2}) {
    id_.bytes[0] = static_cast<std::byte>(number);
  }

  ReplicaId id() const override { return id_; }
  crdt::MemoryTable& table() noexcept { return table_; }

  Result<crdt::Stamp> commit(std::span<const Edit::Op> ops, Timestamp wall) override {
    if (concurrent_) flush();
    crdt::Overlay view = overlay();
    const crdt::Author author{id_, clock_.mint(wall), visible_context()};
    auto planned = crdt::plan(ops, view, author);
    if (!planned) return planned.error();
    pending_.append(*std::move(planned));
    return author.stamp;
  }

  void flush() override {
    crdt::apply_changes(table_, id_, pending_);
    pending_ = {};
    concurrent_ = false;
  }

  crdt::Delta delta_for(const crdt::Context& receiver) override { return crdt::make_delta(table_, receiver); }
  crdt::Delta fast_delta_for(const crdt::Context& receiver) override { return crdt::make_fast_delta(table_, receiver); }
  void look(const Function<void(crdt::CellSource&)>& look) override { look(table_); }
  crdt::Context floors() override { return table_.floors(); }

  std::optional<crdt::Applied> offer(const crdt::Delta& delta, Timestamp wall,
                                     const crdt::Removed* removed = nullptr) override {
    if (!crdt::applicable(delta, table_.context())) return std::nullopt;
    crdt::Applied applied = crdt::apply_delta(table_, delta, removed);
    concurrent_ = !pending_.empty();
    for (const auto& item : delta.upto.items()) clock_.observe(item.stamp, wall, std::chrono::milliseconds(2));
    return applied;
  }

  Cells stored() override { return all(table_); }
  Cells visible() override {
    crdt::Overlay view = overlay();
    return all(view);
  }
  crdt::Context stored_context() override { return table_.context(); }
  crdt::Context visible_context() override {
    crdt::Context context = table_.context();
    context.advance({id_, pending_.last});
    return context;
  }
  crdt::Summary summary() override { return table_.summary(); }
  Hash128 fingerprint_key() override { return {1, 2}; }
  void evict_removals(const ReplicaId& origin, crdt::Stamp through) override { table_.evict_removals(origin, through); }
  void sweep() override { table_.sweep(); }

 private:
  crdt::Overlay overlay() {
    crdt::Overlay view(table_, pending_, id_);
    view.concurrent = concurrent_;
    return view;
  }

  static Cells all(crdt::CellSource& source) {
    Cells cells;
    source.scan({}, [&](ByteView key, const crdt::Cell& cell) { return cells.emplace(to_bytes(key), cell).second; });
    return cells;
  }

  ReplicaId id_{};
  crdt::Hlc clock_;
  crdt::MemoryTable table_;
  crdt::Changes pending_;
  bool concurrent_ = false;
};

}  // namespace edgesync::laws
