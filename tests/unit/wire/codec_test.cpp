// SPDX-License-Identifier: Apache-2.0
#include "unit/wire/generate.hpp"
#include "unit/wire/support.hpp"

#include <gtest/gtest.h>

namespace edgesync::wire {
namespace {

using namespace testing;

TEST(Codec, RoundTripsEveryKindOfMessage) {
  Codec codec;
  for (std::size_t kind = 0; kind < std::variant_size_v<Message>; ++kind)
    for (std::uint64_t seed = 0; seed < 500; ++seed) {
      Xoshiro random(seed);
      const Message message = random_message(random, kind);
      const auto decoded = codec.decode(codec.encode({&message, 1}));
      ASSERT_TRUE(decoded) << "kind " << kind << " seed " << seed << ": " << decoded.error().detail;
      ASSERT_EQ(decoded->size(), 1U);
      ASSERT_EQ(decoded->front(), message) << "kind " << kind << " seed " << seed;
    }
}

TEST(Codec, RoundTripsSeveralMessagesInOrder) {
  Codec codec;
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    Xoshiro random(seed);
    const std::vector<Message> messages = random_messages(random);
    const auto decoded = codec.decode(codec.encode(messages));
    ASSERT_TRUE(decoded) << "seed " << seed << ": " << decoded.error().detail;
    ASSERT_EQ(*decoded, messages) << "seed " << seed;
  }
}

TEST(Codec, KeepsTheExtremesOfNumbersAndTimes) {
  Codec codec;
  constexpr std::uint64_t most = ~std::uint64_t{0};
  const std::vector<Message> messages{Ping{most}, Cut{most, ~std::uint32_t{0}}, Hello{.now = Timestamp::min()},
                                      Hello{.now = Timestamp::max()},
                                      Bye{Errc::closed, "", std::chrono::milliseconds(~std::uint32_t{0})}};
  EXPECT_EQ(codec.decode(codec.encode(messages)).value(), messages);
}

TEST(Codec, SaturatesAPauseBeyondItsField) {
  Codec codec;
  const Message message = Bye{Errc::closed, "", std::chrono::hours(10'000'000)};
  const auto decoded = codec.decode(codec.encode({&message, 1})).value();
  EXPECT_EQ(std::get<Bye>(decoded.front()).retry_after.count(), ~std::uint32_t{0});
}

TEST(Codec, AcceptsAFrameWithoutMessages) {
  Codec codec;
  EXPECT_EQ(codec.encode({}), hex("00"));
  EXPECT_TRUE(codec.decode(hex("00")).value().empty());
}

TEST(Codec, SkipsUnknownKindsBetweenKnownOnes) {
  Codec codec;
  // Kind 99 with every type of msgpack value in it, between a ping and a pong.
  const Bytes frame = hex(
      "00 920c07"
      "9b 63 c0 c3 93019202a3616263c0 82a161 8101 02 a162 90 ca3f800000 cb3ff0000000000000 c403010203 d40100 d1ff00 80"
      "920d07");
  EXPECT_EQ(codec.decode(frame).value(), (std::vector<Message>{Ping{7}, Pong{7}}));
}

TEST(Codec, IgnoresFieldsBeyondThoseItKnows) {
  Codec codec;
  const Bytes frame = hex("00 95 0c 07 a3616263 9201 8102c0 c0 920d07");
  EXPECT_EQ(codec.decode(frame).value(), (std::vector<Message>{Ping{7}, Pong{7}}));
}

TEST(Codec, AcceptsIntegersOfAnyWidth) {
  Codec codec;
  for (const char* frame :
       {"00 92 0c cc07", "00 92 cd000c cd0007", "00 dc0002 0c ce00000007", "00 dd00000002 d00c d30000000000000007"})
    EXPECT_EQ(codec.decode(hex(frame)).value(), (std::vector<Message>{Ping{7}})) << frame;
}

TEST(Codec, PassesUnknownPlanesAndErrorCodesOn) {
  Codec codec;
  const std::vector<Message> messages{Subscribe{.channel = 1, .plane = Plane{9}, .scope = "s"},
                                      Unsubscribed{1, static_cast<Errc>(4'000), "new"}};
  EXPECT_EQ(codec.decode(codec.encode(messages)).value(), messages);
}

TEST(Codec, CompressesOnlyIfItPays) {
  Codec codec;
  Xoshiro random(1);
  const auto first_byte = [&](Bytes body) {
    const Message message = Segment{1, {}, 1, 1, std::move(body)};
    return codec.encode({&message, 1}).front();
  };
  Bytes noise = random_bytes(random, 4096);
  noise.resize(4096, std::byte{0x5a});
  for (std::byte& byte : noise) byte = static_cast<std::byte>(random.next());
  EXPECT_EQ(first_byte(Bytes(32)), std::byte{0}) << "short";
  EXPECT_EQ(first_byte(noise), std::byte{0}) << "incompressible";
  EXPECT_EQ(first_byte(Bytes(4096)), std::byte{1}) << "compressible";
}

TEST(Codec, SendsRawWhatThePeerWouldTakeForABomb) {
  Codec codec;
  const Message message = Segment{1, {}, 1, 1, Bytes(900'000)};
  const Bytes frame = codec.encode({&message, 1});
  EXPECT_EQ(frame.front(), std::byte{0});
  EXPECT_EQ(codec.decode(frame).value().front(), message);
}

}  // namespace
}  // namespace edgesync::wire
