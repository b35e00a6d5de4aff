// SPDX-License-Identifier: Apache-2.0
#include "store/salvage.hpp"

#include "store/cell_codec.hpp"
#include "store/file.hpp"
#include "store/found_rows.hpp"
#include "store/identity.hpp"
#include "store/log_block.hpp"
#include "store/policy.hpp"
#include "store/row_check.hpp"
#include "stream/segment_reader.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <set>
#include <vector>

namespace edgesync::store {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t rows_per_commit = 10'000;  // about a megabyte of log

std::string unfinished(const std::string& path) { return path + ".salvaging"; }
std::string done(const std::string& path) { return path + ".salvaged"; }

/// Carries what is found into a new database.
class Carrier {
 public:
  Carrier(File& file, Random& random) : file_(file), random_(random) {}

  void add(BulkTable table, const RawRow& row) {
    switch (table) {
      case BulkTable::cell:
        return put(Sql::raw_cell, row, 3);
      case BulkTable::log:
        return put(Sql::raw_log, row, 5);
      case BulkTable::segment:
        return put(Sql::raw_segment, row, 6);
      case BulkTable::gap:
        return put(Sql::raw_gap, row, 5);
      case BulkTable::account:
        return put(Sql::raw_account, row, 4);
      case BulkTable::version:
        return put(Sql::raw_version, row, 7);
      case BulkTable::counter:
        return put(Sql::raw_counter, row, 3);
      case BulkTable::memo:
        return add_memo(row);
      case BulkTable::quarantine:
        return add_letter(row);
    }
  }

  void finish(const FoundRows& found, const std::string& reason) {
    add_identity(found, reason);
    add_origins(found);
    for (const auto& [sid, scope] : found.scopes) add_scope(found, sid, scope);
  }

 private:
  void put(Sql sql, const RawRow& row, std::size_t columns) {
    if (row.columns.size() != columns) return;
    {
      Query query(file_.db, sql);
      for (const RawColumn& column : row.columns) bind(query, column);
      query.step();
    }
    if (++rows_ % rows_per_commit != 0) return;
    Query(file_.db, Sql::commit).step();
    Query(file_.db, Sql::begin).step();
  }

  static void bind(Query& query, const RawColumn& column) {
    if (column.type == RawColumn::Type::integer)
      query.bind(column.integer);
    else
      query.bind(column.bytes);
  }

  void add_memo(const RawRow& row) {
    if (row.columns.size() != 3 || !row.integer(0) || !row.bytes(1) || !row.bytes(2)) return;
    Query query(file_.db, Sql::raw_memo);
    query.bind(row.number(0)).bind_text(as_text(row.blob(1))).bind(row.blob(2)).step();
  }

  void add_letter(const RawRow& row) {
    if (row.columns.size() != 8 || !row.integer(1) || !row.integer(2) || !row.integer(6)) return;
    Query query(file_.db, Sql::aside_put);
    query.bind(row.number(1)).bind(row.number(2)).bind(row.blob(3));
    query.bind_text(as_text(row.blob(4))).bind_text(as_text(row.blob(5))).bind(row.number(6)).bind(row.blob(7));
    query.step();
  }

  void put_meta(std::string_view key, ByteView value) {
    Query(file_.db, Sql::meta_put).bind_text(key).bind(value).step();
  }

  /// What it was and went by. It opens as a copy does: under an id that nobody has seen.
  void add_identity(const FoundRows& found, const std::string& reason) {
    const auto text = [&found](const char* key) {
      const auto at = found.meta.find(key);
      return at == found.meta.end() ? Bytes() : at->second;
    };
    if (const Bytes id = text("replica"); replica_of(id)) put_meta("replica", id);
    constexpr std::size_t former_bytes = sizeof(ReplicaId::bytes) + 8;
    if (const Bytes former = text("former"); former.size() % former_bytes == 0) put_meta("former", former);
    if (const Bytes clock = text("clock"); !clock.empty()) put_meta("clock", clock);
    for (const auto& [key, row] : found.meta)
      if (key.starts_with(Owners::prefix)) put_meta(key, row);
    put_meta("copy", as_view(reason));
    put_meta("salvaged", as_view(reason));
    for (const auto& [id, row] : found.lineage)
      Query(file_.db, Sql::lineage_put).bind(row.blob(1)).bind(row.number(2)).bind(row.blob(3)).step();
  }

