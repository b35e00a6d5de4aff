// SPDX-License-Identifier: Apache-2.0
// Core: the link to the hub. One attempt at a time, retried with backoff until unlink().
#include "node/link_handler.hpp"

namespace edgesync::node {
namespace {

transport::Tls tls_of(const TlsOptions& tls) { return {tls.ca_file, tls.certificate_file, tls.key_file}; }

}  // namespace

Result<void> Core::connect(const LinkOptions& options) {
  auto handler = std::make_shared<LinkHandler>(weak_from_this(), sync::Role::node);
  if (options.loopback) {
    options.loopback->connect(*host_, std::move(handler));
    return {};
  }
  transport::ConnectOptions connect;
  connect.url = options.url;
  connect.tls = tls_of(options.tls);
  connect.insecure = options.insecure;
  connect.limits.idle = options.heartbeat * 4;
  return host_->connect(std::move(connect), std::move(handler));
}

Result<void> Core::link(LinkOptions options) {
  unlink();
  auto lock = this->lock();
  if (!lock) return std::move(lock).error();
  const sync::Backoff backoff(options.backoff_min, options.backoff_max);
  uplink_.emplace(Uplink{std::move(options), backoff, true, {}, {}});
  engine_->set_uplink(true);
  if (auto connected = connect(uplink_->options); !connected) {
    uplink_.reset();
    engine_->set_uplink(false);
    return connected;
  }
  stir(*lock);
  return {};
}

void Core::unlink() {
  Lock lock(mutex_);
  if (!uplink_) return;
  uplink_.reset();
  engine_->set_uplink(false);
  std::shared_ptr<transport::Connection> connection;
  if (const auto id = engine_->uplink_id())
    if (const auto at = connections_.find(*id); at != connections_.end()) connection = at->second;
  lock.unlock();
  if (connection) connection->close({Errc::cancelled, "unlinked"});
}

void Core::attempt(Lock&) {
  uplink_->attempting = true;
  if (auto connected = connect(uplink_->options); !connected) {
    // Files or options went bad since link(): say so, and try again later like after any failure.
    uplink_->attempting = false;
    uplink_->last_error = connected.error();
    uplink_->retry = now().monotonic + uplink_->backoff.next(*random_, {});
    engine_->report_unlinked(connected.error());
  }
}

Result<std::uint16_t> Core::listen(HubOptions& options) {
  auto lock = this->lock();
  if (!lock) return std::move(lock).error();
  auto factory = [weak = weak_from_this()]() -> std::shared_ptr<transport::Handler> {
    return std::make_shared<LinkHandler>(weak, sync::Role::hub);
  };
  auto listener = [&] {
    if (options.loopback) return options.loopback->listen(*host_, std::move(factory));
    transport::ListenOptions listen;
    listen.address = options.address;
    listen.port = options.port;
    listen.tls = tls_of(options.tls);
    listen.insecure = options.insecure;
    listen.limits.connections_max = options.links_max;
    listen.refused = [weak = weak_from_this()](std::string_view peer, const Error& why) {
      if (const auto core = weak.lock()) core->refused(peer, why);
    };
    return host_->listen(std::move(listen), std::move(factory));
  }();
  if (!listener) return std::move(listener).error();
  listener_ = *std::move(listener);
  return listener_->port();
}

}  // namespace edgesync::node
