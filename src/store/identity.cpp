// SPDX-License-Identifier: Apache-2.0
// The identity of a file: which replica it is, which ones it was, and where it was opened last.
#include "store/identity.hpp"

#include "base/planted.hpp"
#include "store/file.hpp"

#include <algorithm>

namespace edgesync::store {
namespace {

constexpr std::string_view replica_key = "replica", environment_key = "environment", former_key = "former",
                           copy_key = "copy", salvaged_key = "salvaged";
constexpr std::size_t former_max = 64;  // only those are of interest whose commits the hub may still lack

Bytes meta(SqliteDb& db, std::string_view key) {
  Query row(db, Sql::meta_get);
  return row.bind_text(key).step() ? to_bytes(row.blob(0)) : Bytes{};
}

void put_meta(SqliteDb& db, std::string_view key, ByteView value) {
  Query(db, Sql::meta_put).bind_text(key).bind(value).step();
}

}  // namespace

KnownEnvironment hashed(const Environment& environment) {
  constexpr Hash128 domain{0x6564676573796e63U, 0x656e7669726f6e6dU};
  KnownEnvironment known;
  for (const auto& [name, value] : environment) known.emplace(name, siphash(domain, as_view(value)));
  return known;
}

Bytes encode(const KnownEnvironment& environment) {
  Bytes bytes;
  Writer out(bytes);
  out.varint(environment.size());
  for (const auto& [name, hash] : environment) {
    out.blob(as_view(name));
    write_hash(out, hash);
  }
  return bytes;
}

std::optional<KnownEnvironment> decode_environment(ByteView bytes) {
  KnownEnvironment known;
  Reader in(bytes);
  for (std::size_t left = bytes.empty() ? 0 : in.count(17); left > 0; --left) {
    std::string name(as_text(in.blob()));
    known.insert_or_assign(std::move(name), read_hash(in));
  }
  if (!in.done()) return std::nullopt;
  return known;
}

std::optional<std::string> difference(const KnownEnvironment& before, const KnownEnvironment& now) {
  for (const auto& [name, hash] : before)
    if (const auto at = now.find(name); at != now.end() && at->second != hash) return name;
  return std::nullopt;
}

void File::read_identity(Loaded& loaded) {
  loaded.salvaged = std::string(as_text(meta(db, salvaged_key)));
  const Bytes ids = meta(db, former_key);
  Reader in(ids);
  while (!in.failed() && in.left() > 0) {
    const ReplicaId id = in.id();
    loaded.former.push_back({id, in.u64()});
  }
  if (in.failed()) return db.corrupt("meta: former ids");
  Query rows(db, Sql::lineage);
  while (rows.step()) {
    Reader self(rows.blob(0)), secret(rows.blob(2));
    loaded.lineage.add({self.id(), rows.number(1), read_hash(secret)});
    if (!self.done() || !secret.done()) return db.corrupt("lineage: row " + std::to_string(rows.integer(0)));
  }
}

void File::rename(const ReplicaId& id, const std::vector<Former>& former) {
  Bytes ids;
  Writer out(ids);
  for (std::size_t i = 0; i < std::min(former.size(), former_max); ++i) {
    out.id(former[i].id);
    out.u64(former[i].last);
  }
  put_meta(db, replica_key, id.bytes);
  put_meta(db, former_key, ids);
  becoming_ = id;
}

Result<std::optional<Renamed>> File::settle_identity(const Environment& environment, const ReplicaId& fresh,
                                                     Loaded& loaded) {
  const Bytes copied = meta(db, copy_key);
  auto known = decode_environment(meta(db, environment_key));
  if (!known) db.corrupt("meta: environment");
  if (auto good = check(); !good) return good.error();
  KnownEnvironment here = hashed(environment);
  std::optional<Renamed> renamed;
  if (const auto differs = difference(*known, here))
    renamed = Renamed{replica_, fresh, "the database was copied or moved: another " + *differs + " than before"};
  if (!copied.empty()) renamed = Renamed{replica_, fresh, std::string(as_text(copied))};
  if (planted(Bug::skip_environment)) renamed.reset();
  if (!renamed) here.insert(known->begin(), known->end());
  if (!renamed && here == *known) return renamed;
  Query(db, Sql::begin).step();
  put_meta(db, environment_key, encode(here));
  Query(db, Sql::meta_delete).bind_text(copy_key).step();
  if (renamed) {
    Former before{replica_, 0};
    for (const LoadedScope& scope : loaded.scopes)
      if (scope.plane != Plane::stream) before.last = std::max(before.last, scope.durable.context[replica_]);
    loaded.former.insert(loaded.former.begin(), before);
    loaded.former.resize(std::min(loaded.former.size(), former_max));
    rename(fresh, loaded.former);
  }
  if (auto good = commit(loaded.batch); !good) return good.error();
  return renamed;
}

Result<void> File::backup(const std::string& path) {
  return db.copy_to(path, [](SqliteDb& copy) {
    Query(copy, Sql::begin).step();
    put_meta(copy, copy_key, as_view("the database is a backup of another"));
    Query(copy, Sql::commit).step();
  });
}

}  // namespace edgesync::store
