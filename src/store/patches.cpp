// SPDX-License-Identifier: Apache-2.0
#include "store/patches.hpp"

#include "store/version_content.hpp"
#include "wire/packed_delta.hpp"
#include "wire/patch.hpp"

#include <algorithm>
#include <iterator>

namespace edgesync::store {
namespace {

Result<std::vector<crdt::KeyState>> lay(ByteView base, const RemotePatch& patch, wire::Budget& budget) {
  const auto body = wire::apply_patch(base, patch.patch, patch.bytes);
  if (!body) return Error(Errc::protocol_violation, body.error().detail);
  if (body->size() != patch.bytes) return Error(Errc::protocol_violation, "patched part: of another size than it says");
  wire::DeltaPart part;
  wire::unpack(*body, part, budget);
  if (budget.failed()) return Error(Errc::protocol_violation, budget.failure("patched part").detail);
  if (!part.delta.removals.empty()) return Error(Errc::protocol_violation, "patched part: removals");
  return std::move(part.delta.keys);
}

}  // namespace

Result<Bytes> find_content(SqlTable& table, ByteView id) {
  std::optional<std::uint64_t> number;
  {
    Query rows(table.file().db, Sql::version_by_id);
    rows.bind(table.sid()).bind(id);
    if (rows.step()) number = rows.number(0);
  }
  if (auto good = table.file().check(); !good) return good.error();
  if (!number) return Error(Errc::not_found, "content " + to_hex(id));
  return read_content(table, {*number, to_hex(id)});
}

Result<void> lay_patches(SqlTable& table, RemoteDelta& remote, wire::Budget& budget) {
  std::vector<crdt::KeyState>& keys = remote.delta.keys;
  const std::vector<RemotePatch> patches = std::exchange(remote.patches, {});
  if (patches.empty()) return {};
  const auto base = find_content(table, patches.front().base);
  if (!base) return base.error().is(Errc::storage_corrupt) ? Error(Errc::not_found, base.error().detail) : base.error();
  for (const RemotePatch& patch : patches) {
    auto laid = lay(*base, patch, budget);
    if (!laid) return std::move(laid).error();
    std::move(laid->begin(), laid->end(), std::back_inserter(keys));
  }
  const auto before = [](const crdt::KeyState& a, const crdt::KeyState& b) { return compare(a.key, b.key) < 0; };
  std::sort(keys.begin(), keys.end(), before);
  const auto twice = [&](const crdt::KeyState& a, const crdt::KeyState& b) { return !before(a, b); };
  if (std::adjacent_find(keys.begin(), keys.end(), twice) != keys.end())
    return Error(Errc::protocol_violation, "patched part: a key twice");
  return {};
}

}  // namespace edgesync::store
