// SPDX-License-Identifier: Apache-2.0
// The listening side: accepts sockets, holds the caps on connections and handshakes, and starts a session for each.
#pragma once

#include "transport/engine.hpp"
#include "transport/transport.hpp"

#include <memory>

namespace edgesync::transport {

/// As Host::listen(). Thread safety: any thread.
Result<std::unique_ptr<Listener>> listen(const std::shared_ptr<Engine>& engine, ListenOptions options,
                                         HandlerFactory factory);

}  // namespace edgesync::transport
