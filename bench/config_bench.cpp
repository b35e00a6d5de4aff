// SPDX-License-Identifier: Apache-2.0
// Config versions: what a node does between the last byte of a version and its being in use, and a local rollback to
// any kept version, each with a config of 5,000 keys and every step durable. "raw" is SQLite doing the least that the
// same promise takes: as many commits, of the content once and of one small row each, synchronous=FULL. `p99_ms` is
// what counts; fsync times wander, so compare with the raw row of the same run.
#include "directory.hpp"
#include "sync/config_plane.hpp"

#include <benchmark/benchmark.h>
#include <sqlite3.h>

#include <algorithm>
#include <cstdlib>

namespace edgesync::sync {
namespace {

constexpr int key_count = 5000;
constexpr std::uint64_t version_count = 100;

using Clock = std::chrono::steady_clock;

class Times {
 public:
  template <class Work>
  void take(benchmark::State& state, Work work) {
    const auto start = Clock::now();
    work();
    const std::chrono::duration<double> time = Clock::now() - start;
    state.SetIterationTime(time.count());
    all_.push_back(time.count() * 1e3);
  }
  void report(benchmark::State& state) {
    std::sort(all_.begin(), all_.end());
    state.counters["p50_ms"] = all_[all_.size() / 2];
    state.counters["p99_ms"] = all_[all_.size() * 99 / 100];
  }

 private:
  std::vector<double> all_{};
};

/// 5,000 keys of about 50 bytes with their values, of which each version changes one.
class Versions {
 public:
  Versions() {
    for (int i = 0; i < key_count; ++i) content_[key(i)] = text();
  }
  config::Release next() {
    content_[key(static_cast<int>(random_.below(key_count)))] = text();
    config::Release release;
    release.content = config::canonical(content_);
    release.manifest = {.scope = "plant", .number = ++number_, .id = sha256(release.content)};
    return release;
  }

 private:
  static std::string key(int i) { return "line-" + std::to_string(i % 50) + "/pump-" + std::to_string(i) + "/limit"; }
  std::string text() { return to_hex(as_view(std::to_string(random_.next()))).substr(0, 24); }

  Xoshiro random_{1};
  config::Content content_{};
  std::uint64_t number_ = 0;
};

class Device {
 public:
  explicit Device(const std::string& path) {
    store::Options options;
    options.path = path;
    store_ = store::Store::open(std::move(options), random_, {}).value();
    plane_ = std::make_unique<ConfigPlane>(*store_, config::Rules{}, config::Gate({}, nullptr, "0.1.0"));
    scope_ = store_->open_scope(Plane::config, "plant").value();
    plane_->open(scope_).value();
  }
  /// The version is here; until it is in use.
  void activate(const Bytes& release) {
    store_->commit(scope_, Edit().set(release_key, release).ops(), {}).value();
    work();
  }
  void rollback(std::uint64_t number) {
    plane_->rollback(scope_, number, {}).value();
    work();
    if (plane_->active_content(scope_)->size() != key_count) std::abort();
  }
  VersionInfo active() const { return plane_->active(scope_); }
  double bytes() { return static_cast<double>(store_->versions_bytes(scope_).value()); }

 private:
  void work() {
    while (store_->accepted() > store_->durable()) {
      auto batch = store_->begin_flush();
      store_->write(*batch);
      plane_->flushed(store_->finish(std::move(batch)));
      for (const ConfigPlane::Action& action : plane_->take_actions())
        if (action.kind == config::Action::Kind::ask)
          plane_->verdict(scope_, action.release.manifest.info(), Verdict::healthy, {}).value();
    }
  }

