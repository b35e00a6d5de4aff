// SPDX-License-Identifier: Apache-2.0
// Records through a relay that its root believes of nothing: those that devices signed arrive, whatever the relay does
// to others; what it makes up, alters or brings somewhere else does not.
#include "stream/origin_signature.hpp"
#include "transport/ed25519.hpp"
#include "unit/sync/chain.hpp"

namespace edgesync::sync {
namespace {

class OriginRecords : public Chain {
 protected:
  OriginRecords() {
    hub = side("hub", Role::hub, [this](EngineOptions& options) {
      options.authorizer.scope = [](const Credentials& who, Plane, std::string_view) {
        return who.name == "relay" ? Access::write_own : Access::read_write;
      };
      options.authorizer.signer = [this](const std::string& key, std::string_view stream) {
        const bool known = key == config::key_id(key_.public_key()) && stream != "others";
        return known && !revoked_ ? std::optional<std::string>("device") : std::nullopt;
      };
    });
    new_relay();
    node = side("device", Role::node);
  }
  void new_relay() {
    relay.reset();
    std::filesystem::remove(directory / "relay-own.db");
    relay = side("relay", Role::hub, [](EngineOptions& options) { options.root = false; });
  }

  std::unique_ptr<Side> side(const std::string& name, Role role,
                             const std::function<void(EngineOptions&)>& adjust = {}) {
    return std::make_unique<Side>(directory / (name + "-own.db"), role, ++opened_, Limits{}, false,
                                  [&](EngineOptions& options) {
                                    options.name = name;
                                    options.verifier = &transport::ed25519();
                                    if (adjust) adjust(options);
                                  });
  }
  /// Of the device, with its key.
  Introduction device() const {
    Introduction own{"good", "chain"};
    own.key = to_bytes(ByteView(key_.public_key()));
    own.proof = to_bytes(ByteView(key_.sign(claim_of(binding, node->store->replica(), "device")).value()));
    own.sign = [this](ByteView message) {
      const auto signature = key_.sign(message);
      return signature ? std::optional(*signature) : std::nullopt;
    };
    return own;
  }
  store::ScopeId stream(Side& side, const std::string& name = "telemetry") {
    const auto scope = side.open(Plane::stream, name);
    side.store->define_stream(scope, {{{"text", ColumnType::text}}}, false).value();
    return scope;
  }
  void append(store::ScopeId scope, int segments = 1) {
    for (int i = 0; i < segments; ++i) {
      const Record row{0, now.wall, {Value(std::string(100, 'x'))}};
      node->store->append(scope, std::vector(4, row)).value();
      node->commit();
    }
  }
  std::uint64_t at(Side& side, const ReplicaId& origin, const std::string& name = "telemetry") {
    const auto scope = side.store->find_scope(Plane::stream, name);
    return scope ? side.store->context(*scope)[origin] : 0;
  }
  /// The relay is handed a segment as if a node had brought it.
  void plant(const std::string& stream, const ReplicaId& origin, store::StoredSegment segment,
             std::vector<Gap> gone = {}) {
    const auto scope = *relay->store->find_scope(Plane::stream, stream);
    relay->store->apply(
        store::RemoteSegment{scope, origin, segment.first, segment.count, std::move(segment.body), {}, gone});
    ASSERT_TRUE(relay->commit());
  }
  /// What the node's file says, as the relay got it.
  store::StoredSegment kept(std::uint64_t after = 0, const std::string& name = "telemetry") {
    const auto scope = *relay->store->find_scope(Plane::stream, name);
    return relay->store->segments(scope, node->store->replica(), after, 1).value().at(0);
  }
  std::string refused() {
    std::string why;
    for (const Event& event : relay->engine->take_events())
      if (event.kind == EventKind::rejected) why += event.error.detail;
    return why;
  }

