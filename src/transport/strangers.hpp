// SPDX-License-Identifier: Apache-2.0
// Strangers: how many connections a listener has of which nobody knows yet whose they are, and how fast they come, by
// the network they come from; and which networks are refused too often. Pure: told the time, bounded in memory.
#pragma once

#include "base/meter.hpp"
#include "transport/transport.hpp"

#include <map>
#include <string>

namespace edgesync::transport {

class Strangers {
 public:
  explicit Strangers(const Limits& limits) noexcept
      : limits_(limits), refusals_{limits.refusals_per_network / 60, limits.refusals_per_network} {}

  /// Takes a place for one from `network`. Fails with: limit_exceeded.
  Result<void> enter(const std::string& network, Instant now);
  /// Gives it back.
  void leave(const std::string& network, Instant now);
  /// One from there was not who it should be.
  void refused(const std::string& network, Instant now);
  /// Networks that something is known of.
  std::size_t networks() const noexcept { return networks_.size(); }

 private:
  struct Network {
    std::size_t strangers = 0;
    Meter refused{}, arrivals{};
    bool even(Instant now) const noexcept { return strangers == 0 && refused.even(now) && arrivals.even(now); }
  };
  void forget_some(Instant now);

  const Limits limits_;
  const Rate refusals_;
  std::map<std::string, Network> networks_{};
  std::size_t strangers_ = 0;
  Meter arrivals_{};
};

/// The network of an address: its first 24 bits (IPv4, also within IPv6) or 56, as text.
std::string network_of(const std::string& address);

}  // namespace edgesync::transport
