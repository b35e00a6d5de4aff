// SPDX-License-Identifier: Apache-2.0
// The bytes of every kind of message, as PROTOCOL.md lists them. They change only with the protocol.
#include "unit/wire/support.hpp"
#include "wire/messages.hpp"

#include <gtest/gtest.h>

namespace edgesync::wire {
namespace {

using namespace testing;

struct Golden {
  const char* frame;
  Message message;
};

crdt::Context known() { return context({{replica(0x11), noon}, {replica(0x22), noon + 1}}); }

Hello hello() {
  return {.capabilities = {"x"},
          .replica = replica(0x11),
          .name = "gw-17",
          .token = "secret",
          .now = Timestamp(std::chrono::seconds(1'790'000'000)),
          .root = true,
          .software = "0.1.0",
          .key = hex("cafe"),
          .proof = hex("beef")};
}

DeltaPart first_part() {
  crdt::Delta delta{known(), known(), false, {}, {}, {{1, 2}, 3}};
  const crdt::Stamp stamp = noon + (std::uint64_t{5} << 20);
  delta.upto.advance({replica(0x11), stamp});
  const crdt::Entry kept{{replica(0x22), noon + 1}, 0, {}}, arbitrated{{replica(0x11), stamp}, noon, hex("0302")};
  delta.keys = {{to_bytes("a/b"), {{{{replica(0x11), stamp}, 0, hex("0354")}, false}}},
                {to_bytes("a/c"), {{arbitrated, false}, {kept, true}}},
                {to_bytes("a/cd"), {}}};
  delta.removals = {
      {{replica(0x11), stamp}, crdt::LogItem::Type::remove, to_bytes("a/cd"), {}, {}},
      {{replica(0x11), stamp}, crdt::LogItem::Type::remove_range, {}, {to_bytes("x"), to_bytes("y")}, known()}};
  return {7, 1, true, delta};
}

DeltaPart later_part() {
  return {7, 1, false, {{}, {}, false, {{to_bytes("b"), {{{{replica(0x11), noon}, 0, hex("00")}, false}}}}, {}, {}}};
}

const std::vector<Golden>& goldens() {
  static const std::vector<Golden> all{
      {"009c01010191a178c41011111111111111111111111111111111a567772d3137a6736563726574cf00065bfeda25e000"
       "c3a5302e312e30c402cafec402beef",
       hello()},
      {"0097020101a7706c616e742d37c4330211111111111111111111111111111111b4a48080808080dc0222222222222222"
       "222222222222222222b5a48080808080dc02c4110000000000000001000000000000000203c402cafe",
       Subscribe{1, Plane::state, "plant-7", known(), {{1, 2}, 3}, hex("cafe")}},
      {"00970301c4330211111111111111111111111111111111b4a48080808080dc0222222222222222222222222222222222"
       "b5a48080808080dc02c4110000000000000001000000000000000203c3c400c400",
       Subscribed{1, known(), {{1, 2}, 3}, true, {}, {}}},
      {"009404010fa26e6f", Unsubscribed{1, Errc::forbidden, "no"}},
      {"0095050701c3c493010211111111111111111111111111111111222222222222222222222222222222220200e8c88085"
       "808080b80501eac88080808080b8050200ffffff04010000000000000000010000000000000002030f0000ffffff04fd"
       "ffff04feffff040003000003612f620100020354020001630202020302050300016400020100000004612f6364020001"
       "7801790200ffffff040100",
       first_part()},
      {"0095050701c2c42600011111111111111111111111111111111109e8c88080808080b80501000001620100010000", later_part()},
      {"0093060701", Cut{7, 1}},
      {"00920707", Ack{7}},
      {"0094080701c4330211111111111111111111111111111111b4a48080808080dc02222222222222222222222222222222"
       "22b5a48080808080dc02",
       Resync{7, 1, known()}},
      {"00930901c4330211111111111111111111111111111111b4a48080808080dc0222222222222222222222222222222222"
       "b5a48080808080dc02",
       Stable{1, known()}},
      {"00960a02c41011111111111111111111111111111111cd03e803c402cafe", Segment{2, replica(0x11), 1000, 3, hex("cafe")}},
      {"00950b02c41011111111111111111111111111111111cd03eac4050300000000",
       StreamAck{2, replica(0x11), 1002, {3, 0, 0, 0, 0}}},
      {"00920c07", Ping{7}},
      {"00920d07", Pong{7}},
      {"00940e0ea5746f6b656ecd7530", Bye{Errc::unauthorized, "token", std::chrono::seconds(30)}},
      {"00950f0105c4330211111111111111111111111111111111b4a48080808080dc0222222222222222222222222222222222"
       "b5a48080808080dc02c42602000000016d0102000000000000000100000000000000020100000000640000000000000003",
       Findings{1, 5, known(), {{{{}, hex("6d")}, true, 0, 0, {1, 2}}, {{hex("6d"), {}}, false, 3, 100, {}}}}},
      {"0094100105c4060100016d0000", Inspect{1, 5, {{hex("6d"), {}}}}},
      {"00931102cd03ea", Prove{2, 1002}},
      {"00941202cd03eac402cafe", Proof{2, 1002, hex("cafe")}},
      {"0097130701c3c4330211111111111111111111111111111111b4a48080808080dc022222222222222222222222222222"
       "2222b5a48080808080dc02c40100c4330211111111111111111111111111111111b4a48080808080dc02222222222222"
       "22222222222222222222b5a48080808080dc02",
       Chunk{7, 1, true, known(), {}, known()}},
      {"0093140701", Staged{7, 1}},
      {"00931701c4060100016d0000", Lost{1, {{hex("6d"), {}}}}},
      {"0094180701c4060100016d0000", Repair{7, 1, {{hex("6d"), {}}}}},
      {"00971501c41011111111111111111111111111111111c4330211111111111111111111111111111111b4a48080808080"
       "dc0222222222222222222222222222222222b5a48080808080dc02c40100c43302111111111111111111111111111111"
       "11b4a48080808080dc0222222222222222222222222222222222b5a48080808080dc02c4330211111111111111111111"
       "111111111111b4a48080808080dc0222222222222222222222222222222222b5a48080808080dc02",
       Resume{1, replica(0x11), known(), {}, known(), known()}},
      {"00961a02c41011111111111111111111111111111111cd03e8cd03ea01",
       Dropped{2, replica(0x11), 1000, 1002, DropReason::quota}},
      {"00951b02c41011111111111111111111111111111111cd03eac4050300000000",
       Trimmed{2, replica(0x11), 1002, {3, 0, 0, 0, 0}}},
      {"009719070104a47477696ec4100000000000000000000000000000000000",
       Refused{7, 1, Errc::limit_exceeded, "twin", {}, 0}},
      {"00961c0701c402cafecd012cc402beef", PatchedPart{7, 1, hex("cafe"), 300, hex("beef")}},
  };
  return all;
}

TEST(Golden, EveryKindHasTheBytesOfTheProtocolText) {
  Codec codec;
  std::vector<bool> seen(std::variant_size_v<Message>);
  for (const Golden& golden : goldens()) {
    seen[golden.message.index()] = true;
    const Bytes frame = hex(golden.frame);
    const auto decoded = codec.decode(frame);
    ASSERT_TRUE(decoded) << golden.frame << ": " << decoded.error().detail;
    EXPECT_EQ(*decoded, std::vector<Message>{golden.message}) << golden.frame;
    // Not by the codec, since what it compresses depends on the release of zstd.
    Bytes body;
    FieldWriter out(body);
    write_message(out, golden.message);
    EXPECT_EQ(to_hex(raw_frame(body)), to_hex(frame));
  }
  EXPECT_EQ(std::count(seen.begin(), seen.end(), false), 0);
}

TEST(Golden, AHelloOfAPeerThatKnowsNoKeysIsOneWithout) {
  Codec codec;
  const auto decoded =
      codec.decode(hex("009a01010191a178c41011111111111111111111111111111111a567772d3137a6736563726574cf00065bfeda25e00"
                       "0c3a5302e312e30"));
  ASSERT_TRUE(decoded) << decoded.error().detail;
  Hello older = hello();
  older.key = older.proof = {};
  EXPECT_EQ(*decoded, std::vector<Message>{older});
  // One field less was never a Hello.
  EXPECT_FALSE(codec.decode(
      hex("009901010191a178c41011111111111111111111111111111111a567772d3137a6736563726574cf00065bfeda25e000c3")));
}

}  // namespace
}  // namespace edgesync::wire
