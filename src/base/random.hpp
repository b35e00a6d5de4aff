// SPDX-License-Identifier: Apache-2.0
// Randomness is passed in: the engine draws only from a Random it is given, so one seed replays a whole fleet.
#pragma once

#include <edgesync/value.hpp>

#include <array>
#include <cstdint>

namespace edgesync {

/// A source of uniform 64-bit numbers. Implementations: Xoshiro (seeded) here, the system's in transport.
class Random {
 public:
  virtual ~Random() = default;
  virtual std::uint64_t next() = 0;

  /// Uniform in [0, bound). Requires: bound > 0.
  std::uint64_t below(std::uint64_t bound);
  /// True once in `n` draws on average. Requires: n > 0.
  bool one_in(std::uint64_t n) { return below(n) == 0; }
  ReplicaId id();
};

/// xoshiro256** (Blackman and Vigna, 2018), seeded through splitmix64. Same numbers on every platform.
class Xoshiro final : public Random {
 public:
  explicit Xoshiro(std::uint64_t seed) noexcept;
  std::uint64_t next() override;

 private:
  std::array<std::uint64_t, 4> state_;
};

}  // namespace edgesync
