// SPDX-License-Identifier: Apache-2.0
// Session: one connected socket from its TLS handshake to its end. It drives TLS, the upgrade, a read loop and a write
// loop, and gives each wait its deadline. It tells its owner exactly once how it ended, and calls nobody after that.
#pragma once

#include "transport/byte_stream.hpp"
#include "transport/engine.hpp"
#include "transport/transport.hpp"

#include <memory>
#include <string>

namespace edgesync::transport {

struct SessionParts {
  std::unique_ptr<ByteStream> bytes;
  bool client = false;
  std::string host{};    ///< Client: the Host header.
  std::string target{};  ///< Client: the path.
  std::string peer{};    ///< Remote address, for people.
  Limits limits{};
  /// The upgrade succeeded: whom to talk to. Null refuses the connection.
  Function<std::shared_ptr<Handler>()> opened{};
  /// It ended before it was open.
  Function<void(const Error&)> failed{};
  /// Let go when the session is over: a listener counts by it.
  std::shared_ptr<void> presence{};
  std::string network{};                 ///< Peer::network.
  std::shared_ptr<Stranger> stranger{};  ///< Peer::stranger, kept until the connection is open.
};

void start_session(std::shared_ptr<Engine> engine, SessionParts parts);

}  // namespace edgesync::transport