  Xoshiro random_{2};
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<ConfigPlane> plane_;
  store::ScopeId scope_{};
};

void Activation(benchmark::State& state) {
  const Dir dir;
  Device device(dir.file());
  Versions versions;
  Times times;
  for (auto _ : state) {
    const config::Release release = versions.next();
    const Bytes bytes = release.encode();
    times.take(state, [&] { device.activate(bytes); });
    if (device.active().number != release.manifest.number) std::abort();
  }
  times.report(state);
}
BENCHMARK(Activation)->UseManualTime()->Iterations(300);

void Rollback(benchmark::State& state) {
  const Dir dir;
  Device device(dir.file());
  Versions versions;
  for (std::uint64_t i = 0; i < version_count; ++i) device.activate(versions.next().encode());
  Xoshiro random(3);
  Times times;
  for (auto _ : state) {
    std::uint64_t to = 1 + random.below(version_count);
    if (to == device.active().number) to = to % version_count + 1;
    times.take(state, [&] { device.rollback(to); });
    if (device.active().number != to) std::abort();
  }
  times.report(state);
  state.counters["journal_bytes"] = device.bytes();
}
BENCHMARK(Rollback)->UseManualTime()->Iterations(500);

void must(int code) {
  if (code != SQLITE_OK && code != SQLITE_DONE && code != SQLITE_ROW) std::abort();
}

class Raw {
 public:
  explicit Raw(const std::string& path) {
    must(sqlite3_open(path.c_str(), &db_));
    run("PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
        "CREATE TABLE t (k INTEGER PRIMARY KEY, v BLOB NOT NULL)");
    must(sqlite3_prepare_v2(db_, "REPLACE INTO t VALUES (?1, ?2)", -1, &put_, nullptr));
    must(sqlite3_prepare_v2(db_, "SELECT v FROM t WHERE k = ?1", -1, &get_, nullptr));
  }
  ~Raw() {
    sqlite3_finalize(put_);
    sqlite3_finalize(get_);
    sqlite3_close(db_);
  }
  Raw(const Raw&) = delete;
  Raw& operator=(const Raw&) = delete;

  /// One durable commit.
  void put(std::int64_t key, const Bytes& value) {
    sqlite3_bind_int64(put_, 1, key);
    must(sqlite3_bind_blob(put_, 2, value.data(), static_cast<int>(value.size()), SQLITE_STATIC));
    must(sqlite3_step(put_));
    sqlite3_reset(put_);
  }
  int get(std::int64_t key) {
    sqlite3_bind_int64(get_, 1, key);
    must(sqlite3_step(get_));
    benchmark::DoNotOptimize(sqlite3_column_blob(get_, 0));
    const int size = sqlite3_column_bytes(get_, 0);
    sqlite3_reset(get_);
    return size;
  }

 private:
  void run(const char* sql) { must(sqlite3_exec(db_, sql, nullptr, nullptr, nullptr)); }

  sqlite3* db_ = nullptr;
  sqlite3_stmt *put_ = nullptr, *get_ = nullptr;
};

/// It arrives, it is staged, it is active.
void RawActivation(benchmark::State& state) {
  const Dir dir;
  Raw raw(dir.file());
  Versions versions;
  Times times;
  for (auto _ : state) {
    const Bytes bytes = versions.next().encode();
    times.take(state, [&] { raw.put(1, bytes), raw.put(2, {16, std::byte{1}}), raw.put(2, {16, std::byte{2}}); });
  }
  times.report(state);
}
BENCHMARK(RawActivation)->UseManualTime()->Iterations(300);

/// One role changes, one content is read.
void RawRollback(benchmark::State& state) {
  const Dir dir;
  Raw raw(dir.file());
  Versions versions;
  for (std::int64_t i = 1; i <= 100; ++i) raw.put(i, versions.next().encode());
  Xoshiro random(3);
  Times times;
  for (auto _ : state)
    times.take(state, [&] {
      raw.put(1000, {16, static_cast<std::byte>(random.below(256))});
      if (raw.get(static_cast<std::int64_t>(1 + random.below(version_count))) == 0) std::abort();
    });
  times.report(state);
}
BENCHMARK(RawRollback)->UseManualTime()->Iterations(500);

}  // namespace
}  // namespace edgesync::sync

BENCHMARK_MAIN();
