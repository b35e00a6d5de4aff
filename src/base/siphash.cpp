// SPDX-License-Identifier: Apache-2.0
#include "base/hash.hpp"

#include <algorithm>
#include <bit>

namespace edgesync {
namespace {

std::uint64_t little_endian(const std::byte* bytes) noexcept {
  std::uint64_t word = 0;
  for (int i = 7; i >= 0; --i) word = word << 8 | std::to_integer<std::uint64_t>(bytes[i]);
  return word;
}

}  // namespace

std::string to_hex(const Hash128& hash) { return to_hex(to_bytes(hash)); }

Bytes to_bytes(const Hash128& hash) {
  Bytes bytes;
  Writer out(bytes);
  write_hash(out, hash);
  return bytes;
}

SipHash::SipHash(const Hash128& key) noexcept
    : v0_(key.a ^ 0x736f6d6570736575U),
      v1_(key.b ^ 0x646f72616e646f6dU ^ 0xeeU),
      v2_(key.a ^ 0x6c7967656e657261U),
      v3_(key.b ^ 0x7465646279746573U) {}

static void sip_round(std::uint64_t& v0, std::uint64_t& v1, std::uint64_t& v2, std::uint64_t& v3) noexcept {
  v0 += v1, v1 = std::rotl(v1, 13), v1 ^= v0, v0 = std::rotl(v0, 32);
  v2 += v3, v3 = std::rotl(v3, 16), v3 ^= v2;
  v0 += v3, v3 = std::rotl(v3, 21), v3 ^= v0;
  v2 += v1, v1 = std::rotl(v1, 17), v1 ^= v2, v2 = std::rotl(v2, 32);
}

void SipHash::compress(std::uint64_t word) noexcept {
  v3_ ^= word;
  for (int i = 0; i < 2; ++i) sip_round(v0_, v1_, v2_, v3_);
  v0_ ^= word;
}

void SipHash::add(ByteView bytes) noexcept {
  length_ += bytes.size();
  if (tail_size_ > 0) {
    const std::size_t take = std::min(bytes.size(), tail_.size() - tail_size_);
    std::copy_n(bytes.begin(), take, tail_.begin() + static_cast<std::ptrdiff_t>(tail_size_));
    tail_size_ += take;
    bytes = bytes.subspan(take);
    if (tail_size_ < tail_.size()) return;
    compress(little_endian(tail_.data()));
    tail_size_ = 0;
  }
  for (; bytes.size() >= 8; bytes = bytes.subspan(8)) compress(little_endian(bytes.data()));
  std::copy(bytes.begin(), bytes.end(), tail_.begin());
  tail_size_ = bytes.size();
}

Hash128 SipHash::finish() noexcept {
  std::fill(tail_.begin() + static_cast<std::ptrdiff_t>(tail_size_), tail_.end(), std::byte{0});
  compress(little_endian(tail_.data()) | length_ << 56);
  Hash128 hash;
  v2_ ^= 0xee;
  for (int i = 0; i < 4; ++i) sip_round(v0_, v1_, v2_, v3_);
  hash.a = v0_ ^ v1_ ^ v2_ ^ v3_;
  v1_ ^= 0xdd;
  for (int i = 0; i < 4; ++i) sip_round(v0_, v1_, v2_, v3_);
  hash.b = v0_ ^ v1_ ^ v2_ ^ v3_;
  return hash;
}

Hash128 siphash(const Hash128& key, ByteView bytes) noexcept {
  SipHash hash(key);
  hash.add(bytes);
  return hash.finish();
}

}  // namespace edgesync
