// SPDX-License-Identifier: Apache-2.0
// Harness: a store on a real file in a directory of its own, and the short words the tests are written in.
#pragma once

#include "store/store.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

namespace edgesync::store {

inline Timestamp at_ms(std::int64_t ms) { return Timestamp(std::chrono::milliseconds(1'800'000'000'000 + ms)); }

inline VersionKey key_of(const config::Release& release) {
  return {release.manifest.number, to_hex(release.manifest.id)};
}

class TempDir {
 public:
  TempDir() {
    std::string name = (std::filesystem::temp_directory_path() / "edgesync-store-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  std::string file(const std::string& name = "node.db") const { return path_ + "/" + name; }

 private:
  std::string path_;
};

inline Flushed flush(Store& store) {
  auto batch = store.begin_flush();
  store.write(*batch);
  return store.finish(std::move(batch));
}

/// One store that can be closed and opened again.
class Opened {
 public:
  explicit Opened(std::uint64_t seed = 1, std::string vfs = {}, std::size_t ballast_bytes = 0,
                  std::uint64_t stream_bytes = 0)
      : random_(seed), vfs_(std::move(vfs)), ballast_bytes_(ballast_bytes), stream_bytes_(stream_bytes) {
    reopen();
  }

  void reopen() {
    store_.reset();
    auto opened = try_open();
    ASSERT_TRUE(opened) << opened.error().detail;
    store_ = *std::move(opened);
  }
  void close() { store_.reset(); }
  Result<std::unique_ptr<Store>> try_open() {
    Options options;
    options.path = path();
    options.vfs = vfs_;
    options.ballast_bytes = ballast_bytes_;
    options.stream_bytes = stream_bytes_;
    return Store::open(std::move(options), random_, at_ms(0));
  }

  std::string path() const { return dir_.file(); }
  Store& operator*() { return *store_; }
  Store* operator->() { return store_.get(); }

 private:
  TempDir dir_;
  Xoshiro random_;
  std::string vfs_;
  std::size_t ballast_bytes_;
  std::uint64_t stream_bytes_;
  std::unique_ptr<Store> store_;
};

inline ScopeId state_scope(Store& store, std::string_view name = "plant") {
  return store.open_scope(Plane::state, name).value();
}

inline Committed set(Store& store, ScopeId id, std::string_view key, Value value, std::int64_t ms = 1) {
  return store.commit(id, Edit().set(key, std::move(value)).ops(), at_ms(ms)).value();
}

/// What a reader sees at `key`; a null value also if there is nothing.
inline Value get(Store& store, ScopeId id, std::string_view key) {
  std::optional<crdt::Shown> shown;
  store.read(id, [&](crdt::CellSource& cells) { shown = crdt::show(cells, key); }).value();
  return shown ? shown->value : Value();
}

/// Everything a reader sees: path -> value.
inline std::map<std::string, std::string> contents(Store& store, ScopeId id) {
  std::map<std::string, std::string> found;
  store
      .read(id,
            [&](crdt::CellSource& cells) {
              crdt::show_all(cells, {}, [&](const crdt::Shown& shown) {
                std::string text = to_json(shown.value);
                for (const Value& member : shown.members) text += " " + to_json(member);
                for (const auto& sibling : shown.conflicts) text += " !" + to_json(sibling.value);
                found[shown.path] = text;
                return true;
              });
            })
      .value();
  return found;
}

/// Ships what `from` has and `to` has not, and flushes it there.
inline Flushed pull(Store& to, ScopeId to_id, Store& from, ScopeId from_id) {
  RemoteCut cut;
  cut.deltas.push_back({to_id, from.delta(from_id, to.context(to_id)).value(), {}});
  to.apply(std::move(cut));
  return flush(to);
}

inline std::vector<std::string> findings(Store& store) { return store.verify().value(); }

}  // namespace edgesync::store
