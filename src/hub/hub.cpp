// SPDX-License-Identifier: Apache-2.0
#include <edgesync/hub.hpp>

#include "node/core.hpp"

namespace edgesync {

Hub::Hub(std::shared_ptr<node::Core> core, std::uint16_t port) noexcept : Node(std::move(core)), port_(port) {}
Hub::Hub(Hub&&) noexcept = default;
Hub& Hub::operator=(Hub&&) noexcept = default;
Hub::~Hub() = default;

Result<Hub> Hub::open(HubOptions options) {
  const bool tls = !options.loopback && !options.insecure;
  if (tls && (options.tls.certificate_file.empty() || options.tls.key_file.empty()))
    return Error(Errc::insecure,
                 "hub: tls: a certificate and a key are needed, or leave for plaintext on a loopback address");
  const auto kind = options.relay ? node::Core::Kind::relay : node::Core::Kind::root;
  auto core = node::Core::open(std::move(options.node), kind, std::move(options.authorize));
  if (!core) return std::move(core).error();
  const auto port = (*core)->listen(options);
  if (!port) {
    node::Core::let_go(*core);
    return port.error();
  }
  return Hub(*std::move(core), *port);
}

std::uint16_t Hub::port() const noexcept { return port_; }

}  // namespace edgesync
