// SPDX-License-Identifier: Apache-2.0
// Memtable: one scope's transactions that are not in the file yet, as generations of coalesced changes. All
// transactions of a generation saw the same remote dots. When a cut becomes visible, what stands here was written
// without knowledge of it: the next transaction begins a new generation, so that a write swallows a remote entry if and
// only if its author had seen it.
#pragma once

#include "crdt/changes.hpp"

#include <deque>
#include <vector>

namespace edgesync::store {

class Memtable {
 public:
  struct Generation {
    crdt::Changes changes{};
    bool concurrent = false;  ///< The file has learned of dots that these changes did not observe.
  };

  /// True if the next transaction begins a generation and so must bring the context that it observed.
  bool begins() const noexcept { return generations_.empty() || generations_.back().concurrent; }
  void append(crdt::Changes&& transaction);
  /// The scope's context has learned of dots.
  void learned() noexcept;

  bool empty() const noexcept { return generations_.empty(); }
  std::size_t bytes() const noexcept;
  bool writes(ByteView key) const;
  const std::vector<Generation>& generations() const noexcept { return generations_; }
  std::vector<Generation> take() noexcept { return std::exchange(generations_, {}); }

 private:
  std::vector<Generation> generations_;
};

/// A scope as it reads under its memtable; both outlive the view.
class MemtableView final : public crdt::CellSource {
 public:
  MemtableView(crdt::CellSource& file, const Memtable& memtable, const ReplicaId& self);
  crdt::Cell find(ByteView key) override { return top_->find(key); }
  void scan(const crdt::KeyRange& range, const Visit& visit) override { top_->scan(range, visit); }

 private:
  std::deque<crdt::Overlay> chain_;  // a deque: overlays refer to the one below
  crdt::CellSource* top_;
};

}  // namespace edgesync::store
