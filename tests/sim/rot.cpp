// SPDX-License-Identifier: Apache-2.0
#include "sim/rot.hpp"

#include "sim/plain_db.hpp"

namespace edgesync::sim {
namespace {

constexpr const char* spoil_cell =
    "UPDATE cell SET e = flipped(e) WHERE (sid, key) IN"
    " (SELECT sid, key FROM cell JOIN scope USING (sid) WHERE name = ?1 ORDER BY chance() LIMIT 1)";
constexpr const char* spoil_log =
    "UPDATE log SET body = flipped(body) WHERE (sid, oid, lo, part) IN"
    " (SELECT sid, oid, lo, part FROM log JOIN scope USING (sid) WHERE name = ?1 ORDER BY chance() LIMIT 1)";

Random& random_of(sqlite3_context* call) { return *static_cast<Random*>(sqlite3_user_data(call)); }

void chance(sqlite3_context* call, int, sqlite3_value**) {
  sqlite3_result_int64(call, static_cast<sqlite3_int64>(random_of(call).next() >> 1));
}

void flipped(sqlite3_context* call, int, sqlite3_value** arguments) {
  const auto* data = static_cast<const std::byte*>(sqlite3_value_blob(arguments[0]));
  Bytes bytes(data, data + sqlite3_value_bytes(arguments[0]));
  if (!bytes.empty()) bytes[random_of(call).below(bytes.size())] ^= std::byte{1} << random_of(call).below(8);
  sqlite3_result_blob64(call, bytes.data(), bytes.size(), SQLITE_TRANSIENT);
}

}  // namespace

bool spoil_row(Disk& disk, const std::string& scope, Random& random) {
  const FaultVfs vfs(disk);
  PlainDb db(vfs);
  sqlite3_db_config(db.handle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);  // it stays as the crash left it
  sqlite3_create_function(db.handle(), "chance", 0, SQLITE_UTF8, &random, chance, nullptr, nullptr);
  sqlite3_create_function(db.handle(), "flipped", 1, SQLITE_UTF8, &random, flipped, nullptr, nullptr);
  const PlainDb::Statement update = db.prepare(random.below(4) == 0 ? spoil_log : spoil_cell);
  if (db.code() != SQLITE_OK) return false;
  sqlite3_bind_text(update.get(), 1, scope.data(), static_cast<int>(scope.size()), SQLITE_STATIC);
  return sqlite3_step(update.get()) == SQLITE_DONE && sqlite3_changes(db.handle()) == 1;
}

}  // namespace edgesync::sim
