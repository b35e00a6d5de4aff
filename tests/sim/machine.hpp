// SPDX-License-Identifier: Apache-2.0
// Machine: a disk somewhere, and the store and engine that are open on it; driven by hand.
#pragma once

#include "sim/fault_vfs.hpp"
#include "sync/engine.hpp"

#include <deque>
#include <map>
#include <memory>
#include <set>

namespace edgesync::sim {

class Machine {
 public:
  Machine(bool is_hub, std::unique_ptr<Disk> from, std::uint64_t where)
      : hub(is_hub), place(where), disk(std::move(from)), vfs_(std::make_unique<FaultVfs>(*disk)) {}
  ~Machine() { close(); }
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  /// As a new process. `seed`: of what it draws; no two openings draw the same.
  void open(std::uint64_t seed, Now now);
  void close();

  /// Makes durable whatever is accepted, if anything is.
  bool commit();
  bool commits_now() const { return store->accepted() != store->durable(); }
  void write(const Edit& edit, Now now);
  void append(std::int64_t number, Now now);

  /// The values of the registers, of losers as well.
  std::set<std::int64_t> values();
  /// These and the records that it is bound to keep, each a number of its own.
  std::set<std::int64_t> held();

  /// Who numbered each, and how.
  std::map<std::int64_t, crdt::Dot> records();
  /// The record is stable, as far as is known here.
  bool may_forget(const crdt::Dot& record) const;

  const bool hub;
  const std::uint64_t place;  ///< What its environment says.
  bool chunks = false;        ///< Every second life takes most of what is told for large.
  std::unique_ptr<Disk> disk;
  std::deque<std::unique_ptr<Disk>> former{};  ///< What the disk was after the last group commits, the oldest first.

 private:
  std::unique_ptr<FaultVfs> vfs_;
  Xoshiro random_{1};

 public:
  std::unique_ptr<store::Store> store{};
  std::unique_ptr<sync::Engine> engine{};
  std::optional<sync::LinkId> link{}, peer{};  ///< A node's, and the hub's end of it.
  std::vector<std::int64_t> unpromised{};      ///< Accepted and not durable yet.
};

}  // namespace edgesync::sim
