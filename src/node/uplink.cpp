// SPDX-License-Identifier: Apache-2.0
// Core: the link to the hub. One attempt at a time, retried with backoff until unlink().
#include "node/calling.hpp"
#include "node/link_handler.hpp"

namespace edgesync::node {
namespace {

transport::Tls tls_of(const TlsOptions& tls) { return {tls.ca_file, tls.certificate_file, tls.key_file, {}}; }

Result<void> check(const LinkOptions& options) {
  const auto bad = [](const char* what) { return Error(Errc::invalid_argument, std::string("link: ") + what); };
  if (options.heartbeat < 100ms || options.heartbeat > 1h) return bad("heartbeat: not between 100 ms and an hour");
  if (options.backoff_min < 1ms || options.backoff_min > 24h) return bad("backoff_min: not between 1 ms and a day");
  if (options.backoff_max < options.backoff_min || options.backoff_max > 24h)
    return bad("backoff_max: not between backoff_min and a day");
  if (options.sync_interval < 0ms || options.sync_interval > 24h) return bad("sync_interval: not between 0 and a day");
  if (options.bandwidth > 0 && options.bandwidth < 100) return bad("bandwidth: below 100 bytes per second");
  if (options.backfill_share > 100) return bad("backfill_share: above 100");
  return {};
}

}  // namespace

Result<void> Core::connect(const LinkOptions& options, std::uint64_t attempt, std::optional<Timestamp> as_of) {
  auto handler = std::make_shared<LinkHandler>(weak_from_this(), attempt);
  if (options.loopback) {
    options.loopback->connect(*host_, std::move(handler));
    return {};
  }
  transport::ConnectOptions connect;
  connect.url = options.url;
  connect.tls = tls_of(options.tls);
  connect.tls.as_of = as_of;
  connect.insecure = options.insecure;
  connect.limits.idle = options.heartbeat * 4;
  return host_->connect(std::move(connect), std::move(handler));
}

Result<void> Core::link(LinkOptions options) {
  if (kind_ == Kind::root)
    return Error(Errc::invalid_argument, "link: a hub without HubOptions::relay is the authority of its scopes");
  if (auto good = check(options); !good) return good;
  unlink();
  auto lock = this->lock();
  if (!lock) return std::move(lock).error();
  const sync::Backoff backoff(options.backoff_min, options.backoff_max);
  uplink_.emplace(Uplink{std::make_shared<const LinkOptions>(std::move(options)), backoff, 0, false, {}, {}, false});
  const std::uint64_t number = ++attempts_;
  if (auto connected = attempt(*lock, number); !connected) {
    if (is_uplink(sync::Role::node, number)) uplink_.reset();
    return connected;
  }
  stir(*lock);
  return {};
}

void Core::unlink() {
  Lock lock(mutex_);
  if (!uplink_) return;
  uplink_.reset();
  std::shared_ptr<transport::Connection> connection;
  if (const auto id = engine_->uplink_id())
    if (const auto at = connections_.find(*id); at != connections_.end()) connection = at->second;
  lock.unlock();
  if (connection) connection->close({Errc::cancelled, "unlinked"});
}

bool Core::is_uplink(sync::Role role, std::uint64_t attempt) const {
  return role == sync::Role::node && uplink_ && uplink_->attempt == attempt;
}

std::optional<std::string> Core::token(std::uint64_t attempt) {
  Lock lock(mutex_);
  if (closed_ || !is_uplink(sync::Role::node, attempt)) return std::nullopt;
  const Calling calling(*this, lock);
  const auto options = uplink_->options;
  lock.unlock();
  std::string token;
  if (options->token && !handlers_.contain([&] { token = options->token(); })) return std::nullopt;
  return token;
}

Result<void> Core::attempt(Lock& lock, std::uint64_t number) {
  uplink_->attempt = number;
  uplink_->attempting = true;
  const auto options = uplink_->options;
  const auto as_of = engine_->clock().for_certificates(now());
  lock.unlock();  // certificates are read from the disk
  auto connected = connect(*options, number, as_of);
  lock.lock();
  if (!connected && is_uplink(sync::Role::node, number)) uplink_->attempting = false;
  return connected;
}

void Core::attempt_again(Lock& lock) {
  const std::uint64_t number = ++attempts_;
  const auto connected = attempt(lock, number);
  if (connected || closed_ || !is_uplink(sync::Role::node, number)) return;
  // Files or options went bad since link(): say so, and try again later like after any failure.
  uplink_->last_error = connected.error();
  uplink_->hub_said = false;
  uplink_->retry = now().monotonic + uplink_->backoff.next(*random_, {});
  engine_->report_unlinked(connected.error());
}

Result<std::uint16_t> Core::listen(HubOptions& options) {
  auto lock = this->lock();
  if (!lock) return std::move(lock).error();
  auto factory = [weak = weak_from_this()]() -> std::shared_ptr<transport::Handler> {
    return std::make_shared<LinkHandler>(weak);
  };
  auto listener = [&] {
    if (options.loopback) return options.loopback->listen(*host_, std::move(factory));
    transport::ListenOptions listen;
    listen.address = options.address;
    listen.port = options.port;
    listen.tls = tls_of(options.tls);
    listen.insecure = options.insecure;
    listen.limits.connections_max = options.limits.links;
    listen.limits.strangers_max = options.limits.strangers;
    listen.limits.arrivals = options.limits.arrivals;
    listen.limits.arrivals_of_network = options.limits.arrivals_per_network;
    listen.limits.strangers_per_network = options.limits.strangers_per_network;
    listen.limits.suspects_per_network = options.limits.suspects_per_network;
    listen.limits.refusals_per_network = options.limits.refusals_per_network;
    listen.refused = [weak = weak_from_this()](std::string_view peer, const Error& why) {
      if (const auto core = weak.lock()) core->refused(peer, why);
    };
    listen_tls_ = listen.tls;
    return host_->listen(std::move(listen), std::move(factory));
  }();
  if (!listener) return std::move(listener).error();
  listener_ = *std::move(listener);
  return listener_->port();
}

Result<void> Core::renew_certificates() {
  auto lock = this->lock();
  if (!lock) return std::move(lock).error();
  if (!listener_ || !listen_tls_) return Error(Errc::invalid_argument, "certificates: this hub listens without TLS");
  const auto tls = *listen_tls_;
  const auto listener = listener_;
  lock->unlock();  // files are read
  return listener->renew(tls);
}

Result<void> Core::drain(std::chrono::milliseconds within) {
  auto lock = this->lock();
  if (!lock) return std::move(lock).error();
  if (const auto listener = std::exchange(listener_, nullptr)) listener->close();
  settle(*lock, store_->accepted()).ignore();  // so that it can be acknowledged first
  if (closed_) return Error(Errc::closed, "drain: the hub was closed");
  const double nodes = static_cast<double>(engine_->links(sync::Role::hub));
  const auto spread = std::chrono::duration<double>(arrivals_ > 0 ? nodes / arrivals_ : 0);
  engine_->dismiss({Errc::closed, "the hub goes down, and comes back"},
                   std::chrono::ceil<std::chrono::milliseconds>(spread));
  stir(*lock);
  const auto gone = [&] { return closed_ || engine_->links(sync::Role::hub) == 0; };
  if (settled_.wait_for(*lock, within, gone)) return {};
  return Error(Errc::timed_out,
               "drain: " + std::to_string(engine_->links(sync::Role::hub)) + " nodes are linked still");
}

}  // namespace edgesync::node
