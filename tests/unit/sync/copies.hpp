// SPDX-License-Identifier: Apache-2.0
// What the tests of identities share: a hub and a node whose databases are copied and opened again under other names.
#pragma once

#include "unit/sync/pair.hpp"

namespace edgesync::sync {

class Copies : public Pair {
 protected:
  void open_node(const std::string& name = "node.db") {
    node = std::make_unique<Side>(file(name), Role::node, ++seed_, limits);
  }
  void open_hub(const std::string& name = "hub.db") {
    hub = std::make_unique<Side>(file(name), Role::hub, ++seed_, limits);
  }
  /// In place, as `cp` does it: the environment cannot tell.
  void copy(const std::string& from, const std::string& to) const {
    std::filesystem::copy_file(file(from), file(to), std::filesystem::copy_options::overwrite_existing);
  }
  void swap_node(const std::string& name) {
    disconnect();
    node.reset();
    open_node(name);
  }

  /// Links as often as it takes until both stay.
  void meet() {
    for (int attempt = 0; attempt < 6; ++attempt) {
      disconnect();
      connect();
      settle();
      if (!node->engine->ending(*node->link) && !hub->engine->ending(*hub->link)) return;
    }
    FAIL() << "they never stay linked: " << node->engine->ending(*node->link).value_or(Error{}).detail;
  }
  /// State scopes that both have.
  void expect_equal(std::string_view name = "s") {
    const auto at_node = node->store->find_scope(Plane::state, name).value();
    const auto at_hub = hub->store->find_scope(Plane::state, name).value();
    EXPECT_EQ(node->store->context(at_node).to_string(), hub->store->context(at_hub).to_string());
    EXPECT_EQ(node->store->summary(at_node), hub->store->summary(at_hub));
    EXPECT_TRUE(node->store->verify().value().empty());
    EXPECT_TRUE(hub->store->verify().value().empty());
  }
  std::optional<Value> at_hub(std::string_view key, std::string_view scope = "s") {
    return hub->get(hub->store->find_scope(Plane::state, scope).value(), key);
  }
  store::ScopeId scope(std::string_view name = "s") { return node->open(Plane::state, name); }
  void add(store::ScopeId scope, std::string_view key, std::int64_t delta) {
    node->store->commit(scope, Edit().add(key, delta).ops(), now.wall).value();
  }
  void append(store::ScopeId scope, std::int64_t n) {
    const Record row{0, now.wall, {n}};
    node->store->append(scope, {&row, 1}).value();
  }
  std::vector<std::int64_t> records_at_hub(const ReplicaId& origin) {
    std::vector<std::int64_t> found;
    const auto scope = hub->store->find_scope(Plane::stream, "telemetry").value();
    for (const auto& segment : hub->store->segments(scope, origin, 0, 1 << 20).value())
      for (const Record& record : stream::decode(segment.body).value())
        found.push_back(std::get<std::int64_t>(record.fields[0]));
    return found;
  }
  static int identities(Side& side) {
    int count = 0;
    for (const Event& event : side.engine->take_events()) count += event.kind == EventKind::identity ? 1 : 0;
    return count;
  }

 private:
  std::uint64_t seed_ = 100;
};

}  // namespace edgesync::sync
