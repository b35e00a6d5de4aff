// SPDX-License-Identifier: Apache-2.0
// Commits: the store against SQLite doing the same work with the same pragmas. "raw" is one REPLACE per key into a
// table of keys and values, one transaction per iteration, synchronous=FULL. Keys are 24 to 30 bytes out of 10,000,
// values 16 bytes. Run with --benchmark_repetitions and compare medians: fsync times wander.
#include "directory.hpp"
#include "store/store.hpp"

#include <benchmark/benchmark.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace edgesync::store {
namespace {

constexpr std::uint64_t key_count = 10'000;

std::string key_of(std::uint64_t number) {
  return "line-" + std::to_string(number % 7) + "/pump/speed/" + std::to_string(number);
}

std::string value_of(std::uint64_t number) { return (std::to_string(number) + "................").substr(0, 16); }

Timestamp now() { return std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now()); }

std::unique_ptr<Store> open_store(const std::string& path) {
  Xoshiro random(1);
  Options options;
  options.path = path;
  return Store::open(std::move(options), random, now()).value();
}

void flush(Store& store) {
  auto batch = store.begin_flush();
  store.write(*batch);
  if (store.finish(std::move(batch)).error) std::abort();
}

Edit edit_of(Random& random, std::int64_t keys) {
  Edit edit;
  for (std::int64_t i = 0; i < keys; ++i) {
    const std::uint64_t number = random.below(key_count);
    edit.set(key_of(number), value_of(random.next()));
  }
  return edit;
}

