// SPDX-License-Identifier: Apache-2.0
// Hostile zstd frames. Each test also states what refusing may cost in memory.
#include "unit/wire/allocation.hpp"
#include "unit/wire/generate.hpp"
#include "unit/wire/support.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <zstd.h>

#include <functional>
#include <string>

namespace edgesync::wire {
namespace {

using namespace testing;

constexpr std::size_t mib = std::size_t{1} << 20;

struct ZstdOptions {
  bool content_size = true;
  int window_log = 20;
};

Bytes zstd(ByteView body, const ZstdOptions& options = {}) {
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, options.content_size ? 1 : 0);
  ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, options.window_log);
  Bytes out(ZSTD_compressBound(body.size()));
  out.resize(ZSTD_compress2(context, out.data(), out.size(), body.data(), body.size()));
  ZSTD_freeCCtx(context);
  return out;
}

// A frame of `size` zeros, made by hand from run-length blocks of 128 KiB: three bytes and the zero each.
Bytes bomb(std::uint64_t claimed, std::uint64_t size) {
  Bytes out = hex("28b52ffd c0 50");  // content size of eight bytes, window 2^20
  for (int i = 0; i < 8; ++i) out.push_back(static_cast<std::byte>(claimed >> (8 * i)));
  constexpr std::uint64_t block_max = 128 * 1024;
  for (std::uint64_t left = size; left > 0;) {
    const std::uint64_t block = std::min(left, block_max);
    left -= block;
    const std::uint64_t header = block << 3 | 2 | (left == 0 ? 1 : 0);
    for (int i = 0; i < 3; ++i) out.push_back(static_cast<std::byte>(header >> (8 * i)));
    out.push_back(std::byte{0});
  }
  return out;
}

Bytes packed_frame(ByteView packed) {
  Bytes frame;
  frame.reserve(1 + packed.size());
  frame.push_back(std::byte{1});
  frame.insert(frame.end(), packed.begin(), packed.end());
  return frame;
}

Error refusal(ByteView packed, const Limits& limits = {}) {
  Codec codec(limits);
  auto decoded = codec.decode(packed_frame(packed));
  EXPECT_FALSE(decoded);
  return decoded ? Error() : std::move(decoded).error();
}

Bytes pings(std::size_t count) {
  Bytes body;
  for (std::size_t i = 0; i < count; ++i) {
    const Bytes ping = hex("920c07");
    body.insert(body.end(), ping.begin(), ping.end());
  }
  return body;
}

TEST(Compression, AcceptsOneSoundFrame) {
  Codec codec;
  EXPECT_EQ(codec.decode(packed_frame(zstd(pings(100)))).value().size(), 100U);
}

