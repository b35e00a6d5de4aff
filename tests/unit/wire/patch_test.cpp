// SPDX-License-Identifier: Apache-2.0
#include "wire/patch.hpp"
#include "base/random.hpp"

#include <gtest/gtest.h>

namespace edgesync::wire {
namespace {

constexpr std::size_t bytes_max = 600'000;

Bytes any_bytes(Random& random, std::size_t size) {
  Bytes bytes(size);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random.below(256));
  return bytes;
}

TEST(Patch, OfAnyChangeComesBack) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    Xoshiro random(seed);
    const Bytes base = any_bytes(random, random.below(3000));
    Bytes bytes = base;
    for (std::uint64_t edits = random.below(5); edits > 0 && !bytes.empty(); --edits) {
      const auto at = bytes.begin() + static_cast<std::ptrdiff_t>(random.below(bytes.size()));
      random.one_in(2) ? void(bytes.erase(at, bytes.begin() + (at - bytes.begin() + 1)))
                       : void(bytes.insert(at, static_cast<std::byte>(random.below(256))));
    }
    EXPECT_EQ(apply_patch(base, make_patch(base, bytes), bytes_max).value(), bytes) << seed;
    EXPECT_EQ(apply_patch({}, make_patch({}, bytes), bytes_max).value(), bytes) << seed;
  }
}

TEST(Patch, CostsWhatChangedHoweverLargeTheRestIs) {
  Xoshiro random(1);
  const Bytes base = any_bytes(random, 500'000);
  Bytes bytes = base;
  bytes.insert(bytes.begin() + 250'000, std::byte{1});
  EXPECT_LT(make_patch(base, bytes).size(), 200u);
}

TEST(Patch, OnOtherBytesIsNeverTheSame) {
  Xoshiro random(2);
  const Bytes base = any_bytes(random, 2000);
  Bytes bytes = base, other = base;
  bytes[1000] ^= std::byte{1};
  other[10] ^= std::byte{1};
  const auto wrong = apply_patch(other, make_patch(base, bytes), bytes_max);
  EXPECT_TRUE(!wrong || *wrong != bytes);
}

TEST(Patch, RefusesWhatItCannotReadAndWhatWouldBeTooMuch) {
  Xoshiro random(3);
  const Bytes base = any_bytes(random, 1000), patch = make_patch({}, base);
  for (std::size_t size = 0; size < patch.size(); ++size)
    EXPECT_TRUE(apply_patch({}, ByteView(patch).first(size), bytes_max).error().is(Errc::protocol_violation)) << size;
  EXPECT_TRUE(apply_patch({}, patch, 999).error().is(Errc::limit_exceeded));
  for (std::size_t at = 0; at < patch.size(); ++at) {
    Bytes damaged = patch;
    damaged[at] ^= std::byte{0x41};
    const auto read = apply_patch({}, damaged, bytes_max);
    EXPECT_TRUE(!read || read->size() <= bytes_max);
  }
}

}  // namespace
}  // namespace edgesync::wire
