// SPDX-License-Identifier: Apache-2.0
// Copies: one seed of a hub and nodes whose disks are copied, restored from older images, wiped and moved to other
// machines while all go on working, on the real engine, store and SQLite. Copies with one replica id are linked at the
// same time. It keeps no exact truth, for copies may say a thing twice; it asks that nothing be lost.
#pragma once

#include "sim/truth.hpp"

#include <array>

namespace edgesync::sim {

/// What may happen to a copy, in percent.
struct CopiesPlan {
  std::uint64_t seed = 1;
  std::uint64_t noticed = 0;  ///< So many of 100 copies run on another machine, and can tell.
  bool together = true;       ///< Several are linked at the same time.
  bool hub_too = false;       ///< The hub's disk is restored as well.
  bool chunks = false;        ///< Much is told in chunks that are kept aside.
  bool lies = false;          ///< After a power cut a node's disk is as it was some group commits before.
};

struct CopiesReport {
  Finding violation{};
  std::uint64_t copies = 0, restores = 0, hub_restores = 0, wipes = 0, lies = 0, identities = 0, promised = 0;
};

/// In the end all agree, no link broke the protocol, every file is sound, and every value and record that was durable
/// anywhere is at the hub, unless somebody saw it before it was replaced, or the last disk that held it was taken away.
CopiesReport run_copies(const CopiesPlan& plan);

}  // namespace edgesync::sim
