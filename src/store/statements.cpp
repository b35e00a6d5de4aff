// SPDX-License-Identifier: Apache-2.0
#include "store/statements.hpp"

#include <array>

namespace edgesync::store {
namespace {

constexpr auto texts = [] {
  std::array<const char*, static_cast<std::size_t>(Sql::count_)> sql{};
  const auto put = [&sql](Sql name, const char* text) { sql[static_cast<std::size_t>(name)] = text; };
  put(Sql::begin, "BEGIN IMMEDIATE");
  put(Sql::commit, "COMMIT");
  put(Sql::meta_get, "SELECT v FROM meta WHERE k = ?1");
  put(Sql::meta_put, "INSERT INTO meta VALUES (?1, ?2) ON CONFLICT DO UPDATE SET v = excluded.v");
  put(Sql::meta_delete, "DELETE FROM meta WHERE k = ?1");
  put(Sql::meta_scan, "SELECT k, v FROM meta WHERE k >= ?1 AND k < ?2");
  put(Sql::origins, "SELECT oid, replica FROM origin ORDER BY oid");
  put(Sql::origin_put, "INSERT INTO origin VALUES (?1, ?2)");
  put(Sql::scopes, "SELECT sid, plane, name, policy FROM scope ORDER BY sid");
  put(Sql::scope_put, "INSERT INTO scope VALUES (?1, ?2, ?3, ?4)");
  put(Sql::scope_policy, "UPDATE scope SET policy = ?2 WHERE sid = ?1");
  put(Sql::contexts,
      "SELECT sid, oid, stamp, floor, acked, stable, sum, row_check(sid, oid, stamp, floor, acked, stable) FROM ctx"
      " ORDER BY sid, oid");
  put(Sql::context_put,
      "INSERT INTO ctx VALUES (?1, ?2, ?3, ?4, 0, 0, row_check(?1, ?2, ?3, ?4, 0, 0))"
      " ON CONFLICT DO UPDATE SET stamp = excluded.stamp, floor = excluded.floor,"
      " sum = row_check(sid, oid, excluded.stamp, excluded.floor, acked, stable)");
  put(Sql::context_drop, "DELETE FROM ctx WHERE sid = ?1 AND oid = ?2");
  put(Sql::acks_put,
      "INSERT INTO ctx VALUES (?1, ?2, 0, 0, ?3, ?4, row_check(?1, ?2, 0, 0, ?3, ?4))"
      " ON CONFLICT DO UPDATE SET acked = excluded.acked, stable = excluded.stable,"
      " sum = row_check(sid, oid, stamp, floor, excluded.acked, excluded.stable)");
  put(Sql::summary_put, "REPLACE INTO ctx VALUES (?1, 0, ?2, ?3, ?4, ?5, ?6)");
  put(Sql::cell_find, "SELECT e FROM cell WHERE sid = ?1 AND key = ?2");
  put(Sql::cell_insert, "INSERT INTO cell VALUES (?1, ?2, ?3)");
  put(Sql::cell_update, "REPLACE INTO cell VALUES (?1, ?2, ?3)");
  put(Sql::cell_delete, "DELETE FROM cell WHERE sid = ?1 AND key = ?2");
  put(Sql::cell_scan, "SELECT key, e FROM cell WHERE sid = ?1 AND key >= ?2 ORDER BY key");
  put(Sql::cell_scan_to, "SELECT key, e FROM cell WHERE sid = ?1 AND key >= ?2 AND key < ?3 ORDER BY key");
  put(Sql::log_last, "SELECT lo, part, body FROM log WHERE sid = ?1 AND oid = ?2 ORDER BY lo DESC, part DESC LIMIT 1");
  put(Sql::log_from,
      "SELECT lo, part, body FROM log WHERE sid = ?1 AND oid = ?2 AND lo <= ?3 ORDER BY lo DESC, part DESC LIMIT 1");
  put(Sql::log_next,
      "SELECT lo, part, body FROM log WHERE sid = ?1 AND oid = ?2 AND (lo, part) > (?3, ?4)"
      " ORDER BY lo, part LIMIT 1");
  put(Sql::log_put, "INSERT INTO log VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO UPDATE SET body = excluded.body");
  put(Sql::log_delete, "DELETE FROM log WHERE sid = ?1 AND oid = ?2 AND lo = ?3 AND part = ?4");
  put(Sql::segment_put, "INSERT INTO sblk VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
  put(Sql::segments_after,
      "SELECT first, n, body FROM sblk WHERE sid = ?1 AND oid = ?2"
      " AND first >= coalesce((SELECT max(first) FROM sblk WHERE sid = ?1 AND oid = ?2 AND first <= ?3), 0)"
      " ORDER BY first");
  put(Sql::segments_all, "SELECT oid, first, n, body FROM sblk WHERE sid = ?1 ORDER BY oid, first");
  put(Sql::segments_through,
      "SELECT first, n, length(body) FROM sblk WHERE sid = ?1 AND oid = ?2 AND first <= ?3 AND first + n - 1 <= ?3"
      " ORDER BY first LIMIT 1");
  put(Sql::segment_delete, "DELETE FROM sblk WHERE sid = ?1 AND oid = ?2 AND first = ?3");
  put(Sql::segment_oldest,
      "SELECT first, n, length(body), at FROM sblk WHERE sid = ?1 AND oid = ?2 ORDER BY first LIMIT 1");
  put(Sql::segments_beyond,
      "SELECT first, n, length(body), at FROM sblk WHERE sid = ?1 AND oid = ?2 AND first > ?3 ORDER BY first");
  put(Sql::segments_of, "SELECT first, n FROM sblk WHERE sid = ?1 AND oid = ?2 ORDER BY first");
  put(Sql::gaps_after, "SELECT first, last, why FROM sgap WHERE sid = ?1 AND oid = ?2 AND last > ?3 ORDER BY last");
  put(Sql::gap_ending_at, "SELECT first, why FROM sgap WHERE sid = ?1 AND oid = ?2 AND last = ?3");
  put(Sql::gap_put, "INSERT INTO sgap VALUES (?1, ?2, ?3, ?4, ?5)");
  put(Sql::gap_drop, "DELETE FROM sgap WHERE sid = ?1 AND oid = ?2 AND last = ?3");
  put(Sql::gaps_through, "DELETE FROM sgap WHERE sid = ?1 AND oid = ?2 AND last <= ?3");
  put(Sql::gaps_beyond, "DELETE FROM sgap WHERE sid = ?1 AND oid = ?2 AND last > ?3");
  put(Sql::accounts, "SELECT sid, oid, missing, left_out FROM account ORDER BY sid, oid");
  put(Sql::missing_put,
      "INSERT INTO account VALUES (?1, ?2, ?3, x'') ON CONFLICT DO UPDATE SET missing = excluded.missing");
  put(Sql::left_out_put,
      "INSERT INTO account VALUES (?1, ?2, x'', ?3) ON CONFLICT DO UPDATE SET left_out = excluded.left_out");
  put(Sql::version_put,
      "INSERT INTO ver VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"
      " ON CONFLICT DO UPDATE SET role = excluded.role, manifest = excluded.manifest,"
      " base = CASE WHEN length(excluded.content) > 0 THEN excluded.base ELSE base END,"
      " content = CASE WHEN length(excluded.content) > 0 THEN excluded.content ELSE content END");
  // Replaced, not updated: a row that shrinks to a hundredth where it stands leaves its page nearly empty for good,
  // since SQLite joins pages only when rows go.
  put(Sql::version_content,
      "INSERT OR REPLACE INTO ver SELECT sid, number, id, role, manifest, ?4, ?5 FROM ver"
      " WHERE sid = ?1 AND number = ?2 AND id = ?3");
  put(Sql::version_role, "UPDATE ver SET role = ?4 WHERE sid = ?1 AND number = ?2 AND id = ?3");
  put(Sql::version_delete, "DELETE FROM ver WHERE sid = ?1 AND number = ?2 AND id = ?3");
  put(Sql::history, "SELECT version, at, body FROM hist WHERE sid = ?1 AND version < ?2 ORDER BY version DESC LIMIT 1");
  put(Sql::history_put, "INSERT INTO hist VALUES (?1, ?2, ?3, ?4)");
  put(Sql::history_trim, "DELETE FROM hist WHERE sid = ?1 AND version <= ?2");
  put(Sql::history_oldest, "SELECT version, length(body) FROM hist WHERE sid = ?1 ORDER BY version LIMIT 1");
  put(Sql::history_bytes, "SELECT coalesce(sum(length(body)), 0) FROM hist WHERE sid = ?1");
  put(Sql::cell_before, "SELECT key FROM cell WHERE sid = ?1 AND key < ?2 ORDER BY key DESC LIMIT 1");
  put(Sql::cell_after, "SELECT key FROM cell WHERE sid = ?1 AND key > ?2 ORDER BY key LIMIT 1");
  put(Sql::log_all, "SELECT lo, part, body FROM log WHERE sid = ?1 AND oid = ?2 ORDER BY lo, part");
  put(Sql::log_clear, "DELETE FROM log WHERE sid = ?1 AND oid = ?2");
  put(Sql::version_rows,
      "SELECT number, id, manifest, role, base, content FROM ver WHERE sid = ?1 ORDER BY number DESC, id");
  // The length of a blob is known without its pages.
  put(Sql::version_heads,
      "SELECT number, id, manifest, role, base, length(content) FROM ver WHERE sid = ?1 ORDER BY number DESC, id");
  put(Sql::version_one, "SELECT manifest, role, base, content FROM ver WHERE sid = ?1 AND number = ?2 AND id = ?3");
  put(Sql::version_by_id, "SELECT number FROM ver WHERE sid = ?1 AND id = ?2 ORDER BY number DESC LIMIT 1");
  put(Sql::version_dependants, "SELECT number, id FROM ver WHERE sid = ?1 AND base = ?2");
  put(Sql::version_bytes,
      "SELECT coalesce(sum(length(manifest) + length(base) + length(content)), 0) FROM ver WHERE sid = ?1");
  put(Sql::memo_get, "SELECT body FROM memo WHERE sid = ?1 AND name = ?2");
  put(Sql::memo_put, "REPLACE INTO memo VALUES (?1, ?2, ?3)");
  put(Sql::memo_scan, "SELECT name, body FROM memo WHERE sid = ?1 AND name >= ?2 ORDER BY name");
  put(Sql::memo_delete, "DELETE FROM memo WHERE sid = ?1 AND name = ?2");
  put(Sql::aside_put,
      "INSERT INTO quarantine (kind, sid, place, reason, origin, at, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)");
  put(Sql::aside_list,
      "SELECT id, kind, sid, place, reason, origin, at, body FROM quarantine WHERE id > ?1 ORDER BY id");
  put(Sql::aside_drop, "DELETE FROM quarantine WHERE id = ?1");
  put(Sql::aside_size,
      "SELECT count(*), coalesce(sum(length(body)), 0), coalesce(min(CASE WHEN kind = ?1 THEN NULL ELSE id END), 0)"
      " FROM quarantine");
  put(Sql::aside_refused_size, "SELECT count(*), coalesce(sum(length(body)), 0) FROM quarantine WHERE kind = ?1");
  // Rows as another database had them.
  put(Sql::raw_cell, "INSERT OR IGNORE INTO cell VALUES (?1, ?2, ?3)");
  put(Sql::raw_log, "INSERT OR IGNORE INTO log VALUES (?1, ?2, ?3, ?4, ?5)");
  put(Sql::raw_segment, "INSERT OR IGNORE INTO sblk VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
  put(Sql::raw_gap, "INSERT OR IGNORE INTO sgap VALUES (?1, ?2, ?3, ?4, ?5)");
  put(Sql::raw_account, "INSERT OR IGNORE INTO account VALUES (?1, ?2, ?3, ?4)");
  put(Sql::raw_version, "INSERT OR IGNORE INTO ver VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)");
  put(Sql::raw_counter, "INSERT OR IGNORE INTO counter VALUES (?1, ?2, ?3)");
  put(Sql::raw_memo, "INSERT OR IGNORE INTO memo VALUES (?1, ?2, ?3)");
  put(Sql::raw_context, "INSERT OR IGNORE INTO ctx VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)");
  put(Sql::damages, "SELECT sid, low, high FROM damage ORDER BY sid, low");
  put(Sql::damage_put, "INSERT INTO damage VALUES (?1, ?2, ?3)");
  put(Sql::damage_clear, "DELETE FROM damage WHERE sid = ?1");
  put(Sql::counter_find, "SELECT versions FROM counter WHERE sid = ?1 AND key = ?2");
  put(Sql::counter_put, "REPLACE INTO counter VALUES (?1, ?2, ?3)");
  put(Sql::counter_delete, "DELETE FROM counter WHERE sid = ?1 AND key = ?2");
  put(Sql::lineage, "SELECT self, first, secret FROM lineage ORDER BY id");
  put(Sql::lineage_put, "INSERT INTO lineage (self, first, secret) VALUES (?1, ?2, ?3)");
  put(Sql::lineage_trim, "DELETE FROM lineage WHERE id < (SELECT id FROM lineage ORDER BY id DESC LIMIT 1 OFFSET ?1)");
  put(Sql::lineage_inherit,
      "INSERT INTO lineage (self, first, secret) SELECT ?2, first, secret FROM lineage WHERE self = ?1 ORDER BY id");
  put(Sql::stages, "SELECT sid, oid, body FROM stage");
  put(Sql::staged, "SELECT DISTINCT sid, oid FROM chunk");
  put(Sql::stage_put, "REPLACE INTO stage VALUES (?1, ?2, ?3)");
  put(Sql::stage_delete, "DELETE FROM stage WHERE sid = ?1 AND oid = ?2");
  put(Sql::chunk_get, "SELECT body FROM chunk WHERE sid = ?1 AND oid = ?2 AND n = ?3");
  put(Sql::chunk_put, "INSERT INTO chunk VALUES (?1, ?2, ?3, ?4)");
  put(Sql::chunk_delete, "DELETE FROM chunk WHERE sid = ?1 AND oid = ?2 AND n = ?3");
  put(Sql::chunks_delete, "DELETE FROM chunk WHERE sid = ?1 AND oid = ?2");
  put(Sql::wipe_cells, "DELETE FROM cell WHERE sid = ?1");
  put(Sql::wipe_log, "DELETE FROM log WHERE sid = ?1");
  put(Sql::wipe_contexts, "DELETE FROM ctx WHERE sid = ?1");
  put(Sql::wipe_versions, "DELETE FROM ver WHERE sid = ?1");
  put(Sql::wipe_history, "DELETE FROM hist WHERE sid = ?1");
  put(Sql::wipe_counters, "DELETE FROM counter WHERE sid = ?1");
  put(Sql::wipe_stages, "DELETE FROM stage WHERE sid = ?1");
  put(Sql::wipe_chunks, "DELETE FROM chunk WHERE sid = ?1");
  put(Sql::preview_find, "SELECT e FROM preview WHERE sid = ?1 AND oid = ?2 AND key = ?3");
  put(Sql::preview_scan, "SELECT key, e FROM preview WHERE sid = ?1 AND oid = ?2 AND key >= ?3 ORDER BY key");
  put(Sql::preview_put, "REPLACE INTO preview VALUES (?1, ?2, ?3, ?4)");
  put(Sql::preview_delete, "DELETE FROM preview WHERE sid = ?1 AND oid = ?2 AND key = ?3");
  put(Sql::preview_drop, "DELETE FROM preview WHERE sid = ?1 AND oid = ?2");
  put(Sql::wipe_previews, "DELETE FROM preview WHERE sid = ?1");
  put(Sql::integrity, "PRAGMA integrity_check(100)");
  return sql;
}();

}  // namespace

const char* text(Sql sql) noexcept { return texts[static_cast<std::size_t>(sql)]; }

const char* schema_text() noexcept {
  return "CREATE TABLE meta (k TEXT PRIMARY KEY, v) WITHOUT ROWID;"
         "CREATE TABLE origin (oid INTEGER PRIMARY KEY, replica BLOB NOT NULL UNIQUE);"
         "CREATE TABLE lineage (id INTEGER PRIMARY KEY, self BLOB NOT NULL, first INTEGER NOT NULL, secret BLOB NOT "
         "NULL);"
         "CREATE TABLE scope (sid INTEGER PRIMARY KEY, plane INTEGER NOT NULL, name TEXT NOT NULL,"
         " policy BLOB NOT NULL, UNIQUE (plane, name));"
         "CREATE TABLE ctx (sid INTEGER, oid INTEGER, stamp INTEGER NOT NULL, floor INTEGER NOT NULL,"
         " acked INTEGER NOT NULL, stable INTEGER NOT NULL, sum BLOB, PRIMARY KEY (sid, oid)) WITHOUT ROWID;"
         "CREATE TABLE cell (sid INTEGER, key BLOB, e BLOB NOT NULL, PRIMARY KEY (sid, key)) WITHOUT ROWID;"
         "CREATE TABLE counter (sid INTEGER, key BLOB, versions BLOB NOT NULL, PRIMARY KEY (sid, key)) WITHOUT ROWID;"
         "CREATE TABLE log (sid INTEGER, oid INTEGER, lo INTEGER, part INTEGER, body BLOB NOT NULL,"
         " PRIMARY KEY (sid, oid, lo, part)) WITHOUT ROWID;"
         "CREATE TABLE sblk (sid INTEGER, oid INTEGER, first INTEGER, n INTEGER NOT NULL, at INTEGER NOT NULL,"
         " body BLOB NOT NULL, PRIMARY KEY (sid, oid, first)) WITHOUT ROWID;"
         "CREATE TABLE sgap (sid INTEGER, oid INTEGER, first INTEGER NOT NULL, last INTEGER, why INTEGER NOT NULL,"
         " PRIMARY KEY (sid, oid, last)) WITHOUT ROWID;"
         "CREATE TABLE account (sid INTEGER, oid INTEGER, missing BLOB NOT NULL, left_out BLOB NOT NULL,"
         " PRIMARY KEY (sid, oid)) WITHOUT ROWID;"
         "CREATE TABLE ver (sid INTEGER, number INTEGER, id BLOB, role INTEGER NOT NULL,"
         " manifest BLOB NOT NULL, base BLOB NOT NULL, content BLOB NOT NULL, PRIMARY KEY (sid, number, id));"
         "CREATE TABLE memo (sid INTEGER, name TEXT, body BLOB NOT NULL, PRIMARY KEY (sid, name)) WITHOUT ROWID;"
         "CREATE TABLE hist (sid INTEGER, version INTEGER, at INTEGER NOT NULL, body BLOB NOT NULL,"
         " PRIMARY KEY (sid, version)) WITHOUT ROWID;"
         "CREATE TABLE damage (sid INTEGER, low BLOB, high BLOB NOT NULL, PRIMARY KEY (sid, low)) WITHOUT ROWID;"
         "CREATE TABLE quarantine (id INTEGER PRIMARY KEY AUTOINCREMENT, kind INTEGER NOT NULL, sid INTEGER NOT NULL,"
         " place BLOB NOT NULL, reason TEXT NOT NULL, origin TEXT NOT NULL, at INTEGER NOT NULL, body BLOB NOT NULL);"
         "CREATE TABLE stage (sid INTEGER, oid INTEGER, body BLOB NOT NULL, PRIMARY KEY (sid, oid)) WITHOUT ROWID;"
         "CREATE TABLE chunk (sid INTEGER, oid INTEGER, n INTEGER, body BLOB NOT NULL, PRIMARY KEY (sid, oid, n));"
         "CREATE TABLE preview (sid INTEGER, oid INTEGER, key BLOB, e BLOB NOT NULL, PRIMARY KEY (sid, oid, key))"
         " WITHOUT ROWID;";
}

}  // namespace edgesync::store
