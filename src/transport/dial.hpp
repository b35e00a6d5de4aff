// SPDX-License-Identifier: Apache-2.0
// Dialling: from a URL to an open session. Addresses of a name are tried in turn within one deadline, each with its
// share of what is left, so that a black hole behind the first does not hide the others.
#pragma once

#include "transport/engine.hpp"
#include "transport/transport.hpp"

#include <memory>

namespace edgesync::transport {

/// As Host::connect(). Thread safety: any thread.
Result<void> dial(const std::shared_ptr<Engine>& engine, ConnectOptions options, std::shared_ptr<Handler> handler);

}  // namespace edgesync::transport
