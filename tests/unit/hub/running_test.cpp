// SPDX-License-Identifier: Apache-2.0
// What whoever runs a hub does with it: backups that count, an orderly leave, other grants.
#include "fleet.hpp"

#include <atomic>
#include <random>

namespace edgesync {
namespace {

class Running : public Fleet {
 protected:
  HubOptions hub_options() {
    HubOptions options;
    options.node = {.database = file("hub.db"), .name = "hub"};
    options.loopback = loopback_;
    options.authorize.connect = [this](const Credentials&) { return open_.load(); };
    options.authorize.scope = [](const Credentials&, Plane, std::string_view) { return Access::read_write; };
    return options;
  }
  Hub hub_with_backups() {
    HubOptions options = hub_options();
    options.stable_at_backup = true;
    return Hub::open(std::move(options)).value();
  }
  static std::vector<double> records_of(Node& node, const ReplicaId& origin) {
    std::vector<double> values;
    for (const Record& record : node.stream("telemetry").read(origin, 1, 1'000).value().records)
      values.push_back(std::get<double>(record.fields.at(0)));
    return values;
  }
  Stream telemetry(Node& node) { return node.stream("telemetry", {.columns = {{"temp", ColumnType::f64}}}); }
  Subscription record(Node& node, Witness& witness) {
    return node.on_event([&witness](const Event& event) { witness.saw(std::string(name(event.kind))); });
  }

  std::atomic<bool> open_ = true;
};

TEST_F(Running, RecordsStayAtTheirNodeUntilACopyHasThem) {
  Node node = open_node();
  Witness witness;
  const auto watching = record(node, witness);
  {
    Hub hub = hub_with_backups();
    Stream stream = telemetry(node);
    stream.append({1.0}).value();
    ASSERT_TRUE(node.link(to_hub()) && node.flush(20s));
    ASSERT_TRUE(hub.backup(file("copy.db")));
    ASSERT_TRUE(witness.waits_for("stable"));
    stream.append({2.0}).value();
    stream.append({3.0}).value();
    ASSERT_TRUE(node.flush(20s));  // the hub has them on its disk, and no copy has
    const auto status = node.status().scopes.at(0);
    EXPECT_EQ(status.acked, 3U);
    EXPECT_EQ(status.stable, 1U);
  }
  std::filesystem::rename(file("copy.db"), file("hub.db"));
  for (const char* left : {"hub.db-wal", "hub.db-shm"}) std::filesystem::remove(file(left));
  Hub restored = hub_with_backups();
  ASSERT_TRUE(witness.waits_for("identity"));  // the node hears that the hub holds less than it acknowledged
  ASSERT_TRUE(node.flush(20s));
  EXPECT_EQ(records_of(restored, node.id()), (std::vector<double>{1, 2, 3}));
}

TEST_F(Running, WithoutBackupsWhatIsDurableIsStable) {
  Hub hub = Hub::open(hub_options()).value();
  Node node = open_node();
  Witness witness;
  const auto watching = record(node, witness);
  telemetry(node).append({1.0}).value();
  ASSERT_TRUE(node.link(to_hub()) && node.flush(20s));
  EXPECT_TRUE(witness.waits_for("stable"));
}

TEST_F(Running, DrainAcknowledgesAndSendsEverybodyAway) {
  Hub hub = Hub::open(hub_options()).value();
  std::vector<Node> nodes;
  std::vector<std::unique_ptr<Witness>> witnesses;
  std::vector<Subscription> watching;
  for (int i = 0; i < 5; ++i) {
    nodes.push_back(open_node("node-" + std::to_string(i)));
    witnesses.push_back(std::make_unique<Witness>());
    watching.push_back(nodes.back().on_event([witness = witnesses.back().get()](const Event& event) {
      if (event.kind == EventKind::unlinked) witness->saw(event.error.detail);
    }));
    ASSERT_TRUE(nodes.back().state("twin").set("n", i) && nodes.back().link(to_hub()) && nodes.back().flush(20s));
  }
  ASSERT_TRUE(hub.drain(20s));
  for (const auto& witness : witnesses)
    EXPECT_TRUE(witness->waits_for("the peer said: the hub goes down, and comes back"));
  hub.close();
  const auto after = hub.drain();
  ASSERT_FALSE(after);
  EXPECT_TRUE(after.error().is(Errc::closed));
  const Hub again = Hub::open(hub_options()).value();
  for (Node& node : nodes) EXPECT_TRUE(node.flush(20s));
}

TEST_F(Running, WhoMayNotAnyMoreGoesWhenTheHubIsToldSo) {
  Hub hub = Hub::open(hub_options()).value();
  Node node = open_node();
  Witness witness;
  const auto watching = node.on_event([&witness](const Event& event) {
    if (event.kind == EventKind::unlinked) witness.saw(event.error.detail);
  });
  const auto writes = [&] { return node.state("twin").set("n", 1) && node.flush(20s); };
  ASSERT_TRUE(node.link(to_hub()) && writes());
  hub.authorize_again();  // nothing has changed
  ASSERT_TRUE(writes());
  EXPECT_TRUE(witness.seen().empty());
  open_ = false;
  hub.authorize_again([](const Credentials& who) { return who.name == "somebody else"; });
  ASSERT_TRUE(writes());
  EXPECT_TRUE(witness.seen().empty());
  hub.authorize_again();
  EXPECT_TRUE(witness.waits_for("the peer said: access was withdrawn"));
}

/// Each frame waits until the one before is paid for, and no longer: by default a heartbeat comes after 20 s.
TEST_F(Running, ALinkThatIsHeldToABandwidthGoesOnByItself) {
  Hub hub = Hub::open(hub_options()).value();
  Node node = open_node();
  State twin = node.state("twin");
  std::mt19937_64 random(5);  // nothing that compresses
  for (int i = 0; i < 40; ++i) {
    std::string noise(2'500, ' ');
    for (char& c : noise) c = static_cast<char>(' ' + random() % 95);
    twin.set("block/" + std::to_string(i), noise).value();
  }
  LinkOptions slow = to_hub();
  slow.bandwidth = 100'000;
  ASSERT_TRUE(node.link(std::move(slow)));
  EXPECT_TRUE(node.flush(15s));
}

TEST_F(Running, ThereAreNoCertificatesWithoutTls) {
  Hub hub = Hub::open(hub_options()).value();
  const auto renewed = hub.renew_certificates();
  ASSERT_FALSE(renewed);
  EXPECT_TRUE(renewed.error().is(Errc::invalid_argument));
}

}  // namespace
}  // namespace edgesync
