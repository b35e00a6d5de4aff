// SPDX-License-Identifier: Apache-2.0
#include "sim/checks.hpp"

#include "crdt/value_codec.hpp"
#include "sim/sim_node.hpp"

namespace edgesync::sim {
namespace {

std::string at(const store::Store& store, store::ScopeId scope) {
  return to_string(store.replica()).substr(0, 6) + " " + store.scope(scope).name + ": ";
}

bool is_register_or_member(ByteView key) {
  const auto parts = crdt::split(key);
  return parts && (parts->kind == static_cast<std::uint8_t>(crdt::Kind::value) ||
                   parts->kind == static_cast<std::uint8_t>(crdt::Kind::member));
}

Result<laws::Cells> all_cells(store::Store& store, store::ScopeId scope) {
  laws::Cells cells;
  const auto read = store.read(scope, [&](crdt::CellSource& source) {
    source.scan({}, [&](ByteView key, const crdt::Cell& cell) { return cells.emplace(to_bytes(key), cell).second; });
  });
  if (!read) return read.error();
  return cells;
}

Finding differing_cell(const laws::Cells& held, const laws::Cells& wanted) {
  const auto text = [](const laws::Cells& cells, const Bytes& key) {
    const auto found = cells.find(key);
    return found == cells.end() ? std::string("nothing") : laws::describe({*found});
  };
  for (const auto& [key, cell] : wanted)
    if (const auto found = held.find(key); found == held.end() || found->second != cell)
      return "wanted " + text(wanted, key) + ", held " + text(held, key);
  for (const auto& [key, cell] : held)
    if (!wanted.contains(key)) return "wanted nothing, held " + text(held, key);
  return std::nullopt;
}

/// Sequence to hash of what is stored of one origin; nothing if the file cannot be read or a segment is damaged.
std::optional<std::map<std::uint64_t, std::uint64_t>> stored_records(store::Store& store, store::ScopeId scope,
                                                                     const ReplicaId& origin) {
  std::map<std::uint64_t, std::uint64_t> records;
  std::uint64_t after = 0;
  while (true) {
    const auto segments = store.segments(scope, origin, after, 1 << 16);
    if (!segments) return std::nullopt;
    if (segments->empty()) return records;
    for (const store::StoredSegment& segment : *segments) {
      const auto decoded = stream::decode(segment.body);
      if (!decoded) return std::nullopt;
      for (const Record& record : *decoded)
        if (!records.emplace(record.sequence, record_hash(record.at, record.fields)).second) return std::nullopt;
      after = segment.first + segment.count - 1;
    }
  }
}

}  // namespace

std::string tag_key(std::size_t number) { return "tag/" + std::to_string(number); }

Finding whole_tags(store::Store& store) {
  const auto scope = store.find_scope(Plane::state, tags_scope);
  if (!scope) return std::nullopt;
  std::vector<std::string> seen;
  const auto read = store.read(*scope, [&](crdt::CellSource& cells) {
    for (std::size_t i = 0; i < tags; ++i)
      if (const auto shown = crdt::show(cells, tag_key(i))) seen.push_back(to_json(shown->value));
  });
  if (!read) return at(store, *scope) + "tags cannot be read: " + read.error().detail;
  if (seen.empty()) return std::nullopt;
  if (seen.size() != tags)
    return at(store, *scope) + std::to_string(seen.size()) + " of " + std::to_string(tags) + " tags";
  for (const std::string& value : seen)
    if (value != seen[0]) return at(store, *scope) + "tags " + seen[0] + " and " + value + " together";
  return std::nullopt;
}

Finding equals_truth(store::Store& store, store::ScopeId scope, const StateTruth& truth, const crdt::Context& context) {
  auto cells = all_cells(store, scope);
  if (!cells) return at(store, scope) + "cells cannot be read: " + cells.error().detail;
  std::erase_if(*cells, [](const auto& cell) { return !is_register_or_member(cell.first); });
  if (auto differs = differing_cell(*cells, truth.cells(context)))
    return at(store, scope) + *differs + " at " + context.to_string();
  Finding finding;
  const auto read = store.read(scope, [&](crdt::CellSource& source) {
    for (const auto& [path, sum] : truth.counters(context)) {
      const auto shown = crdt::show(source, path);
      const Value value = shown ? shown->value : Value(std::int64_t{0});
      if (value != Value(sum))
        finding = at(store, scope) + path + " is " + to_json(value) + " and not " + std::to_string(sum);
    }
  });
  if (!read) return at(store, scope) + "counters cannot be read: " + read.error().detail;
  return finding;
}

Finding records_match(store::Store& store, const Truth& truth, const std::vector<ReplicaId>& authors, bool is_root) {
  const auto scope = store.find_scope(Plane::stream, stream_scope);
  if (!scope) return std::nullopt;
  for (const ReplicaId& author : authors) {
    const std::uint64_t last = store.context(*scope)[author];
    std::uint64_t trimmed = 0;
    for (const store::StreamState& state : store.stream(*scope))
      if (state.origin == author) trimmed = state.trimmed;
    if (is_root && trimmed > 0) return at(store, *scope) + "the root trimmed records";
    const auto stored = stored_records(store, *scope, author);
    if (!stored) return at(store, *scope) + "records of " + to_string(author).substr(0, 6) + " cannot be read";
    const auto& wanted = truth.records(std::string(stream_scope), author);
    const auto gaps = store.gaps(*scope, author, 0, SIZE_MAX);
    if (!gaps) return at(store, *scope) + "gaps cannot be read";
    const auto dropped = [&](std::uint64_t sequence) {
      return std::any_of(gaps->begin(), gaps->end(),
                         [&](const Gap& gap) { return gap.first <= sequence && sequence <= gap.last; });
    };
    for (const auto& [sequence, hash] : *stored) {
      const auto found = wanted.find(sequence);
      if (found == wanted.end())
        return at(store, *scope) + "record " + std::to_string(sequence) + " was never appended";
      if (found->second != hash) return at(store, *scope) + "record " + std::to_string(sequence) + " is another";
    }
    for (const auto& [sequence, hash] : wanted)
      if (sequence > trimmed && sequence <= last && !stored->contains(sequence) && !dropped(sequence))
        return at(store, *scope) + "record " + std::to_string(sequence) + " is missing";
  }
  return std::nullopt;
}

Finding one_active_version(store::Store& store, const VersionInfo& reported) {
  const auto scope = store.find_scope(Plane::config, config_scope);
  if (!scope) return std::nullopt;
  const auto rows = store.versions(*scope);
  if (!rows) return at(store, *scope) + "versions cannot be read: " + rows.error().detail;
  std::size_t active = 0;
  for (const store::VersionRow& row : *rows) {
    if (row.role != VersionRole::active) continue;
    ++active;
    const VersionInfo info = row.manifest.info();
    if (info.number != reported.number || info.id != reported.id)
      return at(store, *scope) + "version " + std::to_string(info.number) + " is active on disk, " +
             std::to_string(reported.number) + " is reported";
    const auto release = store.release(*scope, {info.number, info.id});
    if (!release || !config::verify(*release)) return at(store, *scope) + "the active version does not verify";
  }
  if (active > 1 || (active == 0 && reported.number != 0))
    return at(store, *scope) + std::to_string(active) + " active versions, " + std::to_string(reported.number) +
           " reported";
  return std::nullopt;
}

Finding same_content(store::Store& a, store::Store& b, bool same_records) {
  for (const store::Scope& scope : a.scopes()) {
    const auto other = b.find_scope(scope.plane, scope.name);
    if (!other) continue;
    const std::string where = at(a, scope.id) + "and " + to_string(b.replica()).substr(0, 6) + ": ";
    const bool level = a.context(scope.id) == b.context(*other);
    if (!level && scope.plane == Plane::stream) continue;  // a node has its own records only
    if (!level) return where + "contexts " + a.context(scope.id).to_string() + " and " + b.context(*other).to_string();
    if (scope.plane == Plane::stream && !same_records) continue;
    // What was never told adds to the sum of one side alone; a relay forgets the gap, and not that there was one.
    const bool some =
        scope.plane == Plane::stream && (has_gaps(a, scope.id) || has_gaps(b, *other) || b.missing(*other).total() > 0);
    if (!(a.summary(scope.id) == b.summary(*other)) && !some) return where + "fingerprints differ";
    const bool shows_more = !a.stages(scope.id).empty() || !b.stages(*other).empty();  // by a preview
    if (scope.plane == Plane::stream || shows_more) continue;
    const auto mine = all_cells(a, scope.id), theirs = all_cells(b, *other);
    for (const auto* one : {&mine, &theirs})
      if (!*one) return where + "cannot be read: " + one->error().detail;
    if (auto differs = differing_cell(*mine, *theirs)) return where + *differs;
  }
  return std::nullopt;
}

Finding sound(store::Store& store) {
  const auto findings = store.verify();
  if (!findings) return "verify: " + findings.error().detail;
  return findings->empty() ? Finding() : Finding(findings->front());
}

}  // namespace edgesync::sim
