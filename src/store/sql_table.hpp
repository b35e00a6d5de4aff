// SPDX-License-Identifier: Apache-2.0
// SqlTable: crdt::ScopeTable on the file. The scope's context, floors and summary are held here while a batch is being
// written and become everybody's when the batch is published; after a rollback they are reset. Replaced cells can be
// remembered, as the before-images that watchers and the journal need.
//
// A row that is not what was written is never shown. While a batch is written it is set aside and its keys become
// damaged; a reader only notes it, so that the next batch sweeps the scope (sweep.hpp).
#pragma once

#include "crdt/reissue.hpp"
#include "crdt/repair.hpp"
#include "store/file.hpp"
#include "store/scope_log.hpp"

#include <map>
#include <vector>

namespace edgesync::store {

using CellMap = std::map<Bytes, crdt::Cell, BytesLess>;

inline constexpr std::size_t damaged_ranges_max = 256;  // per scope; all are written when one changes

class SqlTable final : public crdt::RewindableTable {
 public:
  SqlTable(File& file, std::uint32_t sid, const Hash128& fingerprint_key)
      : file_(file), sid_(sid), fingerprint_key_(fingerprint_key), log_(file, sid) {}

  crdt::Cell find(ByteView key) override;
  void scan(const crdt::KeyRange& range, const Visit& visit) override;
  void replace(ByteView key, const crdt::Cell& before, const crdt::Cell& after) override;
  const crdt::Context& context() const override { return state_.context; }
  void advance(const crdt::Context& to) override;
  const crdt::Context& floors() const override { return state_.floors; }
  void raise_floors(const crdt::Context& to) override { raise(state_.floors, to); }
  void log(const crdt::LogItem& item) override;
  void scan_log(const ReplicaId& replica, crdt::Stamp after,
                const Function<bool(const crdt::LogItem&)>& visit) override;
  void restore_log(const ReplicaId& replica, std::span<const crdt::LogItem> items) override;
  /// Until a sweep, it counts the entries of a damaged row that was met and written over.
  crdt::Summary summary() const override {
    return state_.damaged.empty() && !wants_sweep_ ? state_.summary : crdt::Summary::unknown();
  }
  void rewind(const crdt::Dot& to) override;

  const Durable& state() const noexcept { return state_; }
  /// Takes `state` for what the file holds.
  void reset(Durable state);
  /// From here on replaced cells are remembered if `remember`; what was before is forgotten.
  void begin(bool remember);
  /// What of this replica's transactions is everybody's: counters remember their sum up to there.
  void set_stable(crdt::Stamp own) noexcept { stable_own_ = own; }
  /// Earlier versions of a counter cell of this replica.
  std::optional<crdt::CounterVersions> counter_versions(ByteView key);
  const CellMap& replaced() const noexcept { return replaced_; }
  /// More were replaced than are remembered: nothing is.
  bool forgot() const noexcept { return replaced_bytes_ > remembered_bytes_max; }
  /// The latest stamp that the context has learned since begin(); 0 if none.
  crdt::Stamp latest() const noexcept { return latest_; }
  std::uint64_t logged() const noexcept { return logged_; }
  /// True if a cell written since the last call has become larger than a cell may.
  bool take_oversized() noexcept { return std::exchange(oversized_, false); }
  /// Writes context, summary and log tails, where they changed.
  void save();

  /// Drops all that the file has of the scope; it is as new.
  void wipe();

  /// Where rows were lost.
  void add_damage(crdt::KeyRange range);
  void mend(const crdt::KeyRange& range);
  /// All of `ranges` but the keys that are `left`.
  void mend(const std::vector<crdt::KeyRange>& ranges, const std::vector<Bytes>& left);
  void put_cell_aside(ByteView key, const crdt::Cell& cell, std::string_view reason);
  /// What `delta`, now joined, tells of damaged keys.
  void mend_listed(const crdt::Delta& delta);
  /// True if what `key` holds is not known.
  bool unknown(ByteView key) const noexcept { return state_.damaged.contains(key) || noted_.contains(key); }
  /// True if what any key holds is not known.
  bool damaged() const noexcept { return !state_.damaged.empty() || !noted_.empty(); }
  const RangeSet& noted() const noexcept { return noted_; }  ///< Found damaged and not yet set aside.
  bool wants_sweep() const noexcept { return wants_sweep_; }
  void want_sweep() noexcept { wants_sweep_ = true; }
  void swept(const crdt::Summary& summary, std::uint64_t bytes,
             std::optional<std::pair<std::uint64_t, std::uint64_t>> logged);
  std::uint64_t set_aside() const noexcept { return aside_; }  ///< Cells, since begin().
  /// What a read since the last call could not be told.
  std::optional<Error> take_unknown() noexcept { return std::exchange(unknown_, std::nullopt); }
  /// Between begin() and end() damaged rows are set aside. While `mending`, a write makes its key known.
  void end() noexcept { writing_ = false; }
  void mending(bool on) noexcept { mending_ = on; }
  /// While `healing`, what is replaced was made by damage: it is no part of the scope's history.
  void healing(bool on) noexcept { healing_ = on; }

