// SPDX-License-Identifier: Apache-2.0
#include "stream/origin_signature.hpp"

#include "base/random.hpp"
#include "stream/segment.hpp"

#include <gmock/gmock.h>

namespace edgesync::stream {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr ReplicaId origin{{std::byte{7}}};

Bytes segment(std::uint64_t first) {
  SegmentBuilder builder({{{"n", ColumnType::i64}}});
  for (std::int64_t i = 0; i < 3; ++i) {
    const std::array<Value, 1> row{Value(i)};
    builder.add({}, row);
  }
  return builder.finish(first);
}

OriginSignature signature(std::vector<Gap> gone) {
  return {Bytes(32, std::byte{1}), Bytes(64, std::byte{2}), std::move(gone)};
}

TEST(OriginSignature, StandsInFrontOfASegmentThatReadsAsBefore) {
  for (const auto& gone : {std::vector<Gap>{}, {{8, 9, DropReason::age}}, {{2, 2, DropReason::quota}, {3, 9, {}}}}) {
    const Bytes bare = segment(10), body = put_before(bare, signature(gone));
    const bool known = gone.empty() || gone.back().why == DropReason::age;
    EXPECT_EQ(signature_of(body).has_value(), known) << "0 is no reason that an origin could give";
    if (!known) continue;
    EXPECT_EQ(signature_of(body), signature(gone));
    EXPECT_TRUE(equal(without_signature(body), bare));
    EXPECT_EQ(inspect(body).value().first, 10U);
    ASSERT_EQ(decode(body).value().size(), 3U);
    EXPECT_EQ(decode(body).value()[2].fields[0], Value(std::int64_t{2}));
  }
  EXPECT_EQ(signature_of(segment(10)), std::nullopt);
  EXPECT_TRUE(equal(without_signature(segment(10)), segment(10)));
}

TEST(OriginSignature, IsOfNoUseDamaged) {
  const Bytes bare = segment(10);
  const Bytes body = put_before(bare, signature({{4, 6, DropReason::age}, {7, 9, DropReason::policy}}));
  for (std::size_t at = 0; at < body.size(); ++at)
    for (const std::byte bit : {std::byte{1}, std::byte{0x80}}) {
      Bytes damaged = body;
      damaged[at] ^= bit;
      EXPECT_FALSE(inspect(damaged)) << at;
      EXPECT_FALSE(signature_of(damaged)) << at;
    }
  for (std::size_t size = 0; size < body.size(); ++size) {
    EXPECT_FALSE(inspect(ByteView(body).first(size))) << size;
    EXPECT_FALSE(signature_of(ByteView(body).first(size))) << size;
  }
}

TEST(OriginSignature, SaysWhatIsGoneRightBeforeTheSegmentAndNothingElse) {
  const Gap a{3, 5, DropReason::age}, b{6, 9, DropReason::quota}, c{12, 14, DropReason::age};
  EXPECT_THAT(gone_before(10, {a, b, c}), ElementsAre(a, b));
  EXPECT_THAT(gone_before(15, {a, b, c}), ElementsAre(c));
  EXPECT_THAT(gone_before(16, {a, b, c}), IsEmpty());
  EXPECT_THAT(gone_before(2, {a}), IsEmpty());
  EXPECT_THAT(gone_before(10, {a, {6, 9, {}}}), IsEmpty()) << "what only the root knows an origin cannot say";
  std::vector<Gap> many;
  for (std::uint64_t n = 1; n <= 100; ++n) many.push_back({n, n, n % 2 == 0 ? DropReason::age : DropReason::quota});
  const auto last = gone_before(101, many);
  ASSERT_EQ(last.size(), OriginSignature::gone_max);
  EXPECT_EQ(last.front().first, 101 - OriginSignature::gone_max);
  EXPECT_EQ(last.back(), many.back());
  const Bytes bare = segment(16);
  for (const auto& wrong : {std::vector<Gap>{{3, 9, DropReason::age}},  // does not reach it
                            {{3, 5, DropReason::age}, {8, 15, DropReason::age}},
                            {{9, 3, DropReason::age}},
                            {{0, 15, DropReason::age}}})
    EXPECT_EQ(signature_of(put_before(bare, signature(wrong))), std::nullopt);
}

TEST(OriginSignature, IsOfOneStreamOneOriginAndTheseBytes) {
  const Bytes bare = segment(10);
  const std::vector<Gap> gone{{4, 9, DropReason::age}};
  const Bytes said = statement_of("a", origin, gone, bare);
  EXPECT_EQ(said, statement_of("a", origin, gone, bare));
  EXPECT_NE(said, statement_of("b", origin, gone, bare));
  EXPECT_NE(said, statement_of("a", {{std::byte{8}}}, gone, bare));
  EXPECT_NE(said, statement_of("a", origin, {}, bare));
  EXPECT_NE(said, statement_of("a", origin, {{4, 9, DropReason::quota}}, bare));
  EXPECT_NE(said, statement_of("a", origin, gone, segment(11)));
}

TEST(OriginSignature, AsAnythingAtAllDoesNotCrash) {
  Xoshiro random(5);
  const Bytes body = put_before(segment(10), signature({{4, 9, DropReason::age}}));
  for (int round = 0; round < 20'000; ++round) {
    Bytes hostile = body;
    for (std::uint64_t i = 0; i <= random.below(4); ++i)
      hostile[random.below(std::min<std::size_t>(hostile.size(), 140))] = static_cast<std::byte>(random.below(256));
    hostile.resize(random.below(hostile.size() + 1));
    signature_of(hostile);
    without_signature(hostile);
    EXPECT_FALSE(inspect(hostile) && !equal(hostile, ByteView(body).first(hostile.size())));
  }
}

}  // namespace
}  // namespace edgesync::stream
