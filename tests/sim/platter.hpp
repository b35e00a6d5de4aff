// SPDX-License-Identifier: Apache-2.0
// Platter: what the synced image of a disk says about contexts. It is read with plain SQL from a copy that holds
// nothing unsynced, and not by the code that is judged; and again only when the image has changed.
#pragma once

#include "crdt/dot.hpp"
#include "sim/disk.hpp"

#include <edgesync/error.hpp>

namespace edgesync::sim {

class Platter {
 public:
  /// The context that the durable image of `disk` holds of a scope; empty if it has no such scope.
  Result<crdt::Context> context(const Disk& disk, const std::string& scope);

 private:
  Result<void> read(const Disk& disk);

  std::optional<std::uint64_t> changes_{};  ///< Of the disk, when it was read.
  std::map<std::string, crdt::Context> contexts_{};
};

}  // namespace edgesync::sim
