// SPDX-License-Identifier: Apache-2.0
// Rows that a disk has spoilt come back from the peer, while both sides go on.
#include "unit/store/damage.hpp"
#include "unit/sync/pair.hpp"

#include "crdt/key.hpp"
#include "crdt/value_codec.hpp"

namespace edgesync::sync {
namespace {

using namespace std::chrono_literals;

class Repairs : public Pair {
 protected:
  /// Both hold `keys` keys of `name`, and are not linked.
  void fill(const std::string& name, int keys) {
    scope_ = name;
    const auto ours = node->open(Plane::state, name);
    hub->open(Plane::state, name);
    for (int i = 0; i < keys; ++i) set(*(i % 2 == 0 ? hub : node), ours, "k" + std::to_string(i), i);
    connect();
    settle();
    disconnect();
    ASSERT_EQ(digest(*node), digest(*hub));
  }
  /// Spoils rows of one side's file, which notices when it reads them.
  void spoil(Role role, const std::string& where) {
    hub.reset(), node.reset();
    store::run_sql(path(role).string(),
                   "UPDATE cell SET e = CAST(substr(e, 1, length(e) - 1) || x'7f' AS BLOB) WHERE " + where);
    open_both();
    Side& side = role == Role::hub ? *hub : *node;
    side.store->look(id(side), [](crdt::CellSource& cells) { cells.scan({}, [](auto&&...) { return true; }); })
        .ignore();
    settle();
    ASSERT_FALSE(side.store->damaged(id(side)).empty());
  }
  store::ScopeId id(Side& side) const { return side.store->open_scope(Plane::state, scope_).value(); }
  crdt::Summary digest(Side& side) const { return side.store->summary(id(side)); }
  void expect_whole() {
    for (Side* side : {node.get(), hub.get()}) {
      EXPECT_TRUE(side->store->damaged(id(*side)).empty());
      EXPECT_TRUE(side->store->verify().value().empty());
    }
    EXPECT_EQ(digest(*node), digest(*hub));
    EXPECT_EQ(node->store->context(id(*node)), hub->store->context(id(*hub)));
  }
  /// Time goes on until nothing is damaged, or for a minute.
  void go_on() {
    for (int i = 0; i < 60; ++i) {
      settle();
      now.monotonic += 1s;
      node->engine->tick(now), hub->engine->tick(now);
    }
    settle();
  }

  std::string scope_;
};

TEST_F(Repairs, FetchWhatANodeLost) {
  fill("plant", 40);
  spoil(Role::node, "hex(key) LIKE '6B31%'");
  connect();
  settle();
  expect_whole();
  EXPECT_EQ(node->get(id(*node), "k11"), Value(std::int64_t{11}));
}

TEST_F(Repairs, FetchWhatAHubLost) {
  fill("plant", 40);
  spoil(Role::hub, "hex(key) LIKE '6B32%'");
  connect();
  settle();
  expect_whole();
}

/// The node told a hub something and never heard that it arrived, lost it, and links to another hub.
class LossesInDoubt : public Repairs {
 protected:
  LossesInDoubt() {
    fill("plant", 10);
    hub.reset(), node.reset();
    std::filesystem::copy_file(path(Role::hub), file("other.db"));
    open_both();
    connect();
    settle();
    told_ = set(*node, id(*node), "k1", std::int64_t{100});
    node->commit();
    while (carry(*node, *hub)) {
    }
    while (hub->commit()) {
    }
    disconnect();
    EXPECT_EQ(hub->get(id(*hub), "k1"), Value(std::int64_t{100}));
    hub.reset();
    std::filesystem::rename(path(Role::hub), file("first.db"));
    std::filesystem::rename(file("other.db"), path(Role::hub));
    spoil(Role::node, "hex(key) LIKE '6B31%'");
    set(*node, id(*node), "k0", std::int64_t{5});
    connect();
    settle();
  }
  bool hub_knows() { return hub->store->context(id(*hub))[node->store->replica()] >= told_; }

