// SPDX-License-Identifier: Apache-2.0
// Lesson 1: a node needs a file and nothing else. State, config and telemetry work with no network in sight, survive a
// restart, and the node can say exactly what it still owes the hub. Usage: 1_hello_offline DIRECTORY
#include <edgesync/edgesync.hpp>

#include <cstdio>
#include <stdexcept>

namespace es = edgesync;

namespace {

void write(const std::string& database) {
  auto node = es::Node::open({.database = database, .name = "gw-17"}).value();
  auto twin = node.state("twin/gw-17");
  twin.set("reported/rpm", 1480).value();
  twin.add("boots", 1).value();
  twin.insert("alarms", "overheat").value();
  twin.transact([](es::Edit& edit) {  // All or nothing, here and everywhere.
        edit.set("door", "open");
        edit.set("door_opened_by", "technician");
      })
      .value();
  auto telemetry = node.stream("telemetry", {.columns = {{"temp_c", es::f64}, {"rpm", es::i64}}});
  for (std::int64_t rpm = 1480; rpm < 1490; ++rpm) telemetry.append({21.5, rpm}).value();
}  // The node closes here; a power cut would have done no harm either.

void read(const std::string& database) {
  auto node = es::Node::open({.database = database}).value();
  for (const es::Item& item : node.state("twin/gw-17").scan().value()) {
    const auto& value = item.type == es::Item::Type::set ? item.members.front() : item.value;
    std::printf("  %-16s %s\n", item.key.c_str(), es::to_json(value).c_str());
  }
  const auto counts = node.stream("telemetry").counts().value();
  std::printf("telemetry: %d produced, %d pending, because: %s\n", static_cast<int>(counts.produced),
              static_cast<int>(counts.pending), es::name(node.status().why));
  if (counts.produced != 10 || counts.pending != 10) throw std::runtime_error("a record is missing");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::fputs("usage: 1_hello_offline DIRECTORY\n", stderr), 2;
  try {
    const std::string database = std::string(argv[1]) + "/hello.db";
    write(database);
    std::puts("After a restart, still offline:");
    read(database);
  } catch (const std::exception& failure) {
    return std::fprintf(stderr, "1_hello_offline: %s\n", failure.what()), 1;
  }
}
