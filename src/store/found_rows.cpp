// SPDX-License-Identifier: Apache-2.0
#include "store/found_rows.hpp"

#include "base/path.hpp"
#include "store/ledger.hpp"
#include "store/log_block.hpp"
#include "store/row_check.hpp"
#include "store/sqlite_db.hpp"
#include "store/version_rows.hpp"
#include "stream/segment.hpp"

namespace edgesync::store {
namespace {

constexpr std::uint64_t sid_max = 0x7fffffff;

/// Rows that say by themselves what they are.
bool cell_stands(const RawRow& row) {
  return row.columns.size() == 3 && row.integer(0) && row.bytes(1) && row.bytes(2) &&
         open_cell(row.blob(2), static_cast<std::uint32_t>(row.number(0)), row.blob(1));
}

bool integers(const RawRow& row, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i)
    if (!row.integer(i)) return false;
  return true;
}

bool log_stands(const RawRow& row) {
  if (row.columns.size() != 5 || !integers(row, 4) || !row.bytes(4)) return false;
  return LogBlock::stands({static_cast<std::uint32_t>(row.number(0)), row.number(1), row.number(2),
                           static_cast<std::uint32_t>(row.number(3))},
                          row.blob(4));
}

bool segment_stands(const RawRow& row) {
  if (row.columns.size() != 6 || !integers(row, 5) || !row.bytes(5)) return false;
  const auto info = stream::inspect(row.columns.back().bytes);
  return info && info->first == row.number(2) && info->count == row.number(3);
}

bool gap_stands(const RawRow& row) {
  return row.columns.size() == 5 && integers(row, 5) &&
         open_gap(static_cast<std::uint32_t>(row.number(0)), row.number(1), row.number(2), row.number(3),
                  row.number(4));
}

bool version_stands(const RawRow& row) {
  if (row.columns.size() != 7 || !row.integer(0) || !row.integer(1) || !row.bytes(2) || !row.integer(3)) return false;
  if (!row.bytes(4) || !row.bytes(5) || !row.bytes(6)) return false;
  const auto proved = prove_version(static_cast<std::uint32_t>(row.number(0)), row.blob(4), row.number(3));
  return proved && proved->manifest.number == row.number(1) && equal(proved->manifest.id, row.blob(2));
}

bool context_stands(const RawRow& row) {
  if (row.columns.size() != 7) return false;
  Bytes numbers;
  Writer out(numbers);
  for (std::size_t i = 0; i < 6; ++i) {
    if (!row.integer(i)) return false;
    out.u64(row.number(i));
  }
  const std::uint32_t check = row_check({}, numbers);
  if (row.number(1) != 0) return row.integer(6) && row.number(6) == check;
  if (!row.bytes(6) || row.blob(6).size() <= check_bytes) return false;
  return check_at_end(row.blob(6)) == row_check({check}, row.blob(6).first(row.blob(6).size() - check_bytes));
}

class Finder {
 public:
  Finder(const RawPages& pages, SqliteDb& like, const Carry& carry)
      : pages_(pages), rows_(pages), like_(like), carry_(carry) {}

  FoundRows run() {
    rows_.read_tree(1, [this](const RawRow& row) {
      if (row.bytes(1) && row.integer(3)) roots_[std::string(as_text(row.blob(1)))] = row.number(3);
    });
    few();
    many();
    // Read so that their pages are known to be theirs. The journal ends here; what was kept aside is told again.
    for (const char* name :
         {"sqlite_autoindex_ver_1", "hist", "damage", "sqlite_sequence", "stage", "chunk", "sqlite_autoindex_chunk_1"})
      tree(name, [](const RawRow&) {});
    if (found_.missing > 0) take_orphans();
    return std::move(found_);
  }

 private:
  void few() {
    tree("origin", [this](const RawRow& row) { take_origin(row); });
    tree("sqlite_autoindex_origin_1", [this](const RawRow& row) { take_indexed_origin(row); });
    tree("scope", [this](const RawRow& row) { take_scope(row); });
    tree("sqlite_autoindex_scope_1", [this](const RawRow& row) { take_indexed_scope(row); });
    tree("meta", [this](const RawRow& row) {
      if (row.bytes(0) && row.bytes(1)) found_.meta.emplace(as_text(row.blob(0)), to_bytes(row.blob(1)));
    });
    tree("lineage", [this](const RawRow& row) {
      const bool whole = row.columns.size() == 4 && row.bytes(1) && row.integer(2) && row.bytes(3);
      if (whole && replica_of(row.blob(1)) && row.blob(3).size() == sizeof(Hash128))
        found_.lineage.emplace(static_cast<std::uint64_t>(row.rowid), row);
    });
    const std::size_t before = found_.missing;
    tree("ctx", [this](const RawRow& row) { take_context(row); });
    found_.contexts_whole = found_.missing == before;
  }

