// SPDX-License-Identifier: Apache-2.0
// FoundRows: what a damaged database still holds. The many rows of cells, log, records and versions are handed on as
// they are read; who takes them proves them by their checks. The few others are kept here. Rows without a check of
// their own (origins, scopes, meta) count if they have the form of one. Indexes stand in for tables that are lost:
// SQLite keeps the names of scopes and the ids of replicas twice.
#pragma once

#include "store/raw_rows.hpp"

#include <edgesync/value.hpp>

#include <map>
#include <string>
#include <utility>

namespace edgesync::store {

class SqliteDb;

struct FoundRows {
  struct Scope {
    std::uint64_t plane = 0;
    std::string name{};
    Bytes policy{};
  };
  using Number = std::uint64_t;

  std::map<std::string, Bytes> meta{};
  std::map<Number, RawRow> lineage{};                      ///< By id.
  std::map<Number, Bytes> origins{};                       ///< By oid.
  std::map<Number, Scope> scopes{};                        ///< By sid.
  std::map<std::pair<Number, Number>, RawRow> contexts{};  ///< By sid and oid; those whose check holds.

  bool contexts_whole = true;  ///< What has no row there never had one.
  std::size_t missing = 0;     ///< Pages of any tree.
  std::size_t proved = 0;      ///< Rows, each by its check.
};

enum class BulkTable : std::uint8_t { cell, log, segment, gap, account, version, counter, memo, quarantine };
using Carry = Function<void(BulkTable table, const RawRow& row)>;

/// `like`: a database of this format, whose trees begin at the same pages; asked where the damaged one does not say.
FoundRows find_rows(const RawPages& pages, SqliteDb& like, const Carry& carry);

}  // namespace edgesync::store
