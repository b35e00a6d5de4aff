// SPDX-License-Identifier: Apache-2.0
// What a node has sent of its records and the hub has not acknowledged is bounded by one window for the whole link,
// whatever the number of streams and however long the node was away; and streams take turns in it.
#include "base/planted.hpp"
#include "unit/sync/pair.hpp"

namespace edgesync::sync {
namespace {

constexpr std::size_t streams = 12;

class Window : public Pair {
 protected:
  void SetUp() override {
    limits.segment_window = 4'000;
    limits.unsettled_bytes = 8'000;  // the window, and the segment that filled it
    reopen();
    for (std::size_t i = 0; i < streams; ++i) scopes.push_back(stream("s" + std::to_string(i)));
  }
  store::ScopeId stream(const std::string& name) {
    const store::ScopeId scope = node->open(Plane::stream, name);
    node->store->define_stream(scope, {{{"text", ColumnType::text}}}, false).value();
    return scope;
  }
  void append(store::ScopeId scope) {
    std::string text;
    while (text.size() < 1'000) text += static_cast<char>(node->random.below(256));
    node->store->append(scope, std::vector<Record>{{0, now.wall, {Value(text)}}}).value();
    node->commit();
  }
  /// All that the node sends while the hub's disk is busy.
  void send_all() {
    while (carry(*node, *hub) || carry(*hub, *node)) {
    }
  }

  std::vector<store::ScopeId> scopes;
};

TEST_F(Window, IsOneForAllStreams) {
  for (const store::ScopeId scope : scopes)
    for (int i = 0; i < 3; ++i) append(scope);
  connect();
  send_all();
  EXPECT_FALSE(hub->engine->ending(*hub->link));
  EXPECT_GE(hub->engine->metrics().segments_received, 3u);  // a quarter is for urgent ones
  EXPECT_LE(hub->engine->metrics().segments_received, 4u);
  settle();
  EXPECT_EQ(hub->engine->metrics().segments_received, 3 * streams);
}

TEST_F(Window, GivesEveryStreamItsTurn) {
  for (int i = 0; i < 20; ++i) append(scopes[0]);
  append(scopes[streams - 1]);
  connect();
  send_all();
  hub->commit();
  const auto last = hub->store->find_scope(Plane::stream, "s" + std::to_string(streams - 1));
  ASSERT_TRUE(last);
  EXPECT_EQ(hub->store->context(*last)[node->store->replica()], 1u);
}

TEST_F(Window, IsNotFilledByCuts) {
  const store::ScopeId twin = node->open(Plane::state, "twin");
  std::string text;
  while (text.size() < 9'000) text += static_cast<char>(node->random.below(26) + 'a');
  set(*node, twin, "large", text);
  append(scopes[0]);
  connect();
  send_all();
  EXPECT_EQ(hub->engine->metrics().segments_received, 1u);
  EXPECT_FALSE(hub->engine->ending(*hub->link));
  settle();
}

class Gap : public Window {
 protected:
  /// What a hub that has nothing holds once the second segment has reached it, without the first.
  std::uint64_t held() {
    append(scopes[0]), append(scopes[0]);
    const ReplicaId origin = node->store->replica();
    const auto second = node->store->segments(scopes[0], origin, 1, 1).value().front();
    const store::ScopeId at_hub = hub->open(Plane::stream, "s0");
    hub->commit();
    hub->store->apply(store::RemoteSegment{at_hub, origin, second.first, second.count, second.body});
    hub->commit();
    return hub->store->context(at_hub)[origin];
  }
};

TEST_F(Gap, IsNotSteppedOver) { EXPECT_EQ(held(), 0u); }

TEST_F(Gap, IsMissedIfItIsSteppedOver) {
  planted_bug = Bug::apply_over_gap;
  EXPECT_EQ(held(), 2u);
  planted_bug = Bug::none;
}

TEST_F(Window, IsMissedIfItIsIgnored) {
  for (const store::ScopeId scope : scopes)
    for (int i = 0; i < 3; ++i) append(scope);
  planted_bug = Bug::ignore_window;
  connect();
  send_all();
  planted_bug = Bug::none;
  EXPECT_TRUE(hub->engine->ending(*hub->link));
}

}  // namespace
}  // namespace edgesync::sync
