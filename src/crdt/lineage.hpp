// SPDX-License-Identifier: Apache-2.0
// Lineage: under which secrets a replica has tagged its stamps, one per time that its database was opened and wrote.
// Copies of a database share these rows up to the copying and none after it, so a replica can tell a stamp of its own
// from one that another copy minted under its name, without a record of every stamp. A database that has gone by
// several ids has rows for each: the stamps of one id only grow, those of the next may begin earlier.
#pragma once

#include "crdt/hlc.hpp"

#include <limits>
#include <vector>

namespace edgesync::crdt {

class Lineage {
 public:
  struct Row {
    ReplicaId self{};
    /// Stamps of `self` from here on, up to its next row's, carry tags under `secret`. It follows what the file held
    /// when it was opened, not what was minted first: what an original mints after it was copied lies between.
    Stamp first = 0;
    Hash128 secret{};
    bool operator==(const Row&) const = default;
  };
  /// Older rows are forgotten; stamps before the first one kept are taken for our own.
  static constexpr std::size_t rows_max = 1024;

  /// Requires: `row.first` is above that of every earlier row of `row.self`.
  void add(const Row& row);
  /// What `from` minted is said again, with the same stamps, by `to`, which is new.
  void inherit(const ReplicaId& from, const ReplicaId& to);
  /// False: `stamp` of `self` was certainly not minted here. True: it was, or one chance in 4,096. `last`: the last one
  /// that was minted here under that id; whatever is later would carry a tag of that time.
  bool minted(const ReplicaId& self, Stamp stamp, Stamp last = std::numeric_limits<Stamp>::max()) const noexcept;
  const std::vector<Row>& rows() const noexcept { return rows_; }

 private:
  std::vector<Row> rows_;  // in the order of their making
};

}  // namespace edgesync::crdt
