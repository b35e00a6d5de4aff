// SPDX-License-Identifier: Apache-2.0
// ScopeLog: one scope's log in the file. Appends go to the tail block of each origin, kept in memory until the batch
// saves it; everything else reads and writes whole blocks.
#pragma once

#include "store/file.hpp"
#include "store/log_block.hpp"

#include <map>
#include <optional>
#include <vector>

namespace edgesync::store {

class ScopeLog {
 public:
  struct Read {
    LogBlock block;
    std::vector<crdt::LogItem> items{};
  };

  ScopeLog(File& file, std::uint32_t sid) : file_(file), sid_(sid) {}

  void append(const crdt::LogItem& item);
  /// Writes the tails that changed. Until then the file does not have what was appended.
  void save();
  /// Forgets the tails: after a rollback, or before blocks are rewritten.
  void drop_tails() { tails_.clear(); }
  std::size_t tails() const noexcept { return tails_.size(); }

  /// Forgets all items of `after.replica` above `after.stamp`; how many, and how many removals among them.
  std::pair<std::uint64_t, std::uint64_t> cut(const crdt::Dot& after);

  /// The block that holds the first item after `stamp`, or the last one before it. Requires: saved.
  std::optional<Read> block_at(Oid oid, crdt::Stamp stamp);
  std::optional<Read> block_after(const BlockKey& key);
  /// All items of an origin that can be read. `damaged` is given the other rows, and where the one after each begins
  /// (0: nowhere).
  using Damaged = Function<void(const BlockKey& key, ByteView row, crdt::Stamp next)>;
  std::vector<crdt::LogItem> readable(Oid oid, const Damaged& damaged);
  /// Makes `items` the log of an origin.
  void rewrite(Oid oid, const std::vector<crdt::LogItem>& items);
  /// True if a block was found that is not what was written.
  bool damaged() const noexcept { return damaged_; }
  void put(const LogBlock& block);
  void erase(const BlockKey& key);

 private:
  struct Tail {
    LogBlock block;
    bool dirty = false;
  };
  Tail& tail_for(const crdt::LogItem& item);
  std::optional<LogBlock> last_block(Oid oid);
  std::optional<Read> decode(Oid oid, const Query& row);
  BlockKey key_of(Oid oid, const Query& row) const;

  File& file_;
  std::uint32_t sid_;
  std::map<Oid, Tail> tails_;
  bool damaged_ = false;
};

}  // namespace edgesync::store