void DurableCommits(benchmark::State& state) {
  const Dir dir;
  auto store = open_store(dir.file());
  const ScopeId id = store->open_scope(Plane::state, "bench").value();
  Xoshiro random(2);
  for (auto _ : state) {
    store->commit(id, edit_of(random, state.range(0)).ops(), now()).value();
    flush(*store);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(DurableCommits)->Arg(1)->Arg(100)->UseRealTime();

void must(int code) {
  if (code != SQLITE_OK) std::abort();
}

sqlite3_stmt* prepare(sqlite3* db, const char* sql) {
  sqlite3_stmt* statement = nullptr;
  must(sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr));
  return statement;
}

/// SQLite says nothing about a pragma that it does not know, and would commit with another durability.
void must_be_durable(sqlite3* db) {
  sqlite3_stmt* asked = prepare(db,
                                "SELECT (SELECT synchronous FROM pragma_synchronous) = 2"
                                " AND (SELECT journal_mode FROM pragma_journal_mode) = 'wal'");
  if (sqlite3_step(asked) != SQLITE_ROW || sqlite3_column_int(asked, 0) != 1) std::abort();
  sqlite3_finalize(asked);
}

sqlite3* open_raw(const std::string& path) {
  sqlite3* db = nullptr;
  must(sqlite3_open(path.c_str(), &db));
  must(sqlite3_exec(db,
                    "PRAGMA locking_mode=EXCLUSIVE; PRAGMA cell_size_check=ON; PRAGMA mmap_size=0;"
                    "PRAGMA temp_store=MEMORY; PRAGMA secure_delete=FAST; PRAGMA journal_mode=WAL;"
                    "PRAGMA synchronous=FULL; PRAGMA cache_size=-1024; PRAGMA wal_autocheckpoint=1000;"
                    "CREATE TABLE t (k BLOB PRIMARY KEY, v BLOB) WITHOUT ROWID",
                    nullptr, nullptr, nullptr));
  must_be_durable(db);
  return db;
}

void RawCommits(benchmark::State& state) {
  const Dir dir;
  sqlite3* db = open_raw(dir.file());
  sqlite3_stmt* begin = prepare(db, "BEGIN IMMEDIATE");
  sqlite3_stmt* put = prepare(db, "REPLACE INTO t VALUES (?1, ?2)");
  sqlite3_stmt* commit = prepare(db, "COMMIT");
  const auto run = [](sqlite3_stmt* statement) {
    if (sqlite3_step(statement) != SQLITE_DONE) std::abort();
    sqlite3_reset(statement);
  };
  Xoshiro random(2);
  for (auto _ : state) {
    const Edit edit = edit_of(random, state.range(0));
    run(begin);
    for (const Edit::Op& op : edit.ops()) {
      const auto& value = std::get<std::string>(op.value);
      sqlite3_bind_blob(put, 1, op.key.data(), static_cast<int>(op.key.size()), SQLITE_STATIC);
      sqlite3_bind_blob(put, 2, value.data(), static_cast<int>(value.size()), SQLITE_STATIC);
      run(put);
    }
    run(commit);
  }
  for (sqlite3_stmt* statement : {begin, put, commit}) sqlite3_finalize(statement);
  sqlite3_close(db);
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(RawCommits)->Arg(1)->Arg(100)->UseRealTime();

/// Commits acknowledged from memory; the flushes that the memtable's bound asks for run in between, untimed, as they
/// would on their own thread.
void FastCommits(benchmark::State& state) {
  const Dir dir;
  auto store = open_store(dir.file());
  const ScopeId id = store->open_scope(Plane::state, "bench").value();
  Xoshiro random(2);
  std::vector<Edit> edits;
  for (int i = 0; i < 4096; ++i) edits.push_back(edit_of(random, 1));
  std::size_t next = 0;
  const Timestamp wall = now();
  for (auto _ : state) {
    benchmark::DoNotOptimize(store->commit(id, edits[next++ % edits.size()].ops(), wall).value());
    if (!store->wants_flush()) continue;
    state.PauseTiming();
    flush(*store);
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(FastCommits);

/// One iteration: 10,000 new cells planned, flushed, shipped as one delta and applied by another store.
void ShipTenThousandCells(benchmark::State& state) {
  for (auto _ : state) {
    state.PauseTiming();
    const Dir here, there;
    auto from = open_store(here.file()), to = open_store(there.file());
    const ScopeId a = from->open_scope(Plane::state, "bench").value(),
                  b = to->open_scope(Plane::state, "bench").value();
    state.ResumeTiming();
    for (std::uint64_t i = 0; i < key_count; ++i)
      from->commit(a, Edit().set(key_of(i), value_of(i)).ops(), now()).value();
    flush(*from);
    RemoteCut cut;
    cut.deltas.push_back({b, from->delta(a, to->context(b)).value(), {}});
    to->apply(std::move(cut));
    flush(*to);
    if (to->summary(b) != from->summary(a)) std::abort();
    state.PauseTiming();
    from.reset(), to.reset();
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(key_count));
}
BENCHMARK(ShipTenThousandCells)->UseRealTime()->Unit(benchmark::kMillisecond);

double resident_mb() {
  std::ifstream statm("/proc/self/statm");
  long total = 0, resident = 0;
  statm >> total >> resident;
  return static_cast<double>(resident) * static_cast<double>(::sysconf(_SC_PAGESIZE)) / 1e6;
}

void fill(const std::string& path, std::uint64_t cells) {
  auto store = open_store(path);
  const ScopeId id = store->open_scope(Plane::state, "bench").value();
  for (std::uint64_t i = 0; i < cells; ++i) {
    store->commit(id, Edit().set(key_of(i), std::string(100, 'v')).ops(), now()).value();
    if (store->wants_flush()) flush(*store);
  }
  flush(*store);
}

/// Runs `work` in a process of its own, whose heap does not stay in this one.
template <class Work>
void elsewhere(Work work) {
  const pid_t child = ::fork();
  if (child == 0) {
    work();
    ::_exit(0);
  }
  int status = -1;
  if (::waitpid(child, &status, 0) != child || status != 0) std::abort();
}

/// A cold open of a file with 100,000 cells of 100 bytes, and one read. Reports the file and the resident size; run it
/// alone (--benchmark_filter=ColdOpen) for the latter.
void ColdOpen(benchmark::State& state) {
  const Dir dir;
  elsewhere([&] { fill(dir.file(), 100'000); });
  double resident = 0;
  for (auto _ : state) {
    auto store = open_store(dir.file());
    store
        ->read(store->find_scope(Plane::state, "bench").value(),
               [](crdt::CellSource& source) { benchmark::DoNotOptimize(crdt::show(source, key_of(77))); })
        .value();
    resident = resident_mb();
  }
  state.counters["file_MB"] = static_cast<double>(std::filesystem::file_size(dir.file())) / 1e6;
  state.counters["resident_MB"] = resident;
}
BENCHMARK(ColdOpen)->UseRealTime()->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace edgesync::store

BENCHMARK_MAIN();
