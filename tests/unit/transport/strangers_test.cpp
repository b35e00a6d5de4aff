// SPDX-License-Identifier: Apache-2.0
#include "transport/strangers.hpp"

#include "base/random.hpp"

#include <gtest/gtest.h>

namespace edgesync::transport {
namespace {

using namespace std::chrono_literals;

constexpr Instant start{1h};

Limits few() {
  Limits limits;
  limits.strangers_max = 10;
  limits.strangers_per_network = 6;
  limits.suspects_per_network = 2;
  limits.refusals_per_network = 3;
  return limits;
}

/// How many more of `network` find a place.
std::size_t fill(Strangers& strangers, const std::string& network, Instant now) {
  std::size_t entered = 0;
  while (strangers.enter(network, now)) ++entered;
  return entered;
}

TEST(Strangers, OneNetworkLeavesPlacesForOthers) {
  Strangers strangers(few());
  EXPECT_EQ(fill(strangers, "a", start), 6U);
  EXPECT_EQ(fill(strangers, "b", start), 4U);  // then all places are taken
  strangers.leave("a", start);
  EXPECT_EQ(fill(strangers, "c", start), 1U);
  strangers.leave("b", start);
  EXPECT_EQ(fill(strangers, "a", start), 1U);
}

TEST(Strangers, ANetworkThatIsRefusedTooOftenHasFewPlacesForAWhile) {
  Strangers strangers(few());
  for (int i = 0; i < 3; ++i) strangers.refused("a", start);
  EXPECT_EQ(fill(strangers, "a", start), 6U);
  for (int i = 0; i < 6; ++i) strangers.leave("a", start);
  strangers.refused("a", start);
  EXPECT_EQ(fill(strangers, "a", start), 2U);
  EXPECT_EQ(fill(strangers, "b", start), 6U);
  EXPECT_EQ(fill(strangers, "a", start + 20s), 2U);  // a third of a minute's refusals is forgiven
}

TEST(Strangers, SaysWhyThereIsNoPlace) {
  Strangers strangers(few());
  fill(strangers, "a", start);
  EXPECT_NE(strangers.enter("a", start).error().detail.find("from this network"), std::string::npos);
  fill(strangers, "b", start);
  EXPECT_EQ(strangers.enter("c", start).error().detail, "too many connections that are not open yet");
}

TEST(Strangers, RemembersNobodyForEver) {
  Strangers strangers(Limits{});
  Xoshiro random(3);
  Instant now = start;
  for (int i = 0; i < 100'000; ++i) {
    const std::string network = std::to_string(random.below(1'000'000));
    ASSERT_TRUE(strangers.enter(network, now));
    strangers.refused(network, now);
    strangers.leave(network, now);
    ASSERT_LE(strangers.networks(), 4'096U);
    now += 1ms;
  }
}

TEST(Strangers, NetworksOfAddresses) {
  EXPECT_EQ(network_of("192.0.2.77"), "192.0.2.0/24");
  EXPECT_EQ(network_of("::ffff:192.0.2.77"), "192.0.2.0/24");
  EXPECT_EQ(network_of("2001:db8:1:2ff:3::4"), "2001:db8:1:200::/56");
  EXPECT_EQ(network_of("2001:db8:1:2fe::1"), network_of("2001:db8:1:201::1"));
  EXPECT_NE(network_of("2001:db8:1:300::1"), network_of("2001:db8:1:200::1"));
}

}  // namespace
}  // namespace edgesync::transport
