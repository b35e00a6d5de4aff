// SPDX-License-Identifier: Apache-2.0
// HubLimits: what a hub gives to strangers, to one device and to all together. What a single frame, message, key or
// value may have is fixed: src/wire/PROTOCOL.md, "Limits".
#pragma once

#include <edgesync/rate.hpp>

#include <cstddef>
#include <cstdint>

namespace edgesync {

struct HubLimits {
  /// Connections at a time. More are closed when they are accepted, before TLS costs anything.
  std::size_t links = 10'000;
  /// Of them, those that have not said yet who they are: in TLS, in the upgrade, before their Hello was accepted, each
  /// for 20 s at most. All together, and from one network: the first 24 bits of an IPv4 address, the first 56 of IPv6.
  /// More are closed when they are accepted, and come back by their backoff. A network that hides many devices behind
  /// one address may need more.
  std::size_t strangers = 512;
  std::size_t strangers_per_network = 64;
  /// Connections that are accepted, and of one network: after an outage a fleet comes back at a pace at which each
  /// handshake is in time. More are closed before TLS costs anything, and come back by their backoff.
  Rate arrivals{.per_second = 400, .burst = 400};
  Rate arrivals_per_network{.per_second = 200, .burst = 200};
  /// Refused log-ins per minute from one network. Beyond, it has only `suspects_per_network` places for strangers, so
  /// that guessing is slow, and who is welcome still gets in.
  double refusals_per_network = 50;
  std::size_t suspects_per_network = 4;
  /// Refused log-ins per minute under one name from one network. Beyond, the token is not even looked at for a time
  /// that doubles, from 10 s to an hour, and of which the node is told. A key that the hub knows still gets in.
  double refusals_per_name = 5;

  /// Frames and bytes of one link. What is beyond waits in the network, and so at the device; nothing is lost, and
  /// nobody is closed for it. The bursts are what a device of a few days offline has to tell. A relay is one link: a
  /// hub with relays needs more.
  Rate frames{.per_second = 200, .burst = 8'192};
  Rate bytes{.per_second = 2.0 * (1 << 20), .burst = 64.0 * (1 << 20)};

  /// Bytes of what arrives, of all links together. Half of it is for parts of changes that are not whole yet: beyond,
  /// whoever adds to more than a little is told to come back later. Half is for what waits for the disk: beyond, links
  /// are read no further until it has caught up.
  std::size_t incoming_bytes = 256u << 20;
};

}  // namespace edgesync
