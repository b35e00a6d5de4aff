// SPDX-License-Identifier: Apache-2.0
// Any deltas as one cut from a peer, into a store that holds cells and has writes of its own under way: the cut is
// applied whole and as the reference in memory does it, or leaves nothing behind; the file stays sound, its journal
// tells what changed, and it reads the same when it is opened again.
#include "crdt/memory_table.hpp"
#include "fuzz/world.hpp"
#include "sync/inbox.hpp"

using namespace edgesync;
using fuzz::holds;

namespace {

using Ids = std::array<store::ScopeId, 2>;

/// Both scopes, with removals, a counter, a set and siblings of another replica.
Ids populate(store::Store& store) {
  const Ids ids{store.open_scope(Plane::state, "a").value(), store.open_scope(Plane::state, "b").value()};
  for (const store::ScopeId id : ids) {
    store.watch(id, true);
    store.keep_history(id, 10);
    Edit first, second;
    first.set("x", 1).set("x/y", "text").add("n", 5).insert("s", 1).insert("s", "m");
    second.erase("x/y").remove("s", 1).set("z", 2.5).erase_prefix("q");
    store.commit(id, first.ops(), fuzz::at_ms(1)).value();
    fuzz::flush(store);
    store.commit(id, second.ops(), fuzz::at_ms(2)).value();
    fuzz::flush(store);
  }
  return ids;
}

/// What a peer would send to join `messages`, by scope.
std::optional<std::map<store::ScopeId, crdt::Delta>> collect(std::vector<wire::Message>&& messages, const Ids& ids) {
  const sync::Limits limits;
  sync::MemoryBudget budget{limits.incoming_bytes, 0};
  sync::Inbox inbox(limits, budget);
  std::uint64_t cut = 0;
  std::uint32_t scopes = 0;
  for (wire::Message& message : messages) {
    auto* part = std::get_if<wire::DeltaPart>(&message);
    if (part == nullptr) continue;
    cut = part->cut;
    part->channel &= 1;
    scopes += part->first;
    if (!inbox.add(std::move(*part), 1)) return std::nullopt;
  }
  auto taken = inbox.take({cut, scopes});
  if (!taken) return std::nullopt;
  std::map<store::ScopeId, crdt::Delta> deltas;
  for (auto& [channel, delta] : taken->deltas) deltas.emplace(ids[channel], std::move(delta));
  return deltas;
}

struct Expected {
  fuzz::Cells cells{};
  crdt::Context context{};
};

Expected now(store::Store& store, store::ScopeId id) { return {fuzz::cells_of(store, id), store.context(id)}; }

Expected joined(const Expected& before, const crdt::Delta& delta, const Hash128& key) {
  crdt::MemoryTable table(key);
  for (const auto& [name, cell] : before.cells) table.replace(name, {}, cell);
  table.advance(before.context);
  crdt::apply_delta(table, delta);
  Expected after{{}, table.context()};
  table.scan({},
             [&](ByteView name, const crdt::Cell& cell) { return after.cells.emplace(to_bytes(name), cell).second; });
  return after;
}

void agrees(store::Store& store, store::ScopeId id, const Expected& expected) {
  holds(store.context(id) == expected.context, "the context is as expected");
  holds(fuzz::cells_of(store, id) == expected.cells, "so are the cells");
}

std::optional<Value> shown(store::Store& store, store::ScopeId id, const std::string& path) {
  std::optional<Value> value;
  const auto read = store.read(id, [&](crdt::CellSource& cells) {
    if (const auto found = crdt::show(cells, path)) value = found->value;
  });
  holds(read.has_value(), "it can be read");
  return value;
}

void journal_tells(store::Store& store, store::ScopeId id) {
  const auto journal = store.journal(id, 1);
  holds(journal.has_value(), "the journal can be read");
  if (journal->empty()) return;
  for (const store::PathChange& change : journal->front().changes) {
    const auto value = shown(store, id, change.path);
    holds(value.has_value() == change.after.has_value(), "the newest entry ends where the state is");
    if (value) holds(to_json(*value) == to_json(change.after->value), "with the same value");
  }
}

void apply(store::Store& store, const Ids& ids, std::map<store::ScopeId, crdt::Delta> deltas) {
  std::map<store::ScopeId, Expected> before, after;
  bool applicable = true;
  for (const store::ScopeId id : ids) before[id] = after[id] = now(store, id);
  store::RemoteCut cut;
  for (auto& [id, delta] : deltas) {
    applicable = applicable && crdt::applicable(delta, before[id].context);
    if (applicable) after[id] = joined(before[id], delta, store.fingerprint_key(id));
    cut.deltas.push_back({id, std::move(delta), {}});
  }
  store.apply(std::move(cut));
  const store::Flushed flushed = fuzz::flush(store);
  holds(!flushed.error && flushed.outcomes.size() == 1, "what a peer sends fails no batch");
  const store::Outcome& outcome = flushed.outcomes.front();
  if (outcome.error) fuzz::is_told(*outcome.error);
  holds(!outcome.applied || applicable, "a delta is applied only to what covers its base");
  for (const store::ScopeId id : ids) {
    agrees(store, id, outcome.applied ? after[id] : before[id]);
    journal_tells(store, id);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input in(data, size);
  const bool pending = (in.u8() & 1) != 0;
  wire::Codec codec;
  auto messages = codec.decode(in.rest());
  if (!messages) return 0;
  auto parsed = collect(*std::move(messages), {store::ScopeId{1}, store::ScopeId{2}});
  if (!parsed) return 0;  // before anything expensive
  fuzz::World world;
  auto store = world.open().value();
  const Ids ids = populate(*store);
  apply(*store, ids, *std::move(parsed));
  if (pending) store->commit(ids[0], Edit().set("x", 9).add("n", 1).ops(), fuzz::at_ms(3)).value();
  if (pending) holds(!fuzz::flush(*store).error, "and its own writes go on");
  fuzz::is_sound(*store);
  std::array<Expected, 2> last{now(*store, ids[0]), now(*store, ids[1])};
  store.reset();
  store = world.open().value();
  for (std::size_t i = 0; i < ids.size(); ++i) agrees(*store, ids[i], last[i]);
  return 0;
}
