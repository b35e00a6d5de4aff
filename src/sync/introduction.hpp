// SPDX-License-Identifier: Apache-2.0
// Introduction: what a link begins with. A node shows its hub a token, or proves by a signature that it holds a key. It
// signs what only the two ends of this one connection know, so that the signature is of no use on any other: neither to
// who recorded it nor to a hub that would like to pass for the node elsewhere (channel binding, RFC 5056 and RFC 9266).
#pragma once

#include "config/signature.hpp"
#include "wire/message.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace edgesync::sync {

/// Signs what begins with a domain of its own; nothing if that cannot be done.
using Sign = Function<std::optional<config::SignatureBytes>(ByteView)>;

struct Introduction {
  std::string token{};        ///< Node role: for the hub.
  std::string address{};      ///< The peer's, for people.
  Bytes key{}, proof{};       ///< Node role: a public key, and its signature of claim_of() this connection.
  Bytes binding{};            ///< Hub role: what only both ends know.
  std::string certificate{};  ///< Hub role: the name that TLS has verified.
  std::string network{};      ///< Hub role: where the peer is, more or less.
  Sign sign{};                ///< Node role: with that key.
};

/// What a node's key signs: its domain, the binding, who the node is and what it calls itself.
Bytes claim_of(ByteView binding, const ReplicaId& replica, std::string_view name);

/// The id of the key that the node has proved to hold; empty if it named none. Fails with: protocol_violation (no key
/// or proof has that form), unauthorized (it does not hold the key, or not on this connection, or nothing tells this
/// one from another).
Result<std::string> proved_key(const wire::Hello& hello, ByteView binding, const config::Verifier* verifier);

/// Whether that key made the signature; not of one under which anybody can sign. No verifier: no.
bool signed_by(ByteView key, ByteView message, ByteView signature, const config::Verifier* verifier);

}  // namespace edgesync::sync
