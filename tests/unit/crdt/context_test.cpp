// SPDX-License-Identifier: Apache-2.0
#include "base/random.hpp"
#include "crdt/dot.hpp"

#include <gtest/gtest.h>

#include <map>

namespace edgesync::crdt {
namespace {

ReplicaId replica(std::uint64_t number) {
  ReplicaId id;
  id.bytes[0] = static_cast<std::byte>(number * 37);  // so that numbers and bytes are ordered differently
  id.bytes[15] = static_cast<std::byte>(number);
  return id;
}

using Plain = std::map<ReplicaId, Stamp>;

Context context(const Plain& plain) {
  Context made;
  for (const auto& [id, stamp] : plain) made.advance({id, stamp});
  return made;
}

Plain random_plain(Xoshiro& random) {
  Plain plain;
  for (std::uint64_t left = random.below(6); left > 0; --left) plain[replica(random.below(8))] = 1 + random.below(9);
  return plain;
}

TEST(Context, BehavesAsAMapOfMaxima) {
  Xoshiro random(1);
  for (int round = 0; round < 500; ++round) {
    Context tested;
    Plain plain;
    for (int i = 0; i < 20; ++i) {
      const Dot dot{replica(random.below(8)), random.below(10)};
      tested.advance(dot);
      if (dot.stamp > 0) plain[dot.replica] = std::max(plain[dot.replica], dot.stamp);
    }
    ASSERT_EQ(tested.items().size(), plain.size());
    auto item = tested.items().begin();
    for (const auto& [id, stamp] : plain) {
      EXPECT_EQ(*item++, (Context::Item{id, stamp}));
      EXPECT_EQ(tested[id], stamp);
      EXPECT_TRUE(tested.covers(Dot{id, stamp}));
      EXPECT_FALSE(tested.covers(Dot{id, stamp + 1}));
    }
    EXPECT_EQ(tested[replica(99)], 0U);
  }
}

TEST(Context, JoinsToTheLeastThatCoversBoth) {
  Xoshiro random(2);
  for (int round = 0; round < 1000; ++round) {
    const Plain a = random_plain(random), b = random_plain(random);
    Plain expected = a;
    for (const auto& [id, stamp] : b) expected[id] = std::max(expected[id], stamp);
    Context joined = context(a);
    joined.join(context(b));
    EXPECT_EQ(joined, context(expected));
    EXPECT_TRUE(joined.covers(context(a)));
    EXPECT_TRUE(joined.covers(context(b)));
    EXPECT_EQ(context(a).covers(context(b)), joined == context(a));
  }
}

TEST(Context, CoversStampZeroOfAnybody) {
  EXPECT_TRUE(Context().covers(Dot{replica(1), 0}));
  Context advanced;
  advanced.advance({replica(1), 0});
  EXPECT_TRUE(advanced.empty());
}

TEST(Context, PrintsReplicasAndStamps) {
  Context made;
  EXPECT_EQ(made.to_string(), "");
  made.advance({ReplicaId{}, 7});
  made.advance({ReplicaId{{std::byte{0xff}}}, UINT64_MAX});
  EXPECT_EQ(made.to_string(),
            "00000000000000000000000000000000:7,ff000000000000000000000000000000:18446744073709551615");
}

Bytes encoded(const Context& made) {
  Bytes bytes;
  Writer out(bytes);
  made.encode(out);
  return bytes;
}

TEST(Context, ComesBackFromBytesAndRefusesEveryTruncation) {
  Xoshiro random(3);
  for (int round = 0; round < 200; ++round) {
    const Context made = context(random_plain(random));
    const Bytes bytes = encoded(made);
    Reader in(bytes);
    EXPECT_EQ(Context::decode(in), made);
    EXPECT_TRUE(in.done());
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      Reader cut(ByteView(bytes).first(size));
      EXPECT_TRUE(Context::decode(cut).empty());
      EXPECT_TRUE(cut.failed());
    }
  }
}

TEST(Context, RefusesDisorderRepetitionAndZeroStamps) {
  const auto bytes_of = [](const std::vector<Dot>& dots) {
    Bytes bytes;
    Writer out(bytes);
    out.varint(dots.size());
    for (const Dot& dot : dots) out.id(dot.replica), out.varint(dot.stamp);
    return bytes;
  };
  const ReplicaId low{}, high{{std::byte{1}}};
  for (const Bytes& bytes : {bytes_of({{high, 1}, {low, 1}}), bytes_of({{low, 1}, {low, 2}}), bytes_of({{low, 0}})}) {
    Reader in(bytes);
    EXPECT_TRUE(Context::decode(in).empty());
    EXPECT_TRUE(in.failed());
  }
}

TEST(Context, RefusesACountItsInputCannotHold) {
  Bytes bytes;
  Writer(bytes).varint(UINT64_MAX / 17);
  bytes.resize(bytes.size() + 100);
  Reader in(bytes);
  EXPECT_TRUE(Context::decode(in).empty());
  EXPECT_TRUE(in.failed());
}

}  // namespace
}  // namespace edgesync::crdt
