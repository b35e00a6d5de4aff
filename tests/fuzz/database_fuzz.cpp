// SPDX-License-Identifier: Apache-2.0
// A database file with bytes of the input written into it, opened, verified, read and synced: damage is told as an
// error or a finding, never by a crash, and nothing is written beside the file and its log.
#include "crdt/hlc.hpp"
#include "fuzz/world.hpp"
#include "stream/schema.hpp"

using namespace edgesync;
using fuzz::holds;

namespace {

constexpr std::array<const char*, 3> beside{"-wal", "-journal", "-shm"};

config::Release release() {
  config::Release release;
  const config::Content content{{"limits/rpm", std::int64_t{1480}}, {"name", std::string("gw-17")}};
  release.content = config::canonical(content);
  release.manifest.scope = "c";
  release.manifest.number = 1;
  release.manifest.id = sha256(release.content);
  return release;
}

/// A database that has something of everything.
sim::Image original() {
  fuzz::World world;
  auto store = world.open().value();
  const auto state = store->open_scope(Plane::state, "a").value();
  store->keep_history(state, 10);
  for (int i = 0; i < 6; ++i) {
    store->commit(state, Edit().set("k/" + std::to_string(i), i).add("n", i).insert("s", i).ops(), fuzz::at_ms(i))
        .value();
    if (i % 2 == 0) holds(!fuzz::flush(*store).error, "a flush");
  }
  store->commit(state, Edit().erase("k/1").erase_prefix("q").remove("s", 2).ops(), fuzz::at_ms(9)).value();
  store->note_acked(state, store->context(state), {});
  const auto versions = store->open_scope(Plane::config, "c").value();
  store->save_version(versions, release(), VersionRole::active);
  const auto stream = store->open_scope(Plane::stream, "t").value();
  store->define_stream(stream, {{{"x", ColumnType::f64}, {"s", ColumnType::text}}}, false).value();
  for (int i = 0; i < 5; ++i)
    store->append(stream, std::vector<Record>{{0, fuzz::at_ms(i), {1.5 * i, std::string("run")}}}).value();
  holds(!fuzz::flush(*store).error, "a flush");
  store.reset();
  return world.disk().open(fuzz::database, false, true)->current;
}

/// Writes runs of the input to where it says.
void damage(sim::Image& file, fuzz::Input& in) {
  while (in.more()) {
    const std::size_t at = (in.u16() << 8 | in.u8()) % file.size();
    const ByteView patch = in.chunk();
    file.write(at, patch.first(std::min(patch.size(), file.size() - at)));
  }
}

template <class T>
void told(const Result<T>& result) {
  if (!result) fuzz::is_told(result.error());
}

void read_all(store::Store& store, const store::Scope& scope) {
  store.context(scope.id);
  if (scope.plane == Plane::stream) {
    for (const store::StreamState& origin : store.stream(scope.id))
      told(store.segments(scope.id, origin.origin, 0, 1 << 20));
    return;
  }
  told(store.read(scope.id, [](crdt::CellSource& cells) {
    crdt::show_all(cells, {}, [](const crdt::Shown& shown) { return !to_json(shown.value).empty(); });
  }));
  told(store.journal(scope.id, 100));
  told(store.pending(scope.id));
  told(store.delta(scope.id, {}));
  const auto versions = store.versions(scope.id);
  told(versions);
  if (!versions) return;
  for (const store::VersionRow& row : *versions)
    told(store.release(scope.id, {row.manifest.number, row.manifest.info().id}));
}

/// What the first link does: something comes, something is written, something is told.
void sync_all(store::Store& store, const store::Scope& scope) {
  if (scope.plane != Plane::state) return;
  crdt::Delta delta;
  delta.upto.advance({{{std::byte{9}}}, crdt::Hlc::at(fuzz::at_ms(20))});
  delta.keys.push_back({to_bytes("k\x01"
                                 "7"),
                        {{{{{{std::byte{9}}}, delta.upto.items()[0].stamp}, 0, {}}, false}}});
  store::RemoteCut cut;
  cut.deltas.push_back({scope.id, std::move(delta), {}});
  store.apply(std::move(cut));
  told(store.commit(scope.id, Edit().set("k/8", 8).add("n", 1).erase_prefix("k/2").ops(), fuzz::at_ms(30)));
}

void use(store::Store& store) {
  told(store.verify());
  for (const store::Scope& scope : store.scopes()) read_all(store, scope);
  for (const store::Scope& scope : store.scopes()) sync_all(store, scope);
  const store::Flushed flushed = fuzz::flush(store);
  if (flushed.error) fuzz::is_told(*flushed.error);
  told(store.compact(0));
  told(store.verify());
}

std::uint64_t size_of(sim::Disk& disk, const std::string& name) {
  const auto file = disk.open(name, false, false);
  return file == nullptr ? 0 : file->current.size();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const sim::Image sound = original();
  fuzz::Input in(data, size);
  fuzz::World world;
  const auto file = world.disk().open(fuzz::database, true, true);
  file->current = sound;
  damage(file->current, in);
  file->durable = file->current;
  for (int times = 0; times < 2; ++times) {
    auto store = world.open();
    if (!store) fuzz::is_told(store.error());
    if (store) use(**store);
  }
  std::uint64_t used = size_of(world.disk(), fuzz::database);
  for (const char* name : beside) used += size_of(world.disk(), std::string(fuzz::database) + name);
  holds(world.disk().used() == used, "nothing is written beside the file and its log");
  return 0;
}
