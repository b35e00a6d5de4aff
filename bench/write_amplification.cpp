// SPDX-License-Identifier: Apache-2.0
// write_amplification: how many bytes a node writes for a record of eight columns, from append() on, log, checkpoints
// and sealing among them, beside a table of SQLite with a row per record and the same durability; how many records per
// second become durable so; and what one takes in memory until it is committed. Usage: write_amplification [COMMITS]
#include "directory.hpp"

#include <edgesync/edgesync.hpp>

#include <malloc.h>
#include <sqlite3.h>

#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <random>

namespace {

namespace es = edgesync;
using namespace std::chrono_literals;

/// Bytes that this process has given to write() and its like.
std::uint64_t written() {
  std::ifstream in("/proc/self/io");
  std::string name;
  std::uint64_t value = 0;
  while (in >> name >> value)
    if (name == "wchar:") return value;
  throw std::runtime_error("/proc/self/io: no wchar");
}

std::vector<es::Record> some_records(std::size_t count) {
  std::mt19937_64 random(7);
  std::array<double, 8> values{50, 12, 700, 230, 3, 45, 2, 18};
  es::Timestamp at(std::chrono::hours(24 * 365 * 56));
  std::vector<es::Record> records;
  while (records.size() < count) {
    es::Record record{0, at += 100ms, {}};
    for (double& value : values) {
      value = std::round((value + std::normal_distribution<>(0, 0.03)(random)) * 10) / 10;
      record.fields.emplace_back(value);
    }
    records.push_back(std::move(record));
  }
  return records;
}

struct Cost {
  double written = 0, kept = 0;  ///< Bytes per record: all that went to the disk, and the file in the end.
  double seconds = 0;
};

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

es::Stream open_stream(es::Node& node) {
  es::StreamOptions columns;
  for (const char* name : {"speed", "torque", "power", "voltage", "current", "heat", "pressure", "flow"})
    columns.columns.push_back({name, es::f64});
  return node.stream("machine", std::move(columns));
}

Cost of_node(std::span<const es::Record> records, std::size_t batch) {
  const edgesync::Dir directory;
  es::NodeOptions options;
  options.database = directory.file();
  options.ballast_bytes = 0;
  const std::uint64_t before = written();
  double seconds = 0;
  {
    es::Node node = es::Node::open(std::move(options)).value();
    es::Stream stream = open_stream(node);
    const auto start = Clock::now();
    for (; !records.empty(); records = records.subspan(batch)) stream.append(records.first(batch)).value();
    seconds = seconds_since(start);
  }
  return {static_cast<double>(written() - before), static_cast<double>(std::filesystem::file_size(directory.file())),
          seconds};
}

/// Bytes of memory per record that waits to be committed.
double in_memory(std::span<const es::Record> records) {
  const edgesync::Dir directory;
  es::Node node = es::Node::open({.database = directory.file(), .batch_delay = 1h}).value();
  es::Stream stream = open_stream(node);
  const std::size_t before = ::mallinfo2().uordblks;
  for (const es::Record& record : records) stream.append({&record, 1}, es::Durability::fast).value();
  return static_cast<double>(::mallinfo2().uordblks - before) / static_cast<double>(records.size());
}

void run(sqlite3* db, const char* sql) {
  if (sqlite3_exec(db, sql, nullptr, nullptr, nullptr) != SQLITE_OK) throw std::runtime_error(sqlite3_errmsg(db));
}

Cost of_table(std::span<const es::Record> records, std::size_t batch) {
  const edgesync::Dir directory;
  const std::uint64_t before = written();
  sqlite3* db = nullptr;
  if (sqlite3_open(directory.file().c_str(), &db) != SQLITE_OK) throw std::runtime_error("sqlite3_open");
  run(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA locking_mode=EXCLUSIVE");
  run(db,
      "CREATE TABLE machine (seq INTEGER PRIMARY KEY, at INTEGER, a REAL, b REAL, c REAL, d REAL, e REAL, f REAL, "
      "g REAL, h REAL)");
  sqlite3_stmt* insert = nullptr;
  sqlite3_prepare_v2(db, "INSERT INTO machine VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?)", -1, &insert, nullptr);
  const auto start = Clock::now();
  for (; !records.empty(); records = records.subspan(batch)) {
    run(db, "BEGIN");
    for (const es::Record& record : records.first(batch)) {
      sqlite3_bind_int64(insert, 1, record.at.time_since_epoch().count());
      for (int i = 0; i < 8; ++i)
        sqlite3_bind_double(insert, i + 2, std::get<double>(record.fields[static_cast<std::size_t>(i)]));
      if (sqlite3_step(insert) != SQLITE_DONE) throw std::runtime_error(sqlite3_errmsg(db));
      sqlite3_reset(insert);
    }
    run(db, "COMMIT");
  }
  const double seconds = seconds_since(start);
  sqlite3_finalize(insert);
  sqlite3_close(db);
  return {static_cast<double>(written() - before), static_cast<double>(std::filesystem::file_size(directory.file())),
          seconds};
}

}  // namespace

int main(int argc, char** argv) try {
  const std::size_t commits = argc > 1 ? std::stoul(argv[1]) : 5'000;
  std::printf("%zu commits, bytes per record: written, in the file in the end\n", commits);
  for (const std::size_t batch : {std::size_t{1}, std::size_t{10}, std::size_t{100}}) {
    const auto records = some_records(commits * batch);
    const auto n = static_cast<double>(records.size());
    const Cost node = of_node(records, batch), table = of_table(records, batch);
    std::printf("%3zu records each: edgesync %7.1f, %5.1f; a table of SQLite %7.1f, %5.1f; %.2f and %.2f of it\n",
                batch, node.written / n, node.kept / n, table.written / n, table.kept / n, node.written / table.written,
                node.kept / table.kept);
    std::printf(
        "                   durable per second: edgesync %.0f records; a table of SQLite %.0f; %.2f times that\n",
        n / node.seconds, n / table.seconds, table.seconds / node.seconds);
  }
  std::printf("in memory until it is committed: %.1f bytes per record\n", in_memory(some_records(50'000)));
  return 0;
} catch (const std::exception& error) {
  std::cerr << "write_amplification: " << error.what() << '\n';
  return 1;
}
