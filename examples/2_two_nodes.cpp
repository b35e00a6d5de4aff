// SPDX-License-Identifier: Apache-2.0
// Lesson 2: two replicas write the same key without knowing of each other. Both writes are kept, both sides read the
// same winner, and the loser is listed, never silently gone. Hub and node share one process. Usage: 2_two_nodes
// DIRECTORY
#include <edgesync/edgesync.hpp>

#include <cstdio>
#include <stdexcept>

namespace es = edgesync;
using namespace std::chrono_literals;

namespace {

void run(const std::string& directory) {
  const auto loopback = es::make_loopback();
  es::HubOptions options;
  options.node = {.database = directory + "/hub.db", .name = "hub"};
  options.loopback = loopback;
  options.authorize.connect = [](const es::Credentials& who) { return who.token == "s3cret"; };
  options.authorize.scope = [](const es::Credentials&, es::Plane, std::string_view) { return es::Access::read_write; };
  auto hub = es::Hub::open(std::move(options)).value();
  auto node = es::Node::open({.database = directory + "/node.db", .name = "gw-17"}).value();

  auto here = node.state("twin/gw-17");
  auto there = hub.state("twin/gw-17");
  here.set("setpoint", 55).value();   // An operator at the panel,
  there.set("setpoint", 60).value();  // and one in the control room, neither seeing the other.
  here.add("boots", 1).value();
  there.add("boots", 2).value();

  node.link({.token = [] { return "s3cret"; }, .loopback = loopback}).value();
  node.flush(10s).value();  // The hub holds everything of ours durably,
  while (here.digest().value() != there.digest().value()) node.flush(100ms).ignore();  // and we hold its part.

  const std::string winner = es::to_json(here.get("setpoint").value());
  std::printf("setpoint: both sides read %s\n", winner.c_str());
  for (const es::Conflict& lost : here.conflicts("setpoint")) {
    std::printf("          %s lost, by %s\n", es::to_json(lost.value).c_str(), es::to_string(lost.author).c_str());
  }
  std::printf("boots:    %s, because adds never conflict\n", es::to_json(here.get("boots").value()).c_str());
  if (here.get("setpoint").value() != there.get("setpoint").value()) throw std::runtime_error("two winners");
  if (here.conflicts("setpoint").size() != 1) throw std::runtime_error("the loser is not listed");
  if (here.get("boots").value() != es::Value(std::int64_t{3})) throw std::runtime_error("an add was lost");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::fputs("usage: 2_two_nodes DIRECTORY\n", stderr), 2;
  try {
    run(argv[1]);
  } catch (const std::exception& failure) {
    return std::fprintf(stderr, "2_two_nodes: %s\n", failure.what()), 1;
  }
}
