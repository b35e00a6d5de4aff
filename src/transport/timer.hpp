// SPDX-License-Identifier: Apache-2.0
// Timers on an engine: the Timer that layers above use, and the system's clock. Instants count from the steady clock's
// own epoch, so that they convert without a stored offset.
#pragma once

#include "base/clock.hpp"
#include "transport/engine.hpp"
#include "transport/transport.hpp"

#include <chrono>
#include <memory>

namespace edgesync::transport {

class SystemClock final : public Clock {
 public:
  Now now() override;
};

/// Destroyed on its runtime, it never calls back again; elsewhere a call under way may still finish.
std::unique_ptr<Timer> make_timer(std::shared_ptr<Engine> engine, Function<void()> callback);

}  // namespace edgesync::transport
