// SPDX-License-Identifier: Apache-2.0
// What the tests of damaged files share: a store with everything in it, and a way to spoil its rows.
#pragma once

#include "harness.hpp"

#include <sqlite3.h>

namespace edgesync::store {

inline void run_sql(const std::string& path, const std::string& sql) {
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &db), SQLITE_OK);
  char* message = nullptr;
  EXPECT_EQ(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, &message), SQLITE_OK) << (message ? message : "");
  sqlite3_free(message);
  sqlite3_close(db);
}

/// Everything there is, in one file.
inline void fill(Store& store) {
  const ScopeId state = state_scope(store);
  store.keep_history(state, 5);
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 30; ++i) set(store, state, "k" + std::to_string(i), std::int64_t{round * 100 + i});
    store.commit(state, Edit().erase("k" + std::to_string(round)).ops(), at_ms(round)).value();
    flush(store);
  }
  const ScopeId stream = store.open_scope(Plane::stream, "t").value();
  store.define_stream(stream, {{{"v", ColumnType::i64}}}, false).value();
  store.append(stream, std::vector<Record>{{0, at_ms(1), {std::int64_t{1}}}, {0, at_ms(2), {std::int64_t{5}}}}).value();
  const ScopeId config = store.open_scope(Plane::config, "c").value();
  config::Release release;
  release.content = config::canonical({{"limit", Value(std::int64_t{1})}});
  release.manifest = {.scope = "c", .number = 1, .id = sha256(release.content)};
  store.save_version(config, release, VersionRole::active);
  ASSERT_FALSE(flush(store).error);
}

}  // namespace edgesync::store