  crdt::Stamp told_ = 0;
};

TEST_F(LossesInDoubt, AreWaitedForUntilTheHubHearsOfThem) {
  go_on();
  EXPECT_FALSE(hub_knows());
  EXPECT_EQ(hub->get(id(*hub), "k0"), Value(std::int64_t{0}));
  {
    Side first(file("first.db"), Role::hub, 7, limits);
    store::RemoteCut news;
    news.deltas.push_back({id(*hub), first.store->delta(id(first), hub->store->context(id(*hub)), false).value()});
    hub->store->apply(std::move(news));
  }
  go_on();
  EXPECT_EQ(node->get(id(*node), "k1"), Value(std::int64_t{100}));
  EXPECT_EQ(hub->get(id(*hub), "k0"), Value(std::int64_t{5}));
  expect_whole();
}

TEST_F(LossesInDoubt, AreNobodysAfterAnHour) {
  go_on();
  EXPECT_FALSE(hub_knows());
  now.monotonic += 1h;
  node->engine->tick(now);
  for (int minutes = 0; minutes < 10; ++minutes) go_on();  // until it is asked again for what was lost
  EXPECT_TRUE(hub_knows());
  EXPECT_EQ(hub->get(id(*hub), "k0"), Value(std::int64_t{5}));
  expect_whole();
}

TEST_F(Repairs, ComeFromNobodyWhoMayNotWrite) {
  const auto ours = hub->open(Plane::state, "readonly");
  node->open(Plane::state, "readonly");
  for (int i = 0; i < 10; ++i) set(*hub, ours, "k" + std::to_string(i), i);
  scope_ = "readonly";
  connect();
  settle();
  disconnect();
  spoil(Role::hub, "hex(key) LIKE '6B32%'");
  connect();
  go_on();
  EXPECT_FALSE(hub->store->damaged(id(*hub)).empty());
  EXPECT_TRUE(node->engine->linked());
}

TEST_F(Repairs, WaitForWhatIsNews) {
  fill("plant", 40);
  spoil(Role::node, "hex(key) LIKE '6B31%'");
  set(*hub, id(*hub), "k12", 500);
  set(*node, id(*node), "k13", 501);
  hub->commit(), node->commit();
  connect();
  go_on();
  expect_whole();
  EXPECT_EQ(node->get(id(*node), "k12"), Value(std::int64_t{500}));
  EXPECT_EQ(hub->get(id(*hub), "k13"), Value(std::int64_t{501}));
}

TEST_F(Repairs, ComeInPieces) {
  limits.repair_bytes = 300;
  reopen();
  fill("plant", 300);
  spoil(Role::node, "1");
  connect();
  go_on();
  expect_whole();
}

/// What a hub may not make of a node's question: the link ends, and nothing is stored.
class FalseRepairs : public Repairs, public testing::WithParamInterface<int> {};

TEST_P(FalseRepairs, AreNotTaken) {
  fill("plant", 40);
  const crdt::Context known = node->store->context(id(*node));
  spoil(Role::node, "hex(key) LIKE '6B3132%'");
  connect();
  carry(*node, *hub), carry(*hub, *node);  // hello, subscribed
  wire::Codec codec{Limits{}.wire};
  std::vector<crdt::KeyRange> asked;
  while (const auto frame = node->engine->next_frame(*node->link, now))
    for (const wire::Message& message : codec.decode(*frame).value())
      if (const auto* lost = std::get_if<wire::Lost>(&message)) asked = lost->ranges;
  ASSERT_EQ(asked.size(), 1U);
  crdt::Delta cells;
  cells.upto = known;
  const crdt::Context::Item author = known.items().front();
  const crdt::Entry entry{{author.replica, author.stamp}, 0, crdt::encode_value(7)};
  cells.keys.push_back({asked[0].low, {{entry, false}}});
  wire::Repair told{900, 1, asked};
  if (GetParam() == 0) cells.keys[0].listed[0] = {{entry.dot, 0, {}}, true};  // without its value
  if (GetParam() == 1) cells.keys[0].key.push_back(std::byte{1});             // beside the range
  if (GetParam() == 2) told.ranges[0].high.clear();                           // more than was asked for
  if (GetParam() == 3) cells.keys[0].listed.push_back({entry, false});        // twice
  std::vector<wire::Message> answer;
  for (wire::DeltaPart& part : wire::split(told.cut, 1, std::move(cells), 1000)) answer.emplace_back(std::move(part));
  answer.emplace_back(std::move(told));
  node->engine->received(*node->link, codec.encode(answer), now);
  node->commit();
  ASSERT_TRUE(node->engine->ending(*node->link));
  EXPECT_TRUE(node->engine->ending(*node->link)->is(Errc::protocol_violation));
  EXPECT_EQ(node->store->damaged(id(*node)), asked);
}

INSTANTIATE_TEST_SUITE_P(, FalseRepairs, testing::Range(0, 4));

TEST_F(Repairs, AreToldOfSoMuchAtATime) {
  limits.lost_bytes = 1000;
  limits.part_bytes = 4000;
  reopen();
  fill("plant", 10);
  connect();
  settle();
  set(*hub, id(*hub), "news", 1);
  hub->commit();
  while (hub->engine->next_frame(*hub->link, now)) {  // a cut that nobody acks
  }
  wire::Codec codec{Limits{}.wire};
  const std::vector<wire::Message> asked{wire::Lost{1, {{Bytes(600), Bytes(601)}}}};
  hub->engine->received(*hub->link, codec.encode(asked), now);
  ASSERT_TRUE(hub->engine->ending(*hub->link));
  EXPECT_TRUE(hub->engine->ending(*hub->link)->is(Errc::limit_exceeded));
}

TEST_F(Repairs, AreAwaited) {
  fill("plant", 40);
  spoil(Role::node, "hex(key) LIKE '6B31%'");
  connect();
  carry(*node, *hub), carry(*hub, *node);
  while (node->engine->next_frame(*node->link, now)) {
  }
  for (int i = 0; i < 20 && !node->engine->ending(*node->link); ++i) {
    now.monotonic += 5s;
    node->engine->arriving(*node->link, now);
    node->engine->tick(now);
    while (node->engine->next_frame(*node->link, now)) {
    }
  }
  ASSERT_TRUE(node->engine->ending(*node->link));
  EXPECT_NE(node->engine->ending(*node->link)->detail.find("the repair of state plant"), std::string::npos);
}

}  // namespace
}  // namespace edgesync::sync
