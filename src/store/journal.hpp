// SPDX-License-Identifier: Apache-2.0
// The journal: per group commit, the cells it replaced as they were before. States of the past are read by walking back
// from the present, so an entry costs what changed and not what there is. A scope's entries have no gaps: capture is
// part of the scope's policy, and switching it off forgets them.
#pragma once

#include "store/sql_table.hpp"
#include "store/store.hpp"

namespace edgesync::store {

/// The cells as they were before the ones in `replaced` were: the table must outlive the view, as must `replaced`.
class BeforeView final : public crdt::CellSource {
 public:
  BeforeView(crdt::CellSource& now, const CellMap& replaced) noexcept : now_(now), replaced_(replaced) {}
  crdt::Cell find(ByteView key) override;
  void scan(const crdt::KeyRange& range, const Visit& visit) override;

 private:
  crdt::CellSource& now_;
  const CellMap& replaced_;
};

inline constexpr std::size_t journal_bytes_max = std::size_t{16} << 20;  // of one scope's entries together

/// Records what the batch replaced as the scope's next version, and keeps the last `versions` entries, or fewer that
/// journal_bytes_max has room for.
void write_journal(SqlTable& table, std::uint32_t versions);

/// Newest first.
Result<std::vector<JournalEntry>> read_journal(SqlTable& table, ScopeId id, std::size_t limit);

/// Sets a damaged entry aside, with which those before it go: nothing leads back to them. How many were damaged.
/// Requires: in a transaction.
std::size_t drop_damaged_journal(SqlTable& table);

/// Nothing if the bytes are malformed.
std::optional<CellMap> decode_images(ByteView bytes, const Origins& origins);

}  // namespace edgesync::store
