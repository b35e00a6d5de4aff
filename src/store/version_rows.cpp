// SPDX-License-Identifier: Apache-2.0
#include "store/version_rows.hpp"

#include <algorithm>

namespace edgesync::store {
namespace {

VersionKey key_of(const config::Manifest& manifest) { return {manifest.number, to_hex(manifest.id)}; }

std::optional<config::Manifest> manifest_of(File& file, std::uint32_t sid, ByteView bytes) {
  auto manifest = config::Manifest::decode(bytes);
  if (manifest) return *std::move(manifest);
  file.db.corrupt("ver: scope " + std::to_string(sid) + ": " + manifest.error().detail);
  return std::nullopt;
}

std::optional<config::Release> stored_release(File& file, std::uint32_t sid, const VersionKey& key) {
  const auto id = from_hex(key.id);
  if (!id) return std::nullopt;
  Query row(file.db, Sql::version_get);
  if (!row.bind(sid).bind(key.number).bind(*id).step()) return std::nullopt;
  auto manifest = manifest_of(file, sid, row.blob(0));
  if (!manifest) return std::nullopt;
  return config::Release{*std::move(manifest), to_bytes(row.blob(1))};
}

bool newer(const VersionRow& a, const VersionRow& b) {
  if (a.manifest.number != b.manifest.number) return a.manifest.number > b.manifest.number;
  return a.manifest.id < b.manifest.id;
}

void replay(std::vector<VersionRow>& rows, const VersionOp& op) {
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
  const Bytes manifest = release.manifest.encode();
  Query(file.db, Sql::version_put)
      .bind(sid)
      .bind(op.key.number)
      .bind(id)
      .bind(static_cast<std::uint32_t>(op.role))
      .bind(manifest)
      .bind(release.content)
      .step();
}

}  // namespace

void write_version(File& file, std::uint32_t sid, const VersionOp& op) {
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
          .bind(static_cast<std::uint32_t>(op.role))
          .step();
      return;
    case VersionOp::Kind::forget:
      Query(file.db, Sql::version_delete).bind(sid).bind(op.key.number).bind(*id).step();
      return;
  }
}

Result<std::vector<VersionRow>> read_versions(File& file, std::uint32_t sid, const std::vector<VersionOp>& pending) {
  std::vector<VersionRow> versions;
  {
    Query rows(file.db, Sql::versions);
    rows.bind(sid);
    while (rows.step())
      if (auto manifest = manifest_of(file, sid, rows.blob(0)))
        versions.push_back({*std::move(manifest), static_cast<VersionRole>(rows.integer(1))});
  }
  if (auto good = file.check(); !good) return good.error();
  for (const VersionOp& op : pending) replay(versions, op);
  return versions;
}

Result<config::Release> read_release(File& file, std::uint32_t sid, const VersionKey& key,
                                     const std::vector<VersionOp>& pending) {
  auto release = stored_release(file, sid, key);
  if (auto good = file.check(); !good) return good.error();
  for (const VersionOp& op : pending)
    if (op.key == key) replay(release, op);
  if (!release) return Error(Errc::not_found, "version " + std::to_string(key.number) + ": " + key.id);
  return *std::move(release);
}

}  // namespace edgesync::store
