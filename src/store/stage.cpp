// SPDX-License-Identifier: Apache-2.0
#include "store/stage.hpp"

#include "store/admission.hpp"
#include "store/preview.hpp"
#include "store/row_check.hpp"
#include "store/sql_table.hpp"
#include "store/store.hpp"
#include "wire/packed_delta.hpp"

#include <algorithm>

namespace edgesync::store {
namespace {

/// A chunk was within a link's limits when it came; here only memory is at stake.
wire::Limits chunk_limits() {
  wire::Limits limits;
  limits.elements = std::size_t{1} << 24;
  limits.key_bytes = std::size_t{64} << 10;
  limits.origins = std::size_t{64} << 10;
  limits.allocation = std::size_t{1} << 30;
  return limits;
}

/// Where a chunk stands; the header of a stage stands where no chunk does.
struct Place {
  std::uint32_t sid = 0;
  Oid oid = 0;
  std::uint64_t n = 0;
};

void seal(Bytes& row, const Place& place) { append_check(row, row_check({place.sid, place.oid, place.n}, row)); }

/// Nothing if the row is not what was written.
std::optional<ByteView> open(ByteView row, const Place& place) noexcept {
  if (row.size() < check_bytes) return std::nullopt;
  const ByteView body = row.first(row.size() - check_bytes);
  if (check_at_end(row) != row_check({place.sid, place.oid, place.n}, body)) return std::nullopt;
  return body;
}

Bytes encode(const crdt::Chunk& chunk, const Place& place) {
  Bytes body;
  Writer out(body);
  chunk.reached.encode(out);
  out.raw(wire::pack({0, 0, true, chunk.delta}));
  seal(body, place);
  return body;
}

std::optional<crdt::Chunk> decode_chunk(ByteView row, const Place& place) {
  const auto opened = open(row, place);
  if (!opened) return std::nullopt;
  const ByteView body = *opened;
  Reader in(body);
  crdt::Chunk chunk;
  chunk.reached = crdt::Context::decode(in);
  wire::DeltaPart part{0, 0, true, {}};
  wire::Budget budget(chunk_limits());
  wire::unpack(body.subspan(body.size() - in.left()), part, budget);
  if (in.failed() || budget.failed()) return std::nullopt;
  chunk.delta = std::move(part.delta);
  return chunk;
}

Bytes encode(const Stage& stage, const Place& place) {
  Bytes body;
  Writer out(body);
  for (const crdt::Context* context : {&stage.base, &stage.floors, &stage.reached, &stage.upto}) context->encode(out);
  write_hash(out, stage.summary.sum);
  for (const std::uint64_t number : {stage.summary.count, stage.chunks, stage.bytes, stage.batch}) out.varint(number);
  seal(body, place);
  return body;
}

std::optional<Stage> decode_stage(ByteView row, const Place& place) {
  const auto body = open(row, place);
  if (!body) return std::nullopt;
  Reader in(*body);
  Stage stage;
  for (crdt::Context* context : {&stage.base, &stage.floors, &stage.reached, &stage.upto})
    *context = crdt::Context::decode(in);
  stage.summary.sum = read_hash(in);
  for (std::uint64_t* number : {&stage.summary.count, &stage.chunks, &stage.bytes, &stage.batch}) *number = in.varint();
  if (!in.done()) return std::nullopt;
  return stage;
}

/// A chunk goes on exactly where the one before ended, and touches the log of nobody out of turn.
bool in_order(const crdt::Chunk& chunk) {
  crdt::Context most = chunk.delta.base;
  most.join(chunk.delta.upto);
  return chunk.reached.covers(chunk.delta.base) && most.covers(chunk.reached) &&
         std::all_of(chunk.delta.removals.begin(), chunk.delta.removals.end(), [&](const crdt::LogItem& removal) {
           return chunk.reached.covers(removal.dot) && !chunk.delta.base.covers(removal.dot);
         });
}

}  // namespace

void read_stages(File& file, Loaded& loaded) {
  Query rows(file.db, Sql::stages);
  while (rows.step()) {
    // What is of no scope any more is nobody's; a stage is told again.
    const auto scope = std::find_if(loaded.scopes.begin(), loaded.scopes.end(),
                                    [&](const LoadedScope& one) { return one.sid == rows.number(0); });
    if (scope == loaded.scopes.end()) continue;
    const Oid oid = rows.number(1);
    const ReplicaId* from = file.origins.find(oid);
    auto stage = from != nullptr ? decode_stage(rows.blob(2), {scope->sid, oid, 0}) : std::nullopt;
    if (stage)
      scope->durable.stages.emplace(*from, *std::move(stage));
    else
      scope->stages_lost.push_back(oid);
  }
  Query chunks(file.db, Sql::staged);
  while (chunks.step()) {
    const auto scope = std::find_if(loaded.scopes.begin(), loaded.scopes.end(),
                                    [&](const LoadedScope& one) { return one.sid == chunks.number(0); });
    if (scope == loaded.scopes.end()) continue;
    const ReplicaId* from = file.origins.find(chunks.number(1));
    auto& lost = scope->stages_lost;
    if (from != nullptr && scope->durable.stages.contains(*from)) continue;
    if (std::find(lost.begin(), lost.end(), chunks.number(1)) == lost.end()) lost.push_back(chunks.number(1));
  }
}

Outcome keep_chunk(SqlTable& table, const RemoteChunk& remote, std::uint64_t batch, bool preview) {
  const crdt::Chunk& chunk = remote.chunk;
  if (auto good = admit(chunk.delta, table.context(), table.file().replica()); !good) return {0, false, good.error()};
  if (!in_order(chunk)) return {0, false, Error(Errc::protocol_violation, "chunk: out of order")};
  Stages& stages = table.stages();
  auto at = stages.find(remote.from);
  if (remote.begin) {
    if (!table.context().covers(remote.base) || !(chunk.delta.base == remote.base)) return {};
    end_stage(table, table.file().origins.find(remote.from));
    at = stages.emplace(remote.from, Stage{remote.base, remote.floors, remote.base, {}, {}, 0, 0, 0}).first;
  }
  if (at == stages.end() || !(at->second.reached == chunk.delta.base) || !chunk.delta.upto.covers(at->second.upto))
    return {};
  Stage& stage = at->second;
  SqliteDb& db = table.file().db;
  const Oid oid = table.file().origins.intern(remote.from);
  if (preview && previewable(table.file(), table.context())) preview_chunk(table, oid, chunk);
  const Bytes body = encode(chunk, {table.sid(), oid, ++stage.chunks});
  stage.reached = chunk.reached;
  stage.upto = chunk.delta.upto;
  stage.summary = chunk.delta.summary;
  stage.bytes += body.size();
  stage.batch = batch;
  Query(db, Sql::chunk_put).bind(table.sid()).bind(oid).bind(stage.chunks).bind(body).step();
  const Bytes header = encode(stage, {table.sid(), oid, 0});
  Query(db, Sql::stage_put).bind(table.sid()).bind(oid).bind(header).step();
  return {0, true, {}};
}

bool joinable(const SqlTable& table, const RemoteStage& remote) {
  const auto at = table.stages().find(remote.from);
  if (at == table.stages().end() || !at->second.complete() || !table.context().covers(at->second.base)) return false;
  return !at->second.below_floors() || at->second.base.empty() || remote.removed.has_value();
}

bool sound(SqlTable& table, const ReplicaId& from) {
  const std::uint64_t chunks = table.stages().at(from).chunks;
  const Oid oid = table.file().origins.find(from);
  for (std::uint64_t n = 1; n <= chunks; ++n) {
    Query row(table.file().db, Sql::chunk_get);
    const bool here = row.bind(table.sid()).bind(oid).bind(n).step();
    if (table.file().db.failed()) return true;  // then nothing is known of it, and nothing will be joined
    if (!here || !open(row.blob(0), {table.sid(), oid, n})) return false;
  }
  return true;
}

crdt::Applied join_stage(SqlTable& table, const RemoteStage& remote) {
  const Stage stage = table.stages().at(remote.from);
  const Oid oid = table.file().origins.intern(remote.from);
  const bool judge = stage.below_floors();
  drop_preview(table, oid);  // its pages, too
  crdt::Joining joining(table, stage.base, judge, judge && remote.removed ? &*remote.removed : nullptr);
  for (std::uint64_t n = 1; n <= stage.chunks && !table.file().db.failed(); ++n) {
    std::optional<crdt::Chunk> chunk;
    {
      Query row(table.file().db, Sql::chunk_get);
      if (row.bind(table.sid()).bind(oid).bind(n).step()) chunk = decode_chunk(row.blob(0), {table.sid(), oid, n});
    }
    if (!chunk) {
      table.file().db.corrupt("stage: scope " + std::to_string(table.sid()) + ": chunk " + std::to_string(n));
      break;
    }
    joining.add(chunk->delta, chunk->reached);
    table.mend_listed(chunk->delta);
    // Its pages serve what it became: the file does not grow by both.
    Query(table.file().db, Sql::chunk_delete).bind(table.sid()).bind(oid).bind(n).step();
  }
  end_stage(table, oid);
  return joining.finish(stage.upto, stage.summary);
}

void end_stage(SqlTable& table, Oid oid) {
  if (const ReplicaId* from = table.file().origins.find(oid)) table.stages().erase(*from);
  Query(table.file().db, Sql::chunks_delete).bind(table.sid()).bind(oid).step();
  Query(table.file().db, Sql::stage_delete).bind(table.sid()).bind(oid).step();
  drop_preview(table, oid);
}

void end_stale_stages(SqlTable& table) {
  std::vector<Oid> stale;
  for (const auto& [from, stage] : table.stages())
    if (table.context().covers(stage.reached) && table.context().covers(stage.upto))
      stale.push_back(table.file().origins.find(from));
  for (const Oid from : stale) end_stage(table, from);
}

}  // namespace edgesync::store
