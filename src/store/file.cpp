// SPDX-License-Identifier: Apache-2.0
#include "store/file.hpp"

#include "base/hash.hpp"
#include "base/path.hpp"
#include "base/planted.hpp"
#include "store/row_check.hpp"

#include <algorithm>

namespace edgesync::store {
namespace {

constexpr std::string_view replica_key = "replica";
constexpr std::uint32_t sid_max = 0x7fffffff;

bool known_plane(std::int64_t plane) noexcept { return plane >= 1 && plane <= 3; }

constexpr std::string_view clock_key = "clock";

void put_clock(SqliteDb& db, const stream::AgeClock::Saved& clock) {
  Bytes row;
  Writer out(row);
  out.u64(clock.boot);
  out.svarint(clock.origin);
  out.varint(clock.reached);
  out.svarint(clock.hub_time);
  out.varint(clock.hub_age);
  out.u8(clock.certain ? 1 : 0);
  append_check(row, row_check({}, row));
  Query(db, Sql::meta_put).bind_text(clock_key).bind(row).step();
}

}  // namespace

std::optional<ReplicaId> replica_of(ByteView bytes) noexcept {
  ReplicaId id;
  if (bytes.size() != id.bytes.size()) return std::nullopt;
  std::copy(bytes.begin(), bytes.end(), id.bytes.begin());
  return id;
}

Hash128 fingerprint_key(Plane plane, std::string_view name) {
  constexpr Hash128 domain{0x6564676573796e63U, 0x66696e6765727072U};
  Bytes bytes{static_cast<std::byte>(plane)};
  Writer(bytes).raw(as_view(name));
  return siphash(domain, bytes);
}

Result<Loaded> File::open(const ReplicaId& fresh, bool create) {
  if (auto opened = db.open(create); !opened) return opened.error();
  Result<void> good = check_format();
  if (good) good = db.take();
  if (good && create && db.integer("SELECT count(*) FROM sqlite_schema", "open").value_or(0) == 0)
    good = this->create(fresh);
  if (good) good = read_replica();
  Loaded loaded;
  if (good) {
    read_identity(loaded);
    read_origins();
    owners.read(db);
    read_scopes(loaded);
    read_contexts(loaded);
    read_damage(loaded);
    read_clock(loaded);
    read_ledgers(loaded);
    read_stages(*this, loaded);
    good = check();
  }
  if (good) return loaded;
  db.give_up(good.error());
  return good.error();
}

Result<Loaded> File::reopen(std::uint64_t doubtful) {
  const ReplicaId known = replica_;
  auto loaded = open(known, false);
  if (!loaded) return loaded;
  Result<void> good;
  const bool ours = replica_ == known || replica_ == becoming_;
  if (!ours) good = Error(Errc::storage_corrupt, "store: " + db.path() + ": another file stands here now");
  if (good && loaded->batch >= doubtful && !planted(Bug::retry_sync)) good = db.rewrite_log();
  if (good) {
    becoming_.reset();
    return loaded;
  }
  replica_ = known;  // or becoming_, as the next attempt will see
  db.give_up(good.error());
  return good.error();
}

Result<void> File::check_format() {
  const auto application = db.integer("PRAGMA application_id", "open");
  if (!application) return application.error();
  const auto version = db.integer("PRAGMA user_version", "open");
  if (!version) return version.error();
  const auto tables = db.integer("SELECT count(*) FROM sqlite_schema", "open");
  if (!tables) return tables.error();
  const std::string where = "store: " + db.path() + ": ";
  if (*tables == 0 && *application == 0 && *version == 0) return {};
  if (*application != application_id) return Error(Errc::storage_corrupt, where + "not an edgesync database");
  if (*version > schema_version)
    return Error(Errc::storage_too_new,
                 where + "format " + std::to_string(*version) + ", this build knows " + std::to_string(schema_version));
  if (*version != schema_version) return Error(Errc::storage_corrupt, where + "unknown format");
  // Tables and their own indexes only: nothing in the file may make a statement do more than it says.
  const auto foreign = db.integer(
      "SELECT count(*) FROM sqlite_schema WHERE type NOT IN ('table', 'index')"
      " OR type = 'index' AND sql IS NOT NULL OR sql LIKE 'CREATE VIRTUAL%'"
      " OR sql LIKE '%GENERATED%' OR sql LIKE '%CHECK%'",
      "open");
  if (!foreign) return foreign.error();
  if (*foreign != 0 || *tables == 0) return Error(Errc::storage_corrupt, where + "unknown objects in the schema");
  return {};
}

Result<void> File::create(const ReplicaId& fresh) {
  const std::string sql = "BEGIN IMMEDIATE; PRAGMA application_id=" + std::to_string(application_id) +
                          "; PRAGMA user_version=" + std::to_string(schema_version) + ";" + schema_text();
  if (auto made = db.run(sql.c_str(), "create tables"); !made) return made;
  Query(db, Sql::meta_put).bind_text(replica_key).bind(ByteView(fresh.bytes)).step();
  return commit(0);
}

Result<void> File::read_replica() {
  Query row(db, Sql::meta_get);
  const bool found = row.bind_text(replica_key).step();
  const auto id = found ? replica_of(row.blob(0)) : std::nullopt;
  if (!id) db.corrupt("meta: no replica id");
  if (id) replica_ = *id;
  return check();
}

void File::read_origins() {
  origins = {};
  Query rows(db, Sql::origins);
  while (rows.step()) {
    const auto id = replica_of(rows.blob(1));
    if (!id || origins.intern(*id) != rows.number(0))
      return db.corrupt("origin: row " + std::to_string(rows.integer(0)));
  }
  origins.stored = origins.size();
}

void File::read_scopes(Loaded& loaded) {
  Query rows(db, Sql::scopes);
  while (rows.step()) {
    LoadedScope scope;
    const bool good = rows.number(0) - 1 < sid_max && known_plane(rows.integer(1));
    scope.sid = static_cast<std::uint32_t>(rows.number(0));
    scope.plane = static_cast<Plane>(rows.integer(1));
    scope.name = std::string(as_text(rows.blob(2)));
    scope.policy = to_bytes(rows.blob(3));
    if (!good || !check_path("scope", scope.name)) return db.corrupt("scope: row " + std::to_string(rows.integer(0)));
    loaded.scopes.push_back(std::move(scope));
  }
}

void File::read_contexts(Loaded& loaded) {
  Query rows(db, Sql::contexts);
  auto scope = loaded.scopes.begin();
  while (rows.step()) {
    const std::uint64_t sid = rows.number(0);
    if (sid == 0) {
      loaded.batch = rows.number(2);
      if (rows.number(4) == row_check({loaded.batch, rows.number(3)}, {})) age = loaded.age = rows.number(3);
      continue;
    }
    while (scope != loaded.scopes.end() && scope->sid < sid) ++scope;
    if (scope == loaded.scopes.end() || scope->sid != sid) return db.corrupt("ctx: no scope " + std::to_string(sid));
    read_context_row(rows, *scope);
  }
}

void File::read_context_row(const Query& row, LoadedScope& scope) {
  if (row.integer(1) == 0) {
    const ByteView stored = row.blob(6);
    const ByteView hash = stored.first(stored.size() - std::min(stored.size(), check_bytes));
    Reader sum(hash);
    scope.durable.summary = {read_hash(sum), row.number(2)};
    scope.durable.bytes = sum.u64();
    scope.durable.removals = row.number(3);
    scope.durable.log_items = row.number(4);
    scope.durable.version = row.number(5);
    scope.lost_summary = !sum.done() || check_at_end(stored) != row_check({row.number(7)}, hash);
    return;
  }
  const ReplicaId* replica = origins.find(row.number(1));
  if (replica == nullptr) return db.corrupt("ctx: no origin " + std::to_string(row.integer(1)));
  if (row.integer(6) != row.integer(7)) {
    scope.lost.push_back(*replica);
    return;
  }
  scope.durable.context.advance({*replica, row.number(2)});
  scope.durable.floors.advance({*replica, row.number(3)});
  scope.acked.advance({*replica, row.number(4)});
  scope.stable.advance({*replica, row.number(5)});
}

void File::read_damage(Loaded& loaded) {
  Query rows(db, Sql::damages);
  while (rows.step()) {
    const std::uint64_t sid = rows.number(0);
    const auto at = std::find_if(loaded.scopes.begin(), loaded.scopes.end(),
                                 [sid](const LoadedScope& scope) { return scope.sid == sid; });
    if (at == loaded.scopes.end()) return db.corrupt("damage: no scope " + std::to_string(sid));
    at->durable.damaged.add({to_bytes(rows.blob(1)), to_bytes(rows.blob(2))});
  }
}

Result<void> File::commit(std::uint64_t batch) {
  for (Oid oid = origins.stored + 1; oid <= origins.size(); ++oid)
    Query(db, Sql::origin_put).bind(oid).bind(ByteView(origins.find(oid)->bytes)).step();
  owners.write(db);
  const Bytes none = to_bytes(Hash128{});
  const std::uint64_t sealed = row_check({batch, age}, {});
  Query(db, Sql::summary_put).bind(std::int64_t{0}).bind(batch).bind(age).bind(sealed).bind(0U).bind(none).step();
  if (clock_due) put_clock(db, *clock_due);
  Query(db, Sql::commit).step();
  if (auto good = check(); !good) return good;
  origins.stored = origins.size();
  if (becoming_) replica_ = *std::exchange(becoming_, {});
  return {};
}

/// A row that is not what was written says nothing: then time goes on from the last batch's.
void File::read_clock(Loaded& loaded) {
  Query row(db, Sql::meta_get);
  if (!row.bind_text(clock_key).step() || row.blob(0).size() < check_bytes) return;
  const ByteView stored = row.blob(0), body = stored.first(stored.size() - check_bytes);
  Reader in(body);
  stream::AgeClock::Saved clock;
  clock.boot = in.u64();
  clock.origin = in.svarint();
  clock.reached = in.varint();
  clock.hub_time = in.svarint();
  clock.hub_age = in.varint();
  clock.certain = in.u8() != 0;
  if (in.done() && check_at_end(stored) == row_check({}, body)) loaded.clock = clock;
}

Result<void> File::check() {
  if (auto error = db.take_error()) return *std::move(error);
  return {};
}

}  // namespace edgesync::store