  /// Numbers that are lost stand for replicas that nobody knows.
  void add_origins(const FoundRows& found) {
    const Oid last = found.origins.empty() ? 0 : found.origins.rbegin()->first;
    if (last > found.proved + found.origins.size() + 1) return;  // no row tells of so many
    for (Oid oid = 1; oid <= last; ++oid) {
      const auto at = found.origins.find(oid);
      const auto id = at == found.origins.end() ? std::nullopt : replica_of(at->second);
      const bool known = id && file_.origins.find(*id) == 0;
      file_.origins.intern(known ? *id : random_.id());
    }
  }

  void add_scope(const FoundRows& found, std::uint64_t sid, const FoundRows::Scope& scope) {
    if (!names_.emplace(scope.plane, scope.name).second) return;
    sid_ = static_cast<std::uint32_t>(sid);
    reached_.clear();
    const bool stream = static_cast<Plane>(scope.plane) == Plane::stream;
    auto policy = Policy::decode(scope.policy);
    if (!policy) {
      policy = Policy();
      // Nobody knows whether it was to leave. Whole records beside a masked stream (node/stream_rules.hpp) are not.
      policy->local_only = stream && scope.name.ends_with("/local");
    }
    if (stream && !policy->schema) policy->schema = schema_of_records();
    Query(file_.db, Sql::scope_put).bind(sid_).bind(scope.plane).bind_text(scope.name).bind(policy->encode()).step();
    const auto summary = found.contexts.find({sid_, 0});
    const bool stored = summary != found.contexts.end();
    const RawRow empty{0, {{}, {}, {}, {}, {}, {}, {RawColumn::Type::bytes, 0, to_bytes(Hash128{})}}};
    const RawRow* stands = stored ? &summary->second : found.contexts_whole ? &empty : nullptr;
    const bool cells = stream || holds_all_cells(stands, fingerprint_key(static_cast<Plane>(scope.plane), scope.name));
    const bool log = stream || holds_all_log(stands);
    bool contexts = true;
    if (stream) reach_records();
    for (const Oid oid : reached_) contexts = add_context(found, oid) && contexts;
    for (const auto& [key, row] : found.contexts)
      if (key.first == sid_ && key.second != 0 && !reached_.contains(key.second)) add_context(found, key.second);
    const bool whole = stands != nullptr && cells && log && contexts;
    if (stored || !whole) add_summary(whole ? stands : nullptr);
    if (!stream && !whole) Query(file_.db, Sql::damage_put).bind(sid_).bind(Bytes()).bind(Bytes()).step();
  }

  /// True if the fingerprint says that all of them are here.
  bool holds_all_cells(const RawRow* summary, const Hash128& key_of_scope) {
    crdt::Summary sum;
    Query rows(file_.db, Sql::cell_scan);
    rows.bind(sid_).bind(Bytes());
    while (rows.step()) {
      const auto entries = open_cell(rows.blob(1), sid_, rows.blob(0));
      const auto cell = entries ? decode_cell(*entries, file_.origins) : std::nullopt;
      if (!cell) summary = nullptr;
      for (const crdt::Entry& entry : cell ? *cell : crdt::Cell()) {
        sum.sum += fingerprint(key_of_scope, rows.blob(0), entry);
        ++sum.count;
        reached_.insert(file_.origins.find(entry.dot.replica));
      }
    }
    if (summary == nullptr) return false;
    Reader hash(summary->blob(6));
    return sum == crdt::Summary{read_hash(hash), summary->number(2)};
  }

  bool holds_all_log(const RawRow* summary) {
    std::uint64_t items = 0, removals = 0;
    bool good = summary != nullptr;
    for (Oid oid = 1; oid <= file_.origins.size(); ++oid) {
      Query rows(file_.db, Sql::log_all);
      rows.bind(sid_).bind(oid);
      while (rows.step()) {
        std::vector<crdt::LogItem> read;
        const BlockKey key{sid_, oid, rows.number(0), static_cast<std::uint32_t>(rows.number(1))};
        good = LogBlock::decode(key, rows.blob(2), file_.origins, &read) && good;
        items += read.size();
        for (const crdt::LogItem& item : read) removals += item.type != crdt::LogItem::Type::write;
        reached_.insert(oid);
      }
    }
    return good && summary->number(4) == items && summary->number(3) == removals;
  }

  void reach_records() {
    Query rows(file_.db, Sql::segments_all);
    rows.bind(sid_);
    while (rows.step())
      if (file_.origins.find(rows.number(0)) != nullptr) reached_.insert(rows.number(0));
  }

  std::optional<stream::Schema> schema_of_records() {
    Query rows(file_.db, Sql::segments_all);
    rows.bind(sid_);
    while (rows.step())
      if (const auto reader = stream::SegmentReader::open(rows.blob(3))) return reader->schema();
    return std::nullopt;
  }

