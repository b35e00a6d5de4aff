// SPDX-License-Identifier: Apache-2.0
// Hybrid logical clock (Kulkarni et al., "Logical Physical Clocks", OPODIS 2014). A stamp is, from the top bit:
// milliseconds since 2020-01-01 (44) | logical counter (8) | lineage tag (12), compared as one integer. The counter
// carries into the milliseconds when it overflows. The tag is a keyed hash of the upper bits under a secret redrawn at
// each database open, so that two copies of one file hardly ever give one stamp to two transactions.
//
// Clocks lie, and a stamp may come from the year 2050. The rule for such stamps is: accepted by everybody, adopted by
// nobody. Refusing them would be worse: a delta covers an interval of all its authors, so one bad stamp would stall a
// scope, for everybody below a relay too; and nobody can tell whether the author's clock is wrong or the refuser's.
// What a far stamp gains is one conflict with writes that have not seen it; the loser stays stored and listed, and the
// next write that has seen the value replaces it, whatever its stamp. That it wins no more than once is up to its
// author: a node goes by its hub's time (sync/timekeeper.hpp), and takes another replica id when its own stamps are far
// ahead of that already, because stamps of one replica only grow: as another one it begins at the right time.
//
// Invariant: stamps from one clock strictly increase, whatever the wall clock does.
#pragma once

#include "base/hash.hpp"
#include "crdt/dot.hpp"

#include <edgesync/value.hpp>

#include <algorithm>
#include <chrono>

namespace edgesync::crdt {

class Hlc {
 public:
  /// Continues after `last`, the highest stamp this replica ever made durable.
  Hlc(const Hash128& lineage_secret, Stamp last) noexcept : secret_(lineage_secret), upper_(last >> tag_bits) {}

  /// A new stamp, above every earlier one.
  Stamp mint(Timestamp wall) noexcept;

  /// Moves past a stamp seen from elsewhere, so that what is written next is later than what was read. A stamp more
  /// than `drift_max` ahead of the wall clock is ignored: it would spread one node's wrong clock through the fleet.
  /// Returns false in that case.
  bool observe(Stamp remote, Timestamp wall, std::chrono::milliseconds drift_max) noexcept;

  /// Moves past a stamp of this replica itself, however far ahead: what it mints must never be covered already.
  void pass(Stamp own) noexcept { upper_ = std::max(upper_, own >> tag_bits); }

  /// Goes on after `last`, which may be earlier: of another replica id, this is the highest stamp.
  void restart(Stamp last) noexcept { upper_ = last >> tag_bits; }

  /// Whether `stamp` carries the tag that `secret` gives it; by chance once in 4,096.
  static bool tagged_under(const Hash128& secret, Stamp stamp) noexcept {
    return tagged(secret, stamp >> tag_bits) == stamp;
  }
  /// When `stamp` was minted, by its author's clock.
  static Timestamp wall(Stamp stamp) noexcept;
  /// The first stamp of a millisecond.
  static Stamp at(Timestamp wall) noexcept;

 private:
  static constexpr unsigned tag_bits = 12, logical_bits = 8;
  static Stamp tagged(const Hash128& secret, std::uint64_t upper) noexcept;

  Hash128 secret_;
  std::uint64_t upper_;  // milliseconds and counter of the last stamp
};

}  // namespace edgesync::crdt
