// SPDX-License-Identifier: Apache-2.0
#include "sim/machine.hpp"

#include "crdt/value_codec.hpp"

namespace edgesync::sim {
namespace {

constexpr std::string_view state_scope = "shared", stream_scope = "telemetry";

}  // namespace

void Machine::open(std::uint64_t seed, Now now) {
  close();
  random_ = Xoshiro(seed);
  store::Options options;
  options.path = "node.db";
  options.vfs = vfs_->name();
  options.boot = 1;  // its clock never stops, whatever becomes of the machine
  options.since_boot = now.monotonic;
  options.environment = [this] { return Environment{{"board", std::to_string(place)}}; };
  store = store::Store::open(std::move(options), random_, now.wall).value();
  sync::EngineOptions engine_options;
  engine_options.name = hub ? "hub" : "node";
  engine_options.root = hub;
  engine_options.limits.forks = 1'000;  // there are more copies than in any life
  if (chunks && random_.one_in(2)) {
    engine_options.limits.part_bytes = 200;
    engine_options.limits.cut_bytes = 150;
    engine_options.limits.chunk_bytes = 100;
    engine_options.limits.chunk_window = 1;
  }
  engine_options.authorizer.connect = [](const Credentials&) { return true; };
  engine_options.authorizer.scope = [](const Credentials&, Plane, std::string_view) { return Access::read_write; };
  engine = std::make_unique<sync::Engine>(*store, random_, std::move(engine_options));
  for (const store::Scope& scope : store->scopes()) engine->scope_opened(scope.id).value();
  const auto provide = [&](Plane plane, std::string_view name) {
    if (!store->find_scope(plane, name)) engine->scope_opened(store->open_scope(plane, name).value()).value();
  };
  provide(Plane::state, state_scope);
  provide(Plane::stream, stream_scope);
  if (!hub)
    store->define_stream(*store->find_scope(Plane::stream, stream_scope), {{{"n", ColumnType::i64}}}, false).value();
}

void Machine::close() {
  link.reset();
  peer.reset();
  engine.reset();
  store.reset();
}

bool Machine::commit() {
  if (!commits_now()) return false;
  // A large cut has a group commit to itself.
  for (const store::Ticket all = store->accepted(); store->durable() < all;) {
    auto batch = store->begin_flush();
    store->write(*batch);
    engine->flushed(store->finish(std::move(batch)));
  }
  return true;
}

void Machine::write(const Edit& edit, Now now) {
  store->commit(*store->find_scope(Plane::state, state_scope), edit.ops(), engine->time(now)).value();
}

void Machine::append(std::int64_t number, Now now) {
  const Record row{0, now.wall, {number}};
  store->append(*store->find_scope(Plane::stream, stream_scope), {&row, 1}).value();
}

std::set<std::int64_t> Machine::values() {
  std::set<std::int64_t> found;
  const auto visit = [&](ByteView, const crdt::Cell& cell) {
    for (const crdt::Entry& entry : cell) {
      const auto value = crdt::decode_value(entry.value);
      if (const auto* number = value ? std::get_if<std::int64_t>(&*value) : nullptr) found.insert(*number);
    }
    return true;
  };
  store->read(*store->find_scope(Plane::state, state_scope), [&](crdt::CellSource& cells) { cells.scan({}, visit); })
      .value();
  return found;
}

std::set<std::int64_t> Machine::held() {
  std::set<std::int64_t> found = values();
  for (const auto& [value, record] : records())
    if (hub || !may_forget(record)) found.insert(value);
  return found;
}

std::map<std::int64_t, crdt::Dot> Machine::records() {
  std::map<std::int64_t, crdt::Dot> found;
  const store::ScopeId scope = *store->find_scope(Plane::stream, stream_scope);
  for (const store::StreamState& state : store->stream(scope))
    for (const store::StoredSegment& segment : store->segments(scope, state.origin, 0, 1 << 20).value())
      for (const Record& record : stream::decode(segment.body).value())
        found[std::get<std::int64_t>(record.fields[0])] = {state.origin, record.sequence};
  return found;
}

bool Machine::may_forget(const crdt::Dot& record) const {
  return store->stable(*store->find_scope(Plane::stream, stream_scope))[record.replica] >= record.stamp;
}

}  // namespace edgesync::sim
