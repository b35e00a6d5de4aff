// SPDX-License-Identifier: Apache-2.0
#include "base/random.hpp"

#include <bit>

namespace edgesync {

std::uint64_t Random::below(std::uint64_t bound) {
  const std::uint64_t limit = UINT64_MAX - UINT64_MAX % bound;  // the largest multiple: no modulo bias
  for (;;) {
    const std::uint64_t value = next();
    if (value < limit) return value % bound;
  }
}

ReplicaId Random::id() {
  ReplicaId id;
  for (std::size_t half = 0; half < 2; ++half) {
    const std::uint64_t bits = next();
    for (std::size_t i = 0; i < 8; ++i) id.bytes[half * 8 + i] = static_cast<std::byte>(bits >> (8 * i));
  }
  return id;
}

Xoshiro::Xoshiro(std::uint64_t seed) noexcept {
  for (std::uint64_t& word : state_) {
    seed += 0x9e3779b97f4a7c15U;
    std::uint64_t z = seed;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    word = z ^ (z >> 31);
  }
}

std::uint64_t Xoshiro::next() {
  const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const std::uint64_t t = state_[1] << 17;
  state_[2] ^= state_[0], state_[3] ^= state_[1], state_[1] ^= state_[2], state_[0] ^= state_[3];
  state_[2] ^= t, state_[3] = std::rotl(state_[3], 45);
  return result;
}

}  // namespace edgesync
