// SPDX-License-Identifier: Apache-2.0
#include "store/version_rows.hpp"

#include "store/letters.hpp"
#include "store/row_check.hpp"
#include "store/version_content.hpp"

#include <algorithm>

namespace edgesync::store {
namespace {

VersionKey key_of(const config::Manifest& manifest) { return {manifest.number, to_hex(manifest.id)}; }

std::string named(const VersionKey& key) { return "version " + std::to_string(key.number) + ": " + key.id; }

constexpr std::uint32_t role_check = 0x101;  // twice the same byte: a changed one is no role

std::uint32_t check_of(std::uint32_t sid, const VersionKey& key, ByteView manifest) {
  return row_check({sid, key.number}, as_view(key.id), manifest);
}

/// Nothing if the row is not what was written. `row` is of Sql::version_rows or version_heads.
std::optional<VersionRow> decode(std::uint32_t sid, const Query& row) {
  auto proved = prove_version(sid, row.blob(2), row.number(3));
  if (!proved || key_of(proved->manifest) != VersionKey{row.number(0), to_hex(row.blob(1))}) return std::nullopt;
  return proved;
}

/// The one version, or nothing; `damaged`: why there is none, though there is a row.
std::optional<config::Release> stored_release(SqlTable& table, const VersionKey& key, std::optional<Error>& damaged) {
  config::Release release;
  const Bytes id = from_hex(key.id).value_or(Bytes{});
  {
    Query row(table.file().db, Sql::version_one);
    if (!row.bind(table.sid()).bind(key.number).bind(id).step()) return std::nullopt;
    auto proved = prove_version(table.sid(), row.blob(0), row.number(1));
    if (!proved || key_of(proved->manifest) != key) {
      table.want_sweep();
      damaged = Error(Errc::storage_corrupt, named(key) + ": its row is damaged");
      return std::nullopt;
    }
    release.manifest = std::move(proved->manifest);
  }
  auto content = read_content(table, key);
  if (content)
    release.content = *std::move(content);
  else if (!content.error().is(Errc::not_found))
    damaged = std::move(content).error();
  return damaged ? std::nullopt : std::optional(std::move(release));
}

bool newer(const VersionRow& a, const VersionRow& b) {
  if (a.manifest.number != b.manifest.number) return a.manifest.number > b.manifest.number;
  return a.manifest.id < b.manifest.id;
}

void replay(std::vector<VersionRow>& rows, const VersionOp& op) {
  if (op.kind == VersionOp::Kind::memo) return;
  const auto at =
      std::find_if(rows.begin(), rows.end(), [&](const VersionRow& row) { return key_of(row.manifest) == op.key; });
  if (op.kind == VersionOp::Kind::save) {
    if (at != rows.end()) rows.erase(at);
    const VersionRow row{op.release.manifest, op.role};
    rows.insert(std::upper_bound(rows.begin(), rows.end(), row, newer), row);
  } else if (at != rows.end() && op.kind == VersionOp::Kind::role) {
    at->role = op.role;
  } else if (at != rows.end()) {
    rows.erase(at);
  }
}

void replay(std::optional<config::Release>& release, const VersionOp& op) {
  if (op.kind == VersionOp::Kind::forget) release.reset();
  if (op.kind != VersionOp::Kind::save) return;
  config::Release saved = op.release;
  if (saved.content.empty() && release) saved.content = std::move(release->content);
  release = std::move(saved);
}

void save(File& file, std::uint32_t sid, const VersionOp& op, const Bytes& id) {
  const config::Release& release = op.release;
  Bytes manifest = release.manifest.encode();
  append_check(manifest, check_of(sid, op.key, manifest));
  const StoredContent content = whole_content(sid, op.key, release.content);
  Query(file.db, Sql::version_put)
      .bind(sid)
      .bind(op.key.number)
      .bind(id)
      .bind(static_cast<std::uint32_t>(op.role) * role_check)
      .bind(manifest)
      .bind(content.base)
      .bind(content.body)
      .step();
}

std::uint32_t memo_check(std::uint32_t sid, std::string_view name, ByteView body) {
  return row_check({sid, name.size()}, as_view(name), body);
}

void save_memo(File& file, std::uint32_t sid, const VersionOp& op) {
  if (op.memo.empty()) {
    Query(file.db, Sql::memo_delete).bind(sid).bind_text(op.key.id).step();
    return;
  }
  Bytes body = op.memo;
  append_check(body, memo_check(sid, op.key.id, body));
  Query(file.db, Sql::memo_put).bind(sid).bind_text(op.key.id).bind(body).step();
}

/// Nothing if the row is not what was written.
std::optional<Bytes> open_memo(std::uint32_t sid, std::string_view name, ByteView all) {
  const ByteView body = all.first(all.size() - std::min(all.size(), check_bytes));
  return check_at_end(all) == memo_check(sid, name, body) ? std::optional(to_bytes(body)) : std::nullopt;
}

}  // namespace

std::optional<VersionRow> prove_version(std::uint32_t sid, ByteView all, std::uint64_t role) {
  const ByteView manifest = all.first(all.size() - std::min(all.size(), check_bytes));
  auto decoded = config::Manifest::decode(manifest);
  if (!decoded || role != (role & 0xff) * role_check) return std::nullopt;
  if (check_at_end(all) != check_of(sid, key_of(*decoded), manifest)) return std::nullopt;
  return VersionRow{*std::move(decoded), static_cast<VersionRole>(role & 0xff)};
}

void write_version(SqlTable& table, const VersionOp& op) {
  File& file = table.file();
  const std::uint32_t sid = table.sid();
  if (op.kind == VersionOp::Kind::memo) return save_memo(file, sid, op);
  const auto id = from_hex(op.key.id);
  if (!id) return;
  switch (op.kind) {
    case VersionOp::Kind::save:
      return save(file, sid, op, *id);
    case VersionOp::Kind::role:
      Query(file.db, Sql::version_role)
          .bind(sid)
          .bind(op.key.number)
          .bind(*id)
          .bind(static_cast<std::uint32_t>(op.role) * role_check)
          .step();
      return;
    case VersionOp::Kind::forget:
      release_dependants(table, op.key);
      Query(file.db, Sql::version_delete).bind(sid).bind(op.key.number).bind(*id).step();
      return;
    case VersionOp::Kind::memo:
      return;
  }
}

Result<std::vector<VersionRow>> read_versions(SqlTable& table, const std::vector<VersionOp>& pending) {
  std::vector<VersionRow> versions;
  {
    Query rows(table.file().db, Sql::version_heads);
    rows.bind(table.sid());
    while (rows.step()) {
      if (auto row = decode(table.sid(), rows))
        versions.push_back(*std::move(row));
      else
        table.want_sweep();
    }
  }
  if (auto good = table.file().check(); !good) return good.error();
  for (const VersionOp& op : pending) replay(versions, op);
  return versions;
}

Result<config::Release> read_release(SqlTable& table, const VersionKey& key, const std::vector<VersionOp>& pending) {
  std::optional<Error> damaged;
  auto release = stored_release(table, key, damaged);
  if (auto good = table.file().check(); !good) return good.error();
  for (const VersionOp& op : pending)
    if (op.key == key) replay(release, op);
  if (release) return *std::move(release);
  return damaged ? *std::move(damaged) : Error(Errc::not_found, named(key));
}

Result<std::uint64_t> read_version_bytes(SqlTable& table) {
  std::uint64_t bytes = 0;
  {
    Query sum(table.file().db, Sql::version_bytes);
    if (sum.bind(table.sid()).step()) bytes = sum.number(0);
  }
  if (auto good = table.file().check(); !good) return good.error();
  return bytes;
}

Result<Bytes> read_memo(SqlTable& table, std::string_view name, const std::vector<VersionOp>& pending) {
  std::optional<Bytes> memo;
  {
    Query rows(table.file().db, Sql::memo_get);
    rows.bind(table.sid()).bind_text(name);
    if (rows.step()) memo = open_memo(table.sid(), name, rows.blob(0));
  }
  if (auto good = table.file().check(); !good) return good.error();
  for (const VersionOp& op : pending)
    if (op.kind == VersionOp::Kind::memo && op.key.id == name) memo = op.memo;
  return memo && !memo->empty() ? Result<Bytes>(*std::move(memo))
                                : Error(Errc::not_found, "memo: " + std::string(name));
}

Result<std::map<std::string, Bytes>> read_memos(SqlTable& table, std::string_view prefix,
                                                const std::vector<VersionOp>& pending) {
  std::map<std::string, Bytes> memos;
  {
    Query rows(table.file().db, Sql::memo_scan);
    rows.bind(table.sid()).bind_text(prefix);
    while (rows.step()) {
      const std::string name(as_text(rows.blob(0)));
      if (!name.starts_with(prefix)) break;
      if (auto body = open_memo(table.sid(), name, rows.blob(1))) memos[name] = *std::move(body);
    }
  }
  if (auto good = table.file().check(); !good) return good.error();
  for (const VersionOp& op : pending)
    if (op.kind == VersionOp::Kind::memo && op.key.id.starts_with(prefix)) memos[op.key.id] = op.memo;
  std::erase_if(memos, [](const auto& memo) { return memo.second.empty(); });
  return memos;
}

std::size_t drop_damaged_versions(SqlTable& table) {
  struct Damaged {
    std::uint64_t number = 0;
    Bytes id{};
    VersionLetter letter{};
  };
  std::vector<Damaged> damaged;
  {
    Query rows(table.file().db, Sql::version_rows);
    rows.bind(table.sid());
    while (rows.step()) {
      const VersionKey key{rows.number(0), to_hex(rows.blob(1))};
      const ByteView base = rows.blob(4), content = rows.blob(5);
      if (decode(table.sid(), rows) && content_stands(table.sid(), key, base, content)) continue;
      damaged.push_back({key.number,
                         to_bytes(rows.blob(1)),
                         {rows.number(3), to_bytes(rows.blob(2)), to_bytes(base), to_bytes(content)}});
    }
  }
  for (const Damaged& row : damaged) {
    put_aside(table.file(),
              {Quarantined::Kind::version, table.sid(), row.id, "its check does not match", {}, encode(row.letter)});
    Query(table.file().db, Sql::version_delete).bind(table.sid()).bind(row.number).bind(row.id).step();
  }
  return damaged.size();
}

}  // namespace edgesync::store
