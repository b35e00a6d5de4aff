// SPDX-License-Identifier: Apache-2.0
// A segment that a hub can never store: it ends in the quarantine with the reason, and what follows goes on.
#include "store/quarantine.hpp"
#include "stream/segment_layout.hpp"
#include "unit/sync/pair.hpp"

namespace edgesync::sync {
namespace {

/// Three segments of a stream, of which the second becomes one that no hub takes, on its way.
class Poison : public Pair {
 protected:
  Poison() {
    records_ = node->open(Plane::stream, "telemetry");
    other_ = node->open(Plane::state, "other");
    node->store->define_stream(records_, {{{"v", ColumnType::bytes}}}, false).value();
    for (std::uint8_t i = 1; i <= 3; ++i) append(i);
    connect();
  }
  void append(std::uint8_t value, std::size_t size = 1) {
    node->store->append(records_, std::vector<Record>{{0, now.wall, {Bytes(size, std::byte{value})}}}).value();
    node->commit();
  }

  /// One record, more than a relay could send on.
  Bytes too_large() {
    Xoshiro random(1);
    Bytes value(700 * 1024);
    for (std::byte& byte : value) byte = static_cast<std::byte>(random.next());
    stream::SegmentBuilder builder({{{"v", ColumnType::bytes}}});
    builder.add(now.wall, std::vector<Value>{value});
    return builder.finish(2);
  }
  static Bytes of_version(std::uint8_t version, Bytes body) {
    body[1] = static_cast<std::byte>(version);
    body.resize(body.size() - stream::segment_checksum_bytes);
    Writer(body).u64(stream::segment_checksum(body));
    return body;
  }
  /// One frame from the node to the hub, the second segment spoilt.
  bool carry_spoilt() {
    const auto frame = node->engine->next_frame(*node->link, now);
    if (!frame) return false;
    auto messages = codec_.decode(*frame).value();
    for (wire::Message& message : messages)
      if (auto* segment = std::get_if<wire::Segment>(&message); segment != nullptr && (always_ || segment->first == 2))
        spoil(*segment), ++sent_;
    hub->engine->received(*hub->link, codec_.encode(messages), now);
    return true;
  }
  void spoil(wire::Segment& segment) {
    segment.body = later_version_ || always_ ? of_version(99, std::move(segment.body)) : too_large();
  }
  void settle_spoilt() {
    for (bool moved = true; moved;) {
      moved = carry_spoilt();
      moved |= carry(*hub, *node);
      moved |= hub->commit();
      moved |= node->commit();
      if (!moved) moved = pass_a_moment();
    }
  }

  wire::Codec codec_;
  store::ScopeId records_{}, other_{};
  bool later_version_ = false, always_ = false;
  int sent_ = 0;
};

TEST_F(Poison, SegmentIsSetAsideWithItsReasonAndTheRestGoesOn) {
  set(*node, other_, "door", "open");
  node->commit();
  settle_spoilt();

  const auto there = *hub->store->find_scope(Plane::stream, "telemetry");
  const ReplicaId self = node->store->replica();
  EXPECT_EQ(hub->store->context(there)[self], 3u);
  EXPECT_EQ(hub->store->segments(there, self, 0, 1 << 20).value().size(), 2u);
  EXPECT_EQ(sent_, 1);
  EXPECT_TRUE(node->engine->caught_up(records_));
  EXPECT_TRUE(node->engine->caught_up(other_));
  EXPECT_FALSE(node->engine->ending(*node->link));
  EXPECT_TRUE(has_event(node->engine->take_events(), EventKind::rejected));
  EXPECT_EQ(node->store->refusal(records_), nullptr);  // what followed went through
  const auto letters = node->store->quarantine(0, 10).value();
  ASSERT_EQ(letters.size(), 1u);
  EXPECT_EQ(letters[0].kind, Quarantined::Kind::refused);
  EXPECT_NE(letters[0].reason.find("more than 655360"), std::string::npos) << letters[0].reason;
  ASSERT_EQ(letters[0].records.size(), 1u);
  EXPECT_EQ(letters[0].records[0].fields.at(0), Value(Bytes(1, std::byte{2})));
}

TEST_F(Poison, SegmentThatIsReplayedGoesTheWayOfAnyOther) {
  settle_spoilt();
  const auto letters = node->store->quarantine(0, 10).value();
  ASSERT_EQ(letters.size(), 1u);
  EXPECT_TRUE(node->store->replay(letters[0].id, now.wall).value().done);
  node->commit();
  settle();  // the hub was upgraded, say
  const auto there = *hub->store->find_scope(Plane::stream, "telemetry");
  EXPECT_EQ(hub->store->context(there)[node->store->replica()], 4u);
  EXPECT_TRUE(node->store->quarantine(0, 10).value().empty());
}

TEST_F(Poison, SegmentOfALaterVersionIsOneToo) {
  later_version_ = true;
  settle_spoilt();
  const auto there = *hub->store->find_scope(Plane::stream, "telemetry");
  EXPECT_EQ(hub->store->context(there)[node->store->replica()], 3u);
  EXPECT_EQ(node->store->quarantine(0, 10).value().size(), 1u);
  EXPECT_FALSE(hub->engine->ending(*hub->link));
}

TEST_F(Poison, SegmentsAllOfThemFillHalfTheQuarantineAndThenWait) {
  for (std::uint8_t i = 0; i < 12; ++i) append(i, 250'000);
  always_ = true;
  settle_spoilt();
  const auto counts = node->store->quarantined().value();
  EXPECT_EQ(counts.held, 3u + store::quarantine_bytes_max / 2 / 250'000);
  EXPECT_EQ(counts.lost, 0u);
  EXPECT_FALSE(node->engine->caught_up(records_));
  EXPECT_FALSE(node->engine->ending(*node->link));
  ASSERT_NE(node->store->refusal(records_), nullptr);
  EXPECT_EQ(node->store->segments(records_, node->store->replica(), 0, 1 << 24).value().size(), 15u - counts.held);
}

}  // namespace
}  // namespace edgesync::sync
