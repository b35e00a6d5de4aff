// SPDX-License-Identifier: Apache-2.0
// Ingest: what a hub takes from many devices, each with a scope of its own: frames decoded, admitted, merged, made
// durable in group commits and acknowledged; no sockets and no TLS. A round is a cut of some keys from each of 100
// devices. With one thread the hub receives a round, commits it, and answers; with two it receives the next round while
// a thread writes the one before, as Hub does. "raw" is SQLite doing the least that the same promise takes: a REPLACE
// per key, a transaction per round, synchronous=FULL, in one thread. Keys per second are what counts.
#include "crdt/key.hpp"
#include "crdt/value_codec.hpp"
#include "directory.hpp"
#include "sync/engine.hpp"

#include <benchmark/benchmark.h>
#include <sqlite3.h>

#include <cstdlib>
#include <semaphore>
#include <thread>

namespace edgesync::sync {
namespace {

constexpr std::size_t devices = 100;
constexpr std::int64_t keys_of_device = 200;
constexpr crdt::Stamp first_stamp = crdt::Stamp{200'000'000'000} << 20;  // in 2026

Now now() {
  const auto wall = std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now());
  const auto monotonic = std::chrono::steady_clock::now().time_since_epoch();
  return {Instant(std::chrono::duration_cast<Instant::duration>(monotonic)), wall};
}

std::string key_of(std::uint64_t number) { return "line/pump/" + std::to_string(number) + "/speed"; }

/// What a device says, without a device.
class Device {
 public:
  explicit Device(std::uint64_t number) : random_(number + 1), name_("twin/" + std::to_string(number)) {
    for (auto& byte : self_.bytes) byte = static_cast<std::byte>(random_.below(256));
  }
  Bytes greeting(wire::Codec& codec) {
    wire::Hello hello;
    hello.replica = self_;
    hello.name = name_;
    return encode(codec, {std::move(hello), wire::Subscribe{1, Plane::state, name_, {}, crdt::Summary::unknown(), {}}});
  }
  /// The next cut, of so many keys.
  Bytes cut(wire::Codec& codec, std::int64_t keys) {
    wire::DeltaPart part{++cuts_, 1, true, {}};
    part.delta.base = had_;
    part.delta.summary = crdt::Summary::unknown();
    std::map<Bytes, crdt::KeyState, BytesLess> states;
    while (states.size() < static_cast<std::size_t>(keys)) {
      Bytes key = crdt::cell_key(key_of(random_.below(keys_of_device)), crdt::Kind::value);
      crdt::Entry entry{{self_, ++stamp_}, 0, crdt::encode_value(static_cast<double>(random_.below(100'000)) / 16)};
      states[key] = {key, {{std::move(entry), false}}};
    }
    for (auto& [key, state] : states) part.delta.keys.push_back(std::move(state));
    had_.advance({self_, stamp_});
    part.delta.upto = had_;
    return encode(codec, {std::move(part), wire::Cut{cuts_, 1}});
  }

 private:
  static Bytes encode(wire::Codec& codec, std::vector<wire::Message> messages) { return codec.encode(messages); }

  Xoshiro random_;
  std::string name_;
  ReplicaId self_{};
  crdt::Context had_{};
  crdt::Stamp stamp_ = first_stamp;
  std::uint64_t cuts_ = 0;
};

class HubSide {
 public:
  explicit HubSide(const std::string& path) {
    store::Options options;
    options.path = path;
    store_ = store::Store::open(std::move(options), random_, now().wall).value();
    EngineOptions engine;
    engine.name = "hub";
    engine.root = true;
    engine.authorizer.connect = [](const Credentials&) { return true; };
    engine.authorizer.scope = [](const Credentials&, Plane, std::string_view) { return Access::read_write; };
    engine_ = std::make_unique<Engine>(*store_, random_, std::move(engine));
    for (std::size_t i = 0; i < devices; ++i) {
      devices_.emplace_back(i);
      links_.push_back(engine_->open_link(Role::hub, {}, now()));
      engine_->received(links_[i], devices_[i].greeting(codec_), now());
    }
    answer();
    while (store_->accepted() > store_->durable()) commit();
    answer();
  }

  /// Frames that will be received; made beforehand.
  std::vector<Bytes> round(std::int64_t keys) {
    std::vector<Bytes> frames;
    for (Device& device : devices_) frames.push_back(device.cut(codec_, keys));
    return frames;
  }
  void receive(const std::vector<Bytes>& frames) {
    for (std::size_t i = 0; i < devices; ++i) engine_->received(links_[i], frames[i], now());
  }
  std::unique_ptr<store::Batch> begin() { return store_->begin_flush(); }
  void write(store::Batch& batch) { store_->write(batch); }
  void finish(std::unique_ptr<store::Batch> batch) {
    engine_->flushed(store_->finish(std::move(batch)));
    answer();
  }
  void commit() {
    auto batch = begin();
    write(*batch);
    finish(std::move(batch));
  }
  std::uint64_t applied() { return engine_->metrics().cuts_applied; }

 private:
  void answer() {
    for (const LinkId link : links_)
      while (engine_->next_frame(link, now())) {
      }
    for (const LinkId link : links_)
      if (engine_->ending(link)) std::abort();
  }

  Xoshiro random_{1};
  wire::Codec codec_{Limits{}.wire};
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<Engine> engine_;
  std::vector<Device> devices_{};
  std::vector<LinkId> links_{};
};

/// A thread that writes one batch at a time.
class Writer {
 public:
  explicit Writer(HubSide& hub)
      : thread_([this, &hub] {
          for (given_.acquire(); batch_ != nullptr; given_.acquire()) hub.write(*batch_), done_.release();
        }) {}
  ~Writer() { begin(nullptr); }
  void begin(store::Batch* batch) { batch_ = batch, given_.release(); }
  void await() { done_.acquire(); }

 private:
  store::Batch* batch_ = nullptr;
  std::binary_semaphore given_{0}, done_{0};
  std::jthread thread_;
};

void count(benchmark::State& state) {
  const auto keys = static_cast<double>(state.iterations()) * devices * static_cast<double>(state.range(0));
  state.counters["keys"] = benchmark::Counter(keys, benchmark::Counter::kIsRate);
  state.counters["cuts"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * devices, benchmark::Counter::kIsRate);
}

void OneThread(benchmark::State& state) {
  const Dir dir;
  HubSide hub(dir.file());
  for (auto _ : state) {
    state.PauseTiming();
    const auto frames = hub.round(state.range(0));
    state.ResumeTiming();
    hub.receive(frames);
    hub.commit();
  }
  if (hub.applied() != state.iterations() * devices) std::abort();
  count(state);
}

void TwoThreads(benchmark::State& state) {
  const Dir dir;
  HubSide hub(dir.file());
  Writer writer(hub);
  hub.receive(hub.round(state.range(0)));
  for (auto _ : state) {
    state.PauseTiming();
    const auto frames = hub.round(state.range(0));
    state.ResumeTiming();
    auto batch = hub.begin();
    writer.begin(batch.get());
    hub.receive(frames);
    writer.await();
    hub.finish(std::move(batch));
  }
  count(state);
}

void must(int code) {
  if (code != SQLITE_OK && code != SQLITE_DONE && code != SQLITE_ROW) std::abort();
}

void Raw(benchmark::State& state) {
  const Dir dir;
  sqlite3* db = nullptr;
  sqlite3_stmt* put = nullptr;
  must(sqlite3_open(dir.file().c_str(), &db));
  const auto run = [db](const char* sql) { must(sqlite3_exec(db, sql, nullptr, nullptr, nullptr)); };
  run("PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
      "CREATE TABLE t (device INTEGER, k TEXT, v REAL NOT NULL, PRIMARY KEY (device, k)) WITHOUT ROWID");
  must(sqlite3_prepare_v2(db, "REPLACE INTO t VALUES (?1, ?2, ?3)", -1, &put, nullptr));
  Xoshiro random(2);
  for (auto _ : state) {
    run("BEGIN");
    for (std::size_t device = 0; device < devices; ++device)
      for (std::int64_t i = 0; i < state.range(0); ++i) {
        const std::string key = key_of(random.below(keys_of_device));
        sqlite3_bind_int64(put, 1, static_cast<sqlite3_int64>(device));
        sqlite3_bind_text(put, 2, key.data(), static_cast<int>(key.size()), SQLITE_STATIC);
        sqlite3_bind_double(put, 3, static_cast<double>(random.below(100'000)) / 16);
        must(sqlite3_step(put));
        sqlite3_reset(put);
      }
    run("COMMIT");
  }
  sqlite3_finalize(put);
  sqlite3_close(db);
  count(state);
}

BENCHMARK(OneThread)->Arg(1)->Arg(10)->Arg(100)->UseRealTime();
BENCHMARK(TwoThreads)->Arg(1)->Arg(10)->Arg(100)->UseRealTime();
BENCHMARK(Raw)->Arg(1)->Arg(10)->Arg(100)->UseRealTime();

}  // namespace
}  // namespace edgesync::sync

BENCHMARK_MAIN();
