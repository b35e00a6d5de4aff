// SPDX-License-Identifier: Apache-2.0
#include <edgesync/hub.hpp>

#include "hub/access_control.hpp"

namespace edgesync {

Hub::Hub(std::shared_ptr<node::Core> core, std::uint16_t port, std::unique_ptr<node::Follower> access) noexcept
    : Node(std::move(core)), port_(port), access_(std::move(access)) {}
Hub::Hub(Hub&&) noexcept = default;
Hub& Hub::operator=(Hub&&) noexcept = default;
Hub::~Hub() = default;

Result<Hub> Hub::open(HubOptions options) {
  const bool tls = !options.loopback && !options.insecure;
  if (tls && (options.tls.certificate_file.empty() || options.tls.key_file.empty()))
    return Error(Errc::insecure,
                 "hub: tls: a certificate and a key are needed, or leave for plaintext on a loopback address");
  const auto kind = options.relay ? node::Core::Kind::relay : node::Core::Kind::root;
  std::shared_ptr<AccessControl> control;
  if (options.access) {
    control = std::make_shared<AccessControl>(std::move(options.authorize));
    options.authorize = control->authorizer();
  }
  auto core = node::Core::open(std::move(options.node), kind,
                               {std::move(options.authorize), options.limits, options.stable_at_backup});
  if (!core) return std::move(core).error();
  auto access = control ? control->begin(*core) : std::unique_ptr<node::Follower>();
  const auto port = access ? (*core)->listen(options) : access.error();
  if (!port) {
    if (access) access->reset();
    node::Core::let_go(*core);
    return port.error();
  }
  return Hub(*std::move(core), *port, *std::move(access));
}

Result<void> Hub::renew_certificates() { return core_->renew_certificates(); }

void Hub::authorize_again(const Function<bool(const Credentials&)>& concerned) {
  if (concerned) return core_->authorize_again(concerned);
  core_->authorize_again([](const Credentials&) { return true; });
}

Result<void> Hub::drain(std::chrono::milliseconds within) { return core_->drain(within); }

std::uint16_t Hub::port() const noexcept { return port_; }

}  // namespace edgesync
