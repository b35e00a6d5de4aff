// SPDX-License-Identifier: Apache-2.0
// Hashes. SipHash-2-4 with 128-bit output (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012) keys
// fingerprints; SHA-256 (FIPS 180-4), by OpenSSL, names content.
#pragma once

#include "base/bytes.hpp"

#include <array>
#include <cstdint>
#include <memory>

struct evp_md_ctx_st;  // of OpenSSL

namespace edgesync {

/// 128 bits as two lanes. Addition is per lane modulo 2^64, which makes a sum of item hashes order-free and reversible.
struct Hash128 {
  std::uint64_t a = 0, b = 0;
  auto operator<=>(const Hash128&) const = default;
  Hash128& operator+=(const Hash128& other) noexcept { return a += other.a, b += other.b, *this; }
  Hash128& operator-=(const Hash128& other) noexcept { return a -= other.a, b -= other.b, *this; }
};

std::string to_hex(const Hash128& hash);

/// 16 bytes: lane a, then lane b, each big-endian.
inline void write_hash(Writer& out, const Hash128& hash) { out.u64(hash.a), out.u64(hash.b); }
inline Hash128 read_hash(Reader& in) noexcept {
  const std::uint64_t a = in.u64();
  return {a, in.u64()};
}
Bytes to_bytes(const Hash128& hash);

/// SipHash-2-4-128 of `bytes` under `key`.
Hash128 siphash(const Hash128& key, ByteView bytes) noexcept;

/// The same over several pieces, hashed as one run of bytes.
class SipHash {
 public:
  explicit SipHash(const Hash128& key) noexcept;
  void add(ByteView bytes) noexcept;
  Hash128 finish() noexcept;

 private:
  void compress(std::uint64_t word) noexcept;
  std::uint64_t v0_, v1_, v2_, v3_;
  std::array<std::byte, 8> tail_{};
  std::size_t tail_size_ = 0;
  std::uint64_t length_ = 0;
};

using Sha256Digest = std::array<std::byte, 32>;

/// The members and sha256() throw std::bad_alloc if OpenSSL has no memory.
class Sha256 {
 public:
  Sha256();
  void add(ByteView bytes);
  /// Once; nothing can be added after.
  Sha256Digest finish();

 private:
  std::unique_ptr<evp_md_ctx_st, void (*)(evp_md_ctx_st*)> context_;
};

Sha256Digest sha256(ByteView bytes);

}  // namespace edgesync
