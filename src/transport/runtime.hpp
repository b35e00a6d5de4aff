// SPDX-License-Identifier: Apache-2.0
// The Host over Asio. One engine per runtime: on an io_context with a thread of its own, or on a strand of the caller's
// executor.
#pragma once

#include "transport/engine.hpp"
#include "transport/timer.hpp"
#include "transport/transport.hpp"

#include <memory>

namespace edgesync::transport {

class AsioHost : public Host {
 public:
  void post(Function<void()> work) override;
  std::shared_ptr<HostRef> reference() override;
  std::unique_ptr<Timer> timer(Function<void()> callback) override;
  Result<void> connect(ConnectOptions options, std::shared_ptr<Handler> handler) override;
  Result<std::unique_ptr<Listener>> listen(ListenOptions options, HandlerFactory factory) override;
  Clock& clock() noexcept override { return clock_; }
  bool inside() const noexcept override { return engine_->inside(); }

 protected:
  explicit AsioHost(std::shared_ptr<Engine> engine) : engine_(std::move(engine)) {}
  /// The last user has let go.
  void stop_all();

 private:
  const std::shared_ptr<Engine> engine_;
  SystemClock clock_;
};

}  // namespace edgesync::transport