  transport::SecretKey key_ = transport::SecretKey::generate().value();
  bool revoked_ = false;
  std::uint64_t opened_ = 10;
};

TEST_F(OriginRecords, OfDevicesThatSignThemArrive) {
  const auto scope = stream(*node);
  append(scope, 3);
  join(*node, *relay, device());
  join(*relay, *hub);
  settle();
  const ReplicaId self = node->store->replica();
  EXPECT_EQ(at(*hub, self), 12U) << refused();
  const auto there = *hub->store->find_scope(Plane::stream, "telemetry");
  const auto segments = hub->store->segments(there, self, 0, 1 << 20).value();
  ASSERT_FALSE(segments.empty());
  for (const auto& segment : segments) EXPECT_TRUE(stream::signature_of(segment.body));
  EXPECT_EQ(hub->store->summary(there).count, 12U);
  EXPECT_TRUE(hub->store->verify().value().empty());
  EXPECT_EQ(node->store->stable(scope)[self], 12U);
  append(scope);
  settle();
  EXPECT_EQ(at(*hub, self), 16U);
  // and by another way
  part(*node);
  append(scope);
  join(*node, *hub, device());
  settle();
  EXPECT_EQ(at(*hub, self), 20U);
  EXPECT_EQ(node->store->stable(scope)[self], 20U);
}

TEST_F(OriginRecords, NotSignedStayBehindAlone) {
  // given: the hub knows whose id it is, and that has given the relay a record without a signature
  auto device_side = std::exchange(node, side("silent", Role::node));
  const auto theirs = stream(*node);
  append(theirs);
  join(*node, *hub);
  settle();
  part(*node);
  append(theirs);
  join(*node, *relay);
  settle();
  part(*node);
  const ReplicaId silent = node->store->replica();
  ASSERT_EQ(at(*relay, silent), 8U);
  // when
  node = std::move(device_side);
  const auto scope = stream(*node);
  append(scope, 2);
  join(*node, *relay, device());
  join(*relay, *hub);
  settle();
  // then
  EXPECT_EQ(at(*hub, node->store->replica()), 8U);
  EXPECT_EQ(at(*hub, silent), 4U);
  EXPECT_NE(refused().find("another node's"), std::string::npos);
  append(scope);
  settle();
  EXPECT_EQ(at(*hub, node->store->replica()), 12U);
  EXPECT_EQ(refused(), "") << "it is news once";
}

TEST_F(OriginRecords, ThatAreGoneItsOriginSays) {
  const auto scope = stream(*node);
  join(*node, *relay, device());
  append(scope, 1);
  settle();
  part(*node);
  node->store->set_budget(scope, {{}, 1'000, Overflow::drop_oldest}).value();
  append(scope, 12);
  const ReplicaId self = node->store->replica();
  const StreamCounts counts = node->store->counts(scope, false);
  ASSERT_GT(counts.drops.quota, 0U);
  join(*node, *relay, device());
  settle();
  ASSERT_EQ(at(*relay, self), 52U);
  const auto gaps = relay->store->gaps(*relay->store->find_scope(Plane::stream, "telemetry"), self, 0, 10).value();
  ASSERT_EQ(gaps.size(), 1U);
  join(*relay, *hub);
  settle();
  EXPECT_EQ(at(*hub, self), 52U) << refused();
  const auto there = *hub->store->find_scope(Plane::stream, "telemetry");
  EXPECT_EQ(hub->store->gaps(there, self, 0, 10).value(), gaps);
  EXPECT_EQ(hub->store->missing(there, self), counts.drops);
  EXPECT_EQ(node->store->counts(scope, false).drops, counts.drops);
}

TEST_F(OriginRecords, ThatARelayLeavesOutHoldUpWhatFollows) {
  const auto scope = stream(*node);
  join(*node, *hub, device());
  append(scope, 1);
  settle();
  part(*node);
  join(*node, *relay, device());
  append(scope, 3);
  settle();
  part(*node);
  // when: another relay says of the second and third segment that they are gone, and brings the fourth
  const ReplicaId self = node->store->replica();
  ASSERT_EQ(at(*relay, self), 16U);
  const auto last = kept(12);
  new_relay();
  const auto there = stream(*relay);
  relay->store->apply(store::RemoteGap{there, self, {1, 12, DropReason::quota}, {}, {}});
  ASSERT_TRUE(relay->commit());
  plant("telemetry", self, last);
  join(*relay, *hub);
  settle();
  EXPECT_EQ(at(*hub, self), 4U);
  EXPECT_NE(refused(), "");
}

TEST_F(OriginRecords, AlteredMadeUpOrBroughtElsewhereAreRefused) {
  const auto scope = stream(*node);
  append(scope, 1);
  join(*node, *relay, device());
  settle();
  part(*node);
  const ReplicaId self = node->store->replica();
  const store::StoredSegment good = kept();
  const auto signature = stream::signature_of(good.body);
  ASSERT_TRUE(signature);
  const Bytes bare = to_bytes(stream::without_signature(good.body));
  const ReplicaId other{{std::byte{9}}};
  auto altered = *signature, unknown = *signature;
  altered.signature[5] ^= std::byte{1};
  unknown.key[5] ^= std::byte{1};
  struct Case {
    const char* what;
    std::string stream;
    ReplicaId origin;
    Bytes body;
  };
  const std::vector<Case> cases{
      {"altered", "telemetry", self, stream::put_before(bare, altered)},
      {"another key", "telemetry", self, stream::put_before(bare, unknown)},
      {"another origin's", "telemetry", other, good.body},
      {"another stream", "elsewhere", self, good.body},
      {"a stream that it may not write to", "others", self, good.body},
  };
  for (const Case& one : cases) {
    new_relay();
    stream(*relay, one.stream);
    plant(one.stream, one.origin, {good.first, good.count, one.body});
    join(*relay, *hub);
    settle();
    part(*relay);
    EXPECT_EQ(at(*hub, one.origin, one.stream), 0U) << one.what;
    EXPECT_NE(refused().find("which nobody has signed who may write them"), std::string::npos) << one.what;
  }
  new_relay();
  stream(*relay);
  plant("telemetry", self, good);
  revoked_ = true;
  join(*relay, *hub);
  settle();
  part(*relay);
  EXPECT_EQ(at(*hub, self), 0U) << "its key was revoked";
  revoked_ = false;
  join(*relay, *hub);
  settle();
  EXPECT_EQ(at(*hub, self), 4U) << "as it was signed";
}

TEST_F(OriginRecords, BelongToWhoSignedThemFirst) {
  const auto scope = stream(*node);
  append(scope, 1);
  join(*node, *relay, device());
  join(*relay, *hub);
  settle();
  const ReplicaId self = node->store->replica();
  ASSERT_EQ(at(*hub, self), 4U);
  part(*node), part(*relay);
  // when: a device that may write there signs records of that id
  const auto thief = transport::SecretKey::generate().value();
  hub.reset();
  hub = side("hub", Role::hub, [&](EngineOptions& options) {
    options.authorizer.scope = [](const Credentials&, Plane, std::string_view) { return Access::write_own; };
    options.authorizer.signer = [](const std::string&, std::string_view) {
      return std::optional<std::string>("thief");
    };
  });
  append(scope, 1);
  const auto mine = node->store->segments(scope, self, 4, 1).value().at(0);
  stream::OriginSignature signature{to_bytes(ByteView(thief.public_key())), {}, {}};
  signature.signature = to_bytes(ByteView(thief.sign(stream::statement_of("telemetry", self, {}, mine.body)).value()));
  plant("telemetry", self, {mine.first, mine.count, stream::put_before(mine.body, signature)});
  join(*relay, *hub);
  settle();
  EXPECT_EQ(at(*hub, self), 4U);
  EXPECT_NE(refused().find("another node's"), std::string::npos);
}

}  // namespace
}  // namespace edgesync::sync
