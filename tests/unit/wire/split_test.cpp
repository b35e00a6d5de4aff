// SPDX-License-Identifier: Apache-2.0
#include "crdt/transaction.hpp"
#include "unit/wire/generate.hpp"
#include "unit/wire/support.hpp"

#include <gtest/gtest.h>

namespace edgesync::wire {
namespace {

using namespace testing;

// Sends every part through a codec and joins what arrives.
crdt::Delta through_the_wire(std::vector<DeltaPart> parts) {
  Codec codec;
  crdt::Delta whole;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const Message message = std::move(parts[i]);
    auto decoded = codec.decode(codec.encode({&message, 1})).value();
    DeltaPart part = std::get<DeltaPart>(std::move(decoded.front()));
    if (i == 0)
      whole = std::move(part.delta);
    else
      join(whole, std::move(part)).value();
  }
  return whole;
}

TEST(Split, PartsJoinToTheWholeForAnySize) {
  for (std::uint64_t seed = 0; seed < 300; ++seed)
    for (const std::size_t part_bytes : {0U, 1U, 60U, 200U, 1'000U, 1'000'000U}) {
      Xoshiro random(seed);
      const crdt::Delta delta = random_delta(random, 20);
      std::vector<DeltaPart> parts = split(9, 3, crdt::Delta(delta), part_bytes);
      for (std::size_t i = 0; i < parts.size(); ++i) {
        ASSERT_EQ(parts[i].first, i == 0);
        ASSERT_EQ(parts[i].cut, 9U);
        ASSERT_EQ(parts[i].channel, 3U);
      }
      ASSERT_EQ(through_the_wire(std::move(parts)), delta) << "seed " << seed << " part_bytes " << part_bytes;
    }
}

TEST(Split, GivesOnePartForAnEmptyDelta) {
  const auto parts = split(1, 1, {}, 100);
  ASSERT_EQ(parts.size(), 1U);
  EXPECT_TRUE(parts.front().first);
}

TEST(Split, KeepsFramesNearTheSizeAskedFor) {
  crdt::Delta delta;
  for (int i = 0; i < 20'000; ++i) {
    const std::string key = "reported/sensor-" + std::to_string(100'000 + i) + "/temp";
    delta.keys.push_back({to_bytes(key), {{{{replica(1), noon + static_cast<crdt::Stamp>(i)}, 0, Bytes(9)}, false}}});
  }
  Codec codec;
  const auto parts = split(1, 1, std::move(delta), 64 * 1024);
  EXPECT_GT(parts.size(), 10U);
  EXPECT_LT(parts.size(), 30U);
  for (const DeltaPart& part : parts) {
    const Message message = part;
    EXPECT_LT(codec.encode({&message, 1}).size(), 64U * 1024);
  }
}

TEST(Split, PutsALargeKeyIntoAPartOfItsOwn) {
  crdt::Delta delta;
  for (const char* key : {"a", "b", "c"})
    delta.keys.push_back({to_bytes(key), {{{{replica(1), noon}, 0, Bytes(key[0] == 'b' ? 100'000 : 10)}, false}}});
  const auto parts = split(1, 1, std::move(delta), 1'000);
  ASSERT_EQ(parts.size(), 3U);
  EXPECT_EQ(parts[1].delta.keys.size(), 1U);
}

TEST(Split, DividesAKeyOfSeveralLargeValues) {
  crdt::Delta delta;
  Xoshiro random(1);
  std::vector<crdt::Listed> values;
  for (std::uint8_t i = 1; i <= 8; ++i) {
    Bytes value(crdt::value_bytes_max);
    for (std::byte& byte : value) byte = static_cast<std::byte>(random.next());
    values.push_back({{{replica(i), noon}, 0, std::move(value)}, false});
  }
  delta.keys = {{to_bytes("a"), {}}, {to_bytes("b"), std::move(values)}, {to_bytes("c"), {}}};
  const crdt::Delta copy = delta;
  EXPECT_EQ(through_the_wire(split(1, 1, std::move(delta), 32 * 1024)), copy);
}

TEST(Split, DividesAKeyOfMoreEntriesThanAContainerHolds) {
  crdt::Delta delta;
  std::vector<crdt::Listed> references;
  for (crdt::Stamp i = 0; i < 70'000; ++i) references.push_back({{{replica(1), noon + i}, 0, {}}, true});
  delta.keys = {{to_bytes("a"), std::move(references)}};
  const crdt::Delta copy = delta;
  EXPECT_EQ(through_the_wire(split(1, 1, std::move(delta), std::size_t{64} << 20)), copy);
}

TEST(Split, PartsOfAnySizeStayWithinThePeersDefaultLimits) {
  crdt::Delta delta;
  for (std::uint32_t i = 0; i < 100'000; ++i) {
    Bytes key;
    Writer(key).u64(i);
    delta.keys.push_back({std::move(key), {{{{replica(1), noon}, 0, hex("00")}, false}}});
  }
  const crdt::Delta copy = delta;
  EXPECT_EQ(through_the_wire(split(1, 1, std::move(delta), std::size_t{64} << 20)), copy);
}

TEST(Join, RefusesKeysThatDoNotAscendAcrossParts) {
  crdt::Delta whole;
  whole.keys = {{to_bytes("b"), {}}};
  const auto part = [](const char* key, bool first) {
    return DeltaPart{4, 2, first, {{}, {}, false, {{to_bytes(key), {}}}, {}, {}}};
  };
  EXPECT_FALSE(join(whole, part("a", false)));
  const auto again = join(whole, part("b", false));
  ASSERT_FALSE(again);
  EXPECT_TRUE(again.error().is(Errc::protocol_violation));
  EXPECT_FALSE(join(whole, part("c", true))) << "a second first part";
  EXPECT_EQ(whole.keys.size(), 1U) << "nothing of a refused part";
  EXPECT_TRUE(join(whole, part("c", false)));
  EXPECT_EQ(whole.keys.size(), 2U);
}

TEST(Join, LetsAKeyGoOnOnlyWithLaterEntries) {
  const auto entries = [](std::initializer_list<crdt::Stamp> stamps) {
    std::vector<crdt::Listed> listed;
    for (const crdt::Stamp stamp : stamps) listed.push_back({{{replica(1), noon + stamp}, 0, {}}, true});
    return listed;
  };
  const auto part = [&](std::initializer_list<crdt::Stamp> stamps) {
    return DeltaPart{4, 2, false, {{}, {}, false, {{to_bytes("b"), entries(stamps)}, {to_bytes("c"), {}}}, {}, {}}};
  };
  crdt::Delta whole;
  whole.keys = {{to_bytes("a"), {}}, {to_bytes("b"), entries({2, 3})}};
  const crdt::Delta before = whole;
  for (const auto& stamps : {std::initializer_list<crdt::Stamp>{}, {1, 4}, {3}, {3, 4}})
    EXPECT_FALSE(join(whole, part(stamps)));
  EXPECT_EQ(whole, before) << "nothing of a refused part";
  ASSERT_TRUE(join(whole, part({4, 5})));
  ASSERT_EQ(whole.keys.size(), 3U);
  EXPECT_EQ(whole.keys[1].listed, entries({2, 3, 4, 5}));
  whole.keys = {{to_bytes("b"), {}}};
  EXPECT_FALSE(join(whole, part({1}))) << "a key that has no entries has none";
}

}  // namespace
}  // namespace edgesync::wire