  /// A stream's records, or anything else counted and summed by its owner.
  void count_in(const Hash128& hash, std::uint64_t count);
  void count_log(std::int64_t items, std::int64_t removals);
  /// A stream's: of the rows of its segments.
  void count_bytes(std::int64_t bytes) { count_log(bytes, 0); }
  std::uint64_t bytes() const noexcept { return state_.log_items; }
  Ledger& ledger() noexcept { return state_.ledger; }
  std::uint64_t next_version();
  /// The size of the scope's journal; nothing if nobody has looked.
  std::optional<std::uint64_t>& journal_bytes() noexcept { return journal_bytes_; }

  Stages& stages() noexcept { return state_.stages; }
  const Stages& stages() const noexcept { return state_.stages; }
  ScopeLog& blocks() noexcept { return log_; }
  /// Where the sweeper stands, and what it owes; kept between batches, not in the file.
  struct Sweep {
    std::optional<BlockKey> done{};
    std::uint64_t owed = 0;
  };
  Sweep& sweep() noexcept { return sweep_; }
  /// What peers have told of lost rows and was not enough yet.
  std::optional<crdt::Repair>& told_of_lost() noexcept { return told_; }
  File& file() noexcept { return file_; }
  std::uint32_t sid() const noexcept { return sid_; }
  const Hash128& fingerprint_key() const noexcept { return fingerprint_key_; }

  static constexpr std::size_t remembered_bytes_max = std::size_t{16} << 20;

 private:
  struct Page {
    std::vector<std::pair<Bytes, crdt::Cell>> cells{};
    std::vector<std::pair<Bytes, Bytes>> damaged{};
    Bytes last{};
    std::size_t bytes = 0;
  };
  void raise(crdt::Context& context, const crdt::Context& to);
  /// Appends the next rows from `low` on; true if there may be more.
  bool read_page(const crdt::KeyRange& range, std::size_t rows_max, Page& page);
  std::optional<crdt::Cell> decode(ByteView key, ByteView row);
  void add(Page& page, ByteView key, ByteView row);
  void meet(ByteView key, ByteView row);
  RangeSet around(ByteView key, ByteView row);
  std::vector<Bytes> removed_last(const crdt::KeyRange& range);
  void tell_unknown(const crdt::KeyRange& range, bool found);
  crdt::Cell nothing_at(ByteView key);
  void write(ByteView key, bool existed, const crdt::Cell& after);
  void remember_counter(ByteView key, const crdt::Cell& before, const crdt::Cell& after);
  void remember(ByteView key, const crdt::Cell& before);
  void tear();
  void save_damage();
  std::uint32_t summary_check(ByteView sum) const;

  File& file_;
  std::uint32_t sid_;
  Hash128 fingerprint_key_;
  Durable state_;
  ScopeLog log_;
  Sweep sweep_;
  std::optional<crdt::Repair> told_;
  std::vector<ReplicaId> risen_;  // whose context or floor changed since save()
  bool summary_dirty_ = false, damage_dirty_ = false;
  bool remember_ = false, oversized_ = false;
  bool writing_ = false, mending_ = false, healing_ = false, wants_sweep_ = false;
  RangeSet noted_;
  std::optional<Error> unknown_;
  std::uint64_t aside_ = 0;
  CellMap replaced_;
  std::size_t replaced_bytes_ = 0;
  std::optional<std::uint64_t> journal_bytes_;
  crdt::Stamp latest_ = 0, stable_own_ = 0;
  std::uint64_t logged_ = 0, written_ = 0;
  Bytes scratch_;
};

}  // namespace edgesync::store