  /// A row that is lost is one whose check does not hold: the sweep finds out what rows prove, when the file is opened.
  bool add_context(const FoundRows& found, Oid oid) {
    if (oid > file_.origins.size()) return true;
    const auto at = found.contexts.find({sid_, oid});
    Query query(file_.db, Sql::raw_context);
    if (at != found.contexts.end()) {
      for (const RawColumn& column : at->second.columns) bind(query, column);
    } else {
      constexpr std::int64_t no_check = -1;
      query.bind(sid_).bind(oid);
      for (int i = 0; i < 4; ++i) query.bind(0U);
      query.bind(no_check);
    }
    query.step();
    return at != found.contexts.end();
  }

  void add_summary(const RawRow* row) {
    Query query(file_.db, Sql::summary_put);
    query.bind(sid_);
    for (std::size_t i = 2; i < 6; ++i) query.bind(row != nullptr ? row->number(i) : 0);
    query.bind(row != nullptr ? to_bytes(row->blob(6)) : Bytes(1));
    query.step();
  }

  File& file_;
  Random& random_;
  std::uint32_t sid_ = 0;
  std::set<Oid> reached_{};  ///< Of the scope at hand: whose cells, log or records are here.
  std::set<std::pair<std::uint64_t, std::string>> names_{};
  std::size_t rows_ = 0;
};

Result<void> renamed(const std::string& from, const std::string& to) {
  std::error_code failure;
  fs::rename(from, to, failure);
  if (failure) return Error(Errc::storage_io, "salvage: " + from + ": rename: " + failure.message());
  return {};
}

void sync_directory(const std::string& path) {
  const fs::path directory = fs::path(path).parent_path();
  const int fd = ::open(directory.empty() ? "." : directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  ::fsync(fd);
  ::close(fd);
}

std::string kept_as(const std::string& path) {
  std::error_code ignored;
  for (int number = 1;; ++number)
    if (std::string name = path + ".damaged-" + std::to_string(number); !fs::exists(name, ignored)) return name;
}

void remove_with_log(const std::string& path) {
  std::error_code ignored;
  for (const char* suffix : {"", "-wal", "-journal", "-shm"}) fs::remove(path + suffix, ignored);
}

/// Makes the new database beside the damaged one; what it says of it.
Result<std::string> rebuild(const std::string& path, const std::string& kept, Random& random) {
  constexpr std::size_t cache_bytes = 1 << 20;
  auto pages = RawPages::open(path);
  if (!pages) return pages.error();
  remove_with_log(unfinished(path));
  File file(unfinished(path), {}, cache_bytes, 0);
  if (auto made = file.open(random.id()); !made) return made.error();
  Carrier carrier(file, random);
  Query(file.db, Sql::begin).step();
  const FoundRows found =
      find_rows(*pages, file.db, [&carrier](BulkTable table, const RawRow& row) { carrier.add(table, row); });
  if (found.proved == 0) return Error(Errc::not_found, "salvage: " + path + ": nothing in it proves to be of edgesync");
  const std::string report = "the database was damaged and is kept as " + kept + ": " + std::to_string(found.proved) +
                             " rows were carried over, " + std::to_string(found.missing) + " pages could not be read";
  carrier.finish(found, report);
  if (auto good = file.commit(0); !good) return good.error();
  if (auto moved = file.db.move_log(); !moved) return moved.error();
  return report;
}

}  // namespace

Result<void> complete_salvage(const std::string& path) {
  if (::access(done(path).c_str(), F_OK) != 0) return {};
  const std::string kept = kept_as(path);
  std::error_code ignored;
  // The log first: beside the new database it would be taken for its own.
  if (fs::exists(path + "-wal", ignored))
    if (auto moved = renamed(path + "-wal", kept + "-wal"); !moved) return moved;
  if (fs::exists(path, ignored))
    if (auto moved = renamed(path, kept); !moved) return moved;
  if (auto moved = renamed(done(path), path); !moved) return moved;
  sync_directory(path);
  return {};
}

Result<Salvaged> salvage(const std::string& path, Random& random) {
  if (auto completed = complete_salvage(path); !completed) return completed.error();
  Salvaged salvaged{kept_as(path), {}};
  auto report = rebuild(path, salvaged.kept, random);
  if (!report) {
    remove_with_log(unfinished(path));
    return report.error();
  }
  salvaged.report = *std::move(report);
  if (auto ready = renamed(unfinished(path), done(path)); !ready) return ready.error();
  sync_directory(path);
  if (auto completed = complete_salvage(path); !completed) return completed.error();
  return salvaged;
}

}  // namespace edgesync::store
