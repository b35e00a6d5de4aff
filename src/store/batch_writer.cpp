// SPDX-License-Identifier: Apache-2.0
#include "store/batch_writer.hpp"

#include "store/journal.hpp"
#include "store/records.hpp"
#include "store/upkeep.hpp"
#include "store/version_rows.hpp"

#include <algorithm>
#include <set>

namespace edgesync::store {
namespace {

bool fits_column(const crdt::Context& context) noexcept {
  return std::all_of(context.items().begin(), context.items().end(),
                     [](const crdt::Context::Item& item) { return item.stamp <= INT64_MAX; });
}

bool well_formed(const crdt::KeyState& state, const crdt::Context& upto) noexcept {
  return !state.key.empty() && std::all_of(state.listed.begin(), state.listed.end(),
                                           [&](const crdt::Listed& listed) { return upto.covers(listed.entry.dot); });
}

bool well_formed(const std::vector<crdt::LogItem>& removals, const crdt::Context& upto) noexcept {
  crdt::Dot last;
  for (const crdt::LogItem& item : removals) {
    if (item.type == crdt::LogItem::Type::write || !upto.covers(item.dot)) return false;
    if (item.dot.replica == last.replica && item.dot.stamp < last.stamp) return false;
    last = item.dot;
  }
  return true;
}

}  // namespace

Part* GroupCommit::part(ScopeId id) noexcept {
  const auto at = std::lower_bound(parts.begin(), parts.end(), id,
                                   [](const Part& part, ScopeId wanted) { return part.scope.id < wanted; });
  return at != parts.end() && at->scope.id == id ? &*at : nullptr;
}

bool well_formed(const crdt::Delta& delta) noexcept {
  if (!fits_column(delta.upto) || !well_formed(delta.removals, delta.upto)) return false;
  const Bytes* last = nullptr;
  for (const crdt::KeyState& state : delta.keys) {
    if (!well_formed(state, delta.upto) || (last != nullptr && compare(*last, state.key) >= 0)) return false;
    last = &state.key;
  }
  return true;
}

void BatchWriter::run() {
  if (batch_.empty()) return;
  if (auto written = write(); !written) settle(written.error());
  batch_.log_error = file_.db.take_log_error();
}

Result<void> BatchWriter::write() {
  Query(file_.db, Sql::begin).step();
  for (Part& part : batch_.parts) write_local(part);
  for (const Arrival& arrival : batch_.arrivals) apply(arrival);
  for (Part& part : batch_.parts) finish_part(part);
  // An error may have made the engine roll back by itself; committing what came after it would tear the batch.
  if (auto good = file_.check(); !good) return good;
  return file_.commit(batch_.number);
}

void BatchWriter::settle(Error error) {
  // Whether a commit that failed is in the file cannot be asked of the handle that failed.
  file_.db.close(true);
  auto loaded = file_.reopen(batch_.doubtful);
  if (!loaded) {
    error.detail += "; then " + loaded.error().detail;
    batch_.error = std::move(error);
    return;
  }
  if (loaded->batch != batch_.number) batch_.error = std::move(error);
  batch_.reloaded = *std::move(loaded);
}

void BatchWriter::write_scope(Part& part) {
  const std::uint32_t sid = part.table->sid();
  if (part.create)
    Query(file_.db, Sql::scope_put)
        .bind(sid)
        .bind(static_cast<std::uint32_t>(part.scope.plane))
        .bind_text(part.scope.name)
        .bind(part.policy.value_or(Bytes{}))
        .step();
  else if (part.policy)
    Query(file_.db, Sql::scope_policy).bind(sid).bind(*part.policy).step();
  for (const AckNote& note : part.acks)
    Query(file_.db, Sql::acks_put)
        .bind(sid)
        .bind(file_.origins.intern(note.replica))
        .bind(note.acked)
        .bind(note.stable)
        .step();
}

void BatchWriter::write_local(Part& part) {
  part.table->begin(part.watched || part.history > 0);
  write_scope(part);
  for (const Memtable::Generation& generation : part.generations)
    crdt::apply_changes(*part.table, file_.replica(), generation.changes);
  for (const VersionOp& op : part.versions) write_version(file_, part.table->sid(), op);
  for (const Trim& trim : part.trims) trim_records(*part.table, trim);
  write_runs(part);
}

void BatchWriter::write_runs(Part& part) {
  for (Run& run : part.runs) {
    const auto count = static_cast<std::uint32_t>(run.rows.size());
    const Bytes body = run.rows.finish(run.first);
    put_segment(*part.table, {part.scope.id, file_.replica(), run.first, count, false, body});
  }
}

void BatchWriter::apply(const Arrival& arrival) {
  bool applied = false;
  if (const auto* segment = std::get_if<RemoteSegment>(&arrival.body)) {
    Part* part = batch_.part(segment->scope);
    applied = part != nullptr && take_segment(*part->table, *segment);
  } else if (const auto* cut = std::get_if<RemoteCut>(&arrival.body)) {
    applied = apply(*cut);
  }
  batch_.outcomes.push_back({arrival.ticket, applied});
}

bool BatchWriter::apply(const RemoteCut& cut) {
  for (const auto& [id, delta] : cut.deltas) {
    const Part* part = batch_.part(id);
    const bool good = part != nullptr && part->scope.plane != Plane::stream && well_formed(delta);
    if (!good || !crdt::applicable(delta, part->table->context())) return false;
  }
  for (const auto& [id, delta] : cut.deltas) apply(*batch_.part(id), delta);
  return true;
}

void BatchWriter::apply(Part& part, const crdt::Delta& delta) {
  const crdt::Applied applied = crdt::apply_delta(*part.table, delta);
  part.learned = true;
  batch_.learned.push_back(delta.upto);
  if (applied.diverged) batch_.diverged.push_back(part.scope.id);
  std::string last;
  for (const Bytes& key : applied.conflicts) {
    auto parts = crdt::split(key);
    if (!parts || parts->path == last) continue;
    last = parts->path;
    batch_.conflicts.emplace_back(part.scope.id, std::move(parts->path));
  }
}

void BatchWriter::finish_part(Part& part) {
  if (part.watched) collect_changes(part);
  write_journal(*part.table, part.history);
  part.table->save();
  upkeep(*part.table);
  part.table->save();
}

void BatchWriter::collect_changes(Part& part) {
  BeforeView before(*part.table, part.table->replaced());
  std::set<std::string> paths;
  for (const auto& [key, cell] : part.table->replaced())
    if (auto parts = crdt::split(key)) paths.insert(std::move(parts->path));
  for (const std::string& path : paths)
    batch_.changes.push_back({part.scope.id, path, crdt::show(before, path), crdt::show(*part.table, path)});
}

}  // namespace edgesync::store
