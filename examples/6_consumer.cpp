// SPDX-License-Identifier: Apache-2.0
// Lesson 6: what feeds another database. A consumer at the hub is given every record of every gateway. The place it has
// come to is kept in the transaction that writes the records, so that each is there once, however often the pipeline
// dies between two steps. The other database is SQLite's here. Usage: 6_consumer DIRECTORY
#include <edgesync/edgesync.hpp>

#include <sqlite3.h>

#include <cstdio>
#include <memory>
#include <stdexcept>

namespace es = edgesync;
using namespace std::chrono_literals;

namespace {

/// The warehouse: a table of samples, and where the consumer is.
class Warehouse {
 public:
  explicit Warehouse(const std::string& path) {
    sqlite3* opened = nullptr;
    if (sqlite3_open(path.c_str(), &opened) != SQLITE_OK) throw std::runtime_error("cannot open " + path);
    db_.reset(opened);
    run("CREATE TABLE IF NOT EXISTS sample (origin TEXT, seq INTEGER, celsius REAL)");
    run("CREATE TABLE IF NOT EXISTS place (cursor TEXT)");
  }
  void run(const std::string& sql) {
    if (sqlite3_exec(db_.get(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
      throw std::runtime_error(sqlite3_errmsg(db_.get()));
  }
  /// The first column of the first row.
  std::string ask(const char* sql) {
    std::string answer;
    const auto take = [](void* to, int, char** columns, char**) {
      if (columns[0] != nullptr) *static_cast<std::string*>(to) = columns[0];
      return 0;
    };
    if (sqlite3_exec(db_.get(), sql, take, &answer, nullptr) != SQLITE_OK)
      throw std::runtime_error(sqlite3_errmsg(db_.get()));
    return answer;
  }
  /// The records and the place behind them, or neither.
  void store(const es::Delivery& delivery) {
    run("BEGIN");
    for (const es::OriginRecords& of : delivery.origins)
      for (const es::Record& record : of.records)
        run("INSERT INTO sample VALUES ('" + es::to_string(of.origin) + "', " + std::to_string(record.sequence) + ", " +
            es::to_json(record.fields[0]) + ")");
    run("DELETE FROM place");
    run("INSERT INTO place VALUES ('" + es::to_string(delivery.upto) + "')");
    run("COMMIT");
  }

 private:
  struct Close {
    void operator()(sqlite3* db) const { sqlite3_close(db); }
  };
  std::unique_ptr<sqlite3, Close> db_;
};

/// One life of the pipeline: it takes three deliveries, and dies.
bool pipeline(const es::Stream& stream, Warehouse& warehouse) {
  es::Consumer consumer = stream.consumer("warehouse");
  consumer.seek(es::parse_cursor(warehouse.ask("SELECT cursor FROM place")).value()).value();
  for (int i = 0; i < 3; ++i) {
    const es::Delivery delivery = consumer.next(100).value();
    if (delivery.empty()) return false;
    warehouse.store(delivery);
  }
  return true;
}

void run(const std::string& directory) {
  const auto loopback = es::make_loopback();
  es::HubOptions options;
  options.node = {.database = directory + "/hub.db", .name = "hub"};
  options.loopback = loopback;
  options.authorize.connect = [](const es::Credentials&) { return true; };
  options.authorize.scope = [](const es::Credentials&, es::Plane, std::string_view) { return es::Access::read_write; };
  auto hub = es::Hub::open(std::move(options)).value();
  const es::StreamOptions columns{.columns = {{"celsius", es::f64}}};

  for (const char* name : {"gw-1", "gw-2"}) {
    auto gateway = es::Node::open({.database = directory + "/" + name + ".db", .name = name}).value();
    auto samples = gateway.stream("telemetry", columns);
    for (int i = 0; i < 400; ++i) samples.append({}, {20.0 + i % 7}, es::Durability::fast).value();
    gateway.link({.loopback = loopback}).value();
    gateway.flush(10s).value();
  }

  Warehouse warehouse(directory + "/warehouse.db");
  int lives = 1;
  while (pipeline(hub.stream("telemetry", columns), warehouse)) ++lives;
  const std::string rows = warehouse.ask("SELECT count(*) FROM sample");
  const std::string distinct = warehouse.ask("SELECT count(*) FROM (SELECT DISTINCT origin, seq FROM sample)");
  std::printf("800 records appended; the warehouse has %s, %s of them distinct, after %d lives of the pipeline\n",
              rows.c_str(), distinct.c_str(), lives);
  if (rows != "800" || distinct != "800") throw std::runtime_error("not each of them once");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::fputs("usage: 6_consumer DIRECTORY\n", stderr), 2;
  try {
    run(argv[1]);
  } catch (const std::exception& failure) {
    return std::fprintf(stderr, "6_consumer: %s\n", failure.what()), 1;
  }
}