TEST(Compression, RefusesAGibibyteBombWithoutAllocatingIt) {
  constexpr std::uint64_t gib = std::uint64_t{1} << 30;
  const Bytes honest = bomb(gib, gib), liar = bomb(50'000, gib), overflow = bomb(~std::uint64_t{0}, gib);
  ASSERT_LT(honest.size(), 40'000U);
  const Bytes honest_frame = packed_frame(honest), liar_frame = packed_frame(liar), other = packed_frame(overflow);
  Codec codec;
  rusage before{}, after{};
  getrusage(RUSAGE_SELF, &before);
  const AllocationCount count;
  const auto by_size = codec.decode(honest_frame), by_content = codec.decode(liar_frame), huge = codec.decode(other);
  EXPECT_LT(count.bytes(), 100'000U);
  getrusage(RUSAGE_SELF, &after);
  EXPECT_LT(after.ru_maxrss - before.ru_maxrss, 16 * 1024);  // KiB
  EXPECT_EQ(error_of(by_size), Errc::limit_exceeded);
  EXPECT_EQ(error_of(huge), Errc::limit_exceeded);
  EXPECT_EQ(error_of(by_content), Errc::protocol_violation);
}

TEST(Compression, RefusesARatioBeyondTheLimitBeforeAllocating) {
  const Bytes frame = packed_frame(bomb(3 * mib, 3 * mib));
  Codec codec;
  const AllocationCount count;
  const auto decoded = codec.decode(frame);
  EXPECT_LT(count.bytes(), 10'000U);
  ASSERT_FALSE(decoded);
  EXPECT_NE(decoded.error().detail.find("ratio"), std::string::npos);
}

TEST(Compression, RefusesAFrameThatStatesNoContentSize) {
  const Error error = refusal(zstd(pings(100), {.content_size = false}));
  EXPECT_TRUE(error.is(Errc::protocol_violation));
  EXPECT_NE(error.detail.find("content size"), std::string::npos) << error.detail;
}

TEST(Compression, RefusesAWindowBeyondTheLimit) {
  Bytes wide = bomb(50'000, 50'000);
  wide[5] = std::byte{0x58};  // 2^21
  const Error error = refusal(wide);
  EXPECT_TRUE(error.is(Errc::limit_exceeded));
  EXPECT_NE(error.detail.find("window"), std::string::npos) << error.detail;
  Bytes slightly = bomb(50'000, 50'000);
  slightly[5] = std::byte{0x51};  // 2^20 and an eighth
  EXPECT_TRUE(refusal(slightly).is(Errc::limit_exceeded));
}

TEST(Compression, RefusesSkippableFrames) {
  Bytes skippable = hex("502a4d18 04000000 00000000");
  EXPECT_TRUE(refusal(skippable).is(Errc::protocol_violation));
  const Bytes sound = zstd(pings(100));
  Bytes before = skippable, after = sound;
  before.insert(before.end(), sound.begin(), sound.end());
  after.insert(after.end(), skippable.begin(), skippable.end());
  EXPECT_TRUE(refusal(before).is(Errc::protocol_violation));
  EXPECT_TRUE(refusal(after).is(Errc::protocol_violation));
}

TEST(Compression, RefusesConcatenatedFramesAndTrailingBytes) {
  const Bytes sound = zstd(pings(100));
  for (const Bytes& more : {sound, zstd({}), hex("00")}) {
    Bytes both = sound;
    both.insert(both.end(), more.begin(), more.end());
    EXPECT_TRUE(refusal(both).is(Errc::protocol_violation));
  }
}

TEST(Compression, RefusesDictionaryIds) {
  Bytes packed = zstd(pings(100));
  ASSERT_EQ(packed[4] & std::byte{3}, std::byte{0});
  packed[4] |= std::byte{1};
  packed.insert(packed.begin() + 5, std::byte{7});
  const Error error = refusal(packed);
  EXPECT_NE(error.detail.find("dictionary"), std::string::npos) << error.detail;
}

TEST(Compression, RefusesAContentSizeThatIsNotTheContents) {
  EXPECT_TRUE(refusal(bomb(50'001, 50'000)).is(Errc::protocol_violation));
  EXPECT_TRUE(refusal(bomb(49'999, 50'000)).is(Errc::protocol_violation));
}

TEST(Compression, RefusesEveryTruncation) {
  const Bytes packed = zstd(pings(1000));
  for (std::size_t size = 0; size < packed.size(); ++size)
    ASSERT_TRUE(refusal(ByteView(packed).first(size)).is(Errc::protocol_violation)) << size;
}

TEST(Compression, RefusesFramesBeyondTheWireLimitAndUnknownShells) {
  Codec codec;
  EXPECT_EQ(error_of(codec.decode(Bytes(mib + 1))), Errc::limit_exceeded);
  EXPECT_EQ(error_of(codec.decode(hex("02"))), Errc::protocol_violation);
  EXPECT_EQ(error_of(codec.decode({})), Errc::protocol_violation);
}

TEST(Compression, LowersLimitsToTheHardMaximum) {
  Limits boundless;
  boundless.frame_bytes = boundless.decoded_bytes = boundless.ratio = boundless.ratio_free_bytes = ~std::size_t{0};
  boundless.window_log = 99;
  Codec codec(boundless);
  EXPECT_EQ(error_of(codec.decode(Bytes(16 * mib + 1))), Errc::limit_exceeded);
  EXPECT_TRUE(refusal(bomb(65 * mib, 65 * mib), boundless).is(Errc::limit_exceeded));
  Bytes wide = bomb(50'000, 50'000);
  wide[5] = std::byte{0x70};  // 2^24
  EXPECT_TRUE(refusal(wide, boundless).is(Errc::limit_exceeded));
}

}  // namespace
}  // namespace edgesync::wire