  void many() {
    tree("cell", [this](const RawRow& row) { hand_on(BulkTable::cell, row, cell_stands(row)); });
    tree("log", [this](const RawRow& row) { hand_on(BulkTable::log, row, log_stands(row)); });
    tree("sblk", [this](const RawRow& row) { hand_on(BulkTable::segment, row, segment_stands(row)); });
    tree("sgap", [this](const RawRow& row) { hand_on(BulkTable::gap, row, gap_stands(row)); });
    tree("account", [this](const RawRow& row) { hand_on(BulkTable::account, row, false); });
    tree("ver", [this](const RawRow& row) { hand_on(BulkTable::version, row, version_stands(row)); });
    tree("counter", [this](const RawRow& row) { hand_on(BulkTable::counter, row, false); });
    tree("memo", [this](const RawRow& row) { hand_on(BulkTable::memo, row, false); });
    tree("quarantine", [this](const RawRow& row) { hand_on(BulkTable::quarantine, row, false); });
  }

  void hand_on(BulkTable table, const RawRow& row, bool stands) {
    found_.proved += stands;
    carry_(table, row);
  }

  void tree(const char* name, const RawRows::Visit& visit) {
    auto root = roots_.find(name);
    if (root == roots_.end()) {
      const auto known = like_.integer(
          ("SELECT rootpage FROM sqlite_schema WHERE name = '" + std::string(name) + "'").c_str(), "look");
      root = roots_.emplace(name, known ? static_cast<std::uint64_t>(*known) : 0).first;
    }
    if (root->second != 0) found_.missing += rows_.read_tree(static_cast<PageNumber>(root->second), visit);
  }

  /// Unless the free pages are known, what no tree leads to may as well be what was deleted long ago.
  void take_orphans() {
    const auto free = pages_.free_pages();
    if (!free) return;
    rows_.read_orphans(*free, [this](const RawRow& row) {
      if (row.columns.size() == 2 && row.rowid > 0) take_origin(row);
      if (row.columns.size() == 4 && row.rowid > 0) take_scope(row);
      take_context(row);
      if (cell_stands(row)) hand_on(BulkTable::cell, row, true);
      if (log_stands(row)) hand_on(BulkTable::log, row, true);
      if (segment_stands(row)) hand_on(BulkTable::segment, row, true);
      if (gap_stands(row)) hand_on(BulkTable::gap, row, true);
      if (version_stands(row)) hand_on(BulkTable::version, row, true);
    });
  }

  void take_context(const RawRow& row) {
    // The row of no scope is the number of the last batch.
    if (!context_stands(row) || row.number(0) == 0) return;
    ++found_.proved;
    found_.contexts.emplace(std::pair(row.number(0), row.number(1)), row);
  }

  void take_origin(const RawRow& row) {
    if (row.bytes(1) && row.blob(1).size() == sizeof(ReplicaId::bytes) && row.rowid > 0)
      found_.origins.emplace(static_cast<std::uint64_t>(row.rowid), to_bytes(row.blob(1)));
  }
  void take_indexed_origin(const RawRow& row) {
    if (row.bytes(0) && row.integer(1) && row.blob(0).size() == sizeof(ReplicaId::bytes) && row.number(1) > 0)
      found_.origins.emplace(row.number(1), to_bytes(row.blob(0)));
  }

  void add_scope(std::uint64_t sid, const FoundRows::Scope& scope) {
    const bool good = sid - 1 < sid_max && scope.plane - 1 < 3 && check_path("scope", scope.name);
    if (good) found_.scopes.emplace(sid, scope);
  }
  void take_scope(const RawRow& row) {
    if (row.integer(1) && row.bytes(2) && row.bytes(3))
      add_scope(static_cast<std::uint64_t>(row.rowid),
                {row.number(1), std::string(as_text(row.blob(2))), to_bytes(row.blob(3))});
  }
  void take_indexed_scope(const RawRow& row) {
    if (row.integer(0) && row.bytes(1) && row.integer(2))
      add_scope(row.number(2), {row.number(0), std::string(as_text(row.blob(1))), {}});
  }

  const RawPages& pages_;
  RawRows rows_;
  SqliteDb& like_;
  const Carry& carry_;
  std::map<std::string, std::uint64_t> roots_{};
  FoundRows found_{};
};

}  // namespace

FoundRows find_rows(const RawPages& pages, SqliteDb& like, const Carry& carry) {
  return Finder(pages, like, carry).run();
}

}  // namespace edgesync::store
