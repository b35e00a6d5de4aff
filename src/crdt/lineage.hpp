// SPDX-License-Identifier: Apache-2.0
// Lineage: under which secrets a replica has tagged its stamps, one per time that its database was opened and wrote.
// Copies of a database share these rows up to the copying and none after it, so a replica can tell a stamp of its own
// from one that another copy minted under its name, without a record of every stamp.
#pragma once

#include "crdt/hlc.hpp"

#include <limits>
#include <vector>

namespace edgesync::crdt {

class Lineage {
 public:
  struct Row {
    /// Stamps from here on, up to the next row's, carry tags under `secret`. It follows what the file held when it was
    /// opened, not what was minted first: what an original mints after it was copied lies between.
    Stamp first = 0;
    Hash128 secret{};
    bool operator==(const Row&) const = default;
  };
  /// Older rows are forgotten; stamps before the first one kept are taken for our own.
  static constexpr std::size_t rows_max = 1024;

  /// Requires: `row.first` is above every earlier one's.
  void add(const Row& row);
  /// False: certainly not minted here. True: it was, or one chance in 4,096. `last`: the last one that was minted here
  /// under the id in question; whatever is later would carry a tag of that time.
  bool minted(Stamp stamp, Stamp last = std::numeric_limits<Stamp>::max()) const noexcept;
  const std::vector<Row>& rows() const noexcept { return rows_; }

 private:
  std::vector<Row> rows_;
};

}  // namespace edgesync::crdt
