// SPDX-License-Identifier: Apache-2.0
// StateTruth: what one state scope must hold, from its definition alone. It remembers what every transaction wrote and
// what it had seen, and answers for any context; it merges nothing. Transactions that were never promised and did not
// survive are taken out again. Counters live under paths of their own and are only added to and reset.
#pragma once

#include "laws/oracle.hpp"

#include <map>
#include <string>

namespace edgesync::sim {

class StateTruth {
 public:
  /// What `ops` meant under `dot` for a replica that had seen `seen`.
  void record(std::span<const Edit::Op> ops, const crdt::Dot& dot, const crdt::Context& seen);
  /// The transaction never happened.
  void forget(const crdt::Dot& dot);

  /// Registers and set members that a replica with this context holds.
  laws::Cells cells(const crdt::Context& context) const;
  /// The counters' values; those that nobody ever added to are missing.
  std::map<std::string, std::int64_t> counters(const crdt::Context& context) const;

 private:
  template <class What>
  struct Item {
    crdt::Dot dot{};
    What what{};
    std::vector<crdt::Dot> takers{};  ///< Transactions that took it away.
    bool lives(const crdt::Context& context) const;
  };
  void touch(const crdt::KeyRange& range, const crdt::Dot& dot, const crdt::Context& seen);

  std::map<Bytes, std::vector<Item<Bytes>>, BytesLess> writes_;
  std::map<std::string, std::vector<Item<std::int64_t>>> adds_;
};

}  // namespace edgesync::sim
