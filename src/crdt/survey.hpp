// SPDX-License-Identifier: Apache-2.0
// Survey: a scope seen once, as sums over blocks of neighbouring keys, so that a search reads everything a single time
// and afterwards only the blocks at the ends of the ranges it is asked about. The walk goes in steps, and the scope may
// change between them and afterwards: a sum then speaks of entries that were there at some moment since the survey
// began. See search.hpp for why that is enough.
#pragma once

#include "crdt/scope_table.hpp"

#include <optional>
#include <vector>

namespace edgesync::crdt {

/// Which entries are compared, and by what of them.
struct Measure {
  Hash128 fingerprint_key{};
  /// Only what it covers, by key and dot: damaged content is no removal. Nothing: every entry, by its content too.
  std::optional<Context> common{};

  using Visit = Function<void(ByteView key, const Entry& entry, std::uint64_t hash)>;
  void each(CellSource& cells, const KeyRange& range, const Visit& visit) const;
  bool takes(const Entry& entry) const noexcept { return !common || common->covers(entry.dot); }
  std::uint64_t hash(ByteView key, const Entry& entry) const noexcept;
};

/// How many entries, and the sum of their hashes modulo 2^64.
struct Tally {
  std::uint64_t count = 0, sum = 0;
  void add(std::uint64_t hash) noexcept { ++count, sum += hash; }
  void add(const Tally& other) noexcept { count += other.count, sum += other.sum; }
  bool operator==(const Tally&) const = default;
};

/// The shortest bound that parts two keys, one before the other: bounds are most of what a sum costs on the wire.
Bytes bound_between(ByteView before, ByteView key);

class Survey {
 public:
  struct Piece {
    KeyRange range{};
    Tally tally{};
  };

  /// `block_entries`: one block's size, about; memory is a bound and 40 bytes for each.
  explicit Survey(Measure measure, std::size_t block_entries = 64)
      : measure_(std::move(measure)), block_entries_(block_entries) {}

  /// Walks on over about `entries_max` entries. True once everything has been seen.
  bool walk(CellSource& cells, std::size_t entries_max);
  bool done() const noexcept { return done_; }

  /// `range` in pieces that follow one another, whole blocks where it holds any. Requires: done().
  std::vector<Piece> pieces(CellSource& cells, const KeyRange& range);
  Tally tally(CellSource& cells, const KeyRange& range);

  const Measure& measure() const noexcept { return measure_; }
  /// Entries read since the survey began: what its owner has cost the file so far.
  std::uint64_t read() const noexcept { return read_; }
  /// Reads the entries of `range` as they stand.
  void each(CellSource& cells, const KeyRange& range, const Measure::Visit& visit);

 private:
  struct Block {
    Bytes low{};
    Tally tally{};
  };
  Tally look(CellSource& cells, const KeyRange& range);
  void begin_block(ByteView key);
  /// The first block that begins at or after `low`.
  std::size_t first_at(ByteView low) const;

  Measure measure_;
  std::size_t block_entries_;
  std::vector<Block> blocks_{};  // ascending
  std::size_t in_block_ = 0;     // entries seen of the last one, taken or not
  Bytes next_{}, last_{};        // where the walk goes on, and the key before
  bool done_ = false;
  std::uint64_t read_ = 0;
};

}  // namespace edgesync::crdt
