// SPDX-License-Identifier: Apache-2.0
// LogBlock: a run of one origin's log items in one row of the log, small enough to stay inside its B-tree page, so that
// a commit dirties one page however many keys it touched. Items ascend by stamp; keys share prefixes with the key
// before. A checksum over position and items ends the row: what the log says decides what peers are sent.
#pragma once

#include "crdt/scope_table.hpp"
#include "store/origins.hpp"

#include <optional>
#include <vector>

namespace edgesync::store {

/// With its keys and the row header a body of this size fits SQLite's 1,002-byte bound for rows without overflow pages.
inline constexpr std::size_t block_bytes_max = 960;

/// Where a block stands. `part` orders blocks that begin inside one transaction.
struct BlockKey {
  std::uint32_t sid = 0;
  Oid oid = 0;
  crdt::Stamp lo = 0;  ///< No item has a lower stamp.
  std::uint32_t part = 0;
};

class LogBlock {
 public:
  explicit LogBlock(const BlockKey& key) : key_(key), last_(key.lo) {}
  /// Nothing if `row` is damaged. `items`, if given, receives what the block holds.
  static std::optional<LogBlock> decode(const BlockKey& key, ByteView row, const Origins& origins,
                                        std::vector<crdt::LogItem>* items);

  /// That `row` is what was written under `key`, whatever it says.
  static bool stands(const BlockKey& key, ByteView row) noexcept;

  /// Requires: the item's stamp is at least last().
  void append(const crdt::LogItem& item, Origins& origins);
  /// True if the item would make a block that is not empty too big.
  bool full_for(const crdt::LogItem& item) const noexcept;

  const BlockKey& key() const noexcept { return key_; }
  crdt::Stamp last() const noexcept { return last_; }
  std::size_t size() const noexcept { return body_.size(); }
  bool empty() const noexcept { return body_.empty(); }
  /// The row's body: items and checksum.
  Bytes row() const;

 private:
  BlockKey key_;
  crdt::Stamp last_;
  Bytes last_key_, body_;
};

}  // namespace edgesync::store
