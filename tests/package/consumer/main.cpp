// SPDX-License-Identifier: Apache-2.0
// The smallest application: opens a node, sets a key, reads it back, and checks that header and library agree.
#include <edgesync/edgesync.hpp>

#include <iostream>
#include <string>
#include <string_view>

int main() {
  std::cout << edgesync::library_version() << '\n';
  if (std::string_view(edgesync::library_version()) != edgesync::header_version) return 1;

  auto node = edgesync::Node::open({.database = "consumer.db", .name = "consumer"});
  if (!node) {
    std::cout << node.error().detail << '\n';
    return 1;
  }
  auto door = node->state("twin");
  door.set("door", "open").value();
  const auto value = door.get("door").value();
  std::cout << std::get<std::string>(value) << '\n';
  return value == edgesync::Value("open") ? 0 : 1;
}
