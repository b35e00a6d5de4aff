// SPDX-License-Identifier: Apache-2.0
// Network: a runtime, certificates and listeners for tests of the transport over real sockets on 127.0.0.1.
#pragma once

#include "certificates.hpp"
#include "raw_peer.hpp"
#include "recorder.hpp"

namespace edgesync::rig {

using namespace std::chrono_literals;

/// One listener whose handlers are Recorders, handed out in the order of connections.
class Server {
 public:
  Server(transport::Host& host, transport::ListenOptions options, bool echo = false) {
    options.address = "127.0.0.1";
    options.refused = [box = refusals_](std::string_view, const Error& why) { box->put(why); };
    auto listening = host.listen(std::move(options), [box = handlers_, echo] {
      auto handler = std::make_shared<Recorder>();
      handler->echo = echo;
      box->put(handler);
      return handler;
    });
    EXPECT_TRUE(listening) << listening.error().detail;
    if (listening) listener = *std::move(listening);
  }

  std::shared_ptr<Recorder> accepted() {
    const auto handler = handlers_->take();
    return handler ? *handler : std::make_shared<Recorder>();
  }
  Error refused() { return refusals_->take().value_or(Error{}); }
  std::uint16_t port() const { return listener->port(); }

  std::unique_ptr<transport::Listener> listener;

 private:
  std::shared_ptr<Mailbox<std::shared_ptr<Recorder>>> handlers_ =
      std::make_shared<Mailbox<std::shared_ptr<Recorder>>>();
  std::shared_ptr<Mailbox<Error>> refusals_ = std::make_shared<Mailbox<Error>>();
};

class Network : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { authority_ = std::make_unique<TestAuthority>(); }
  static void TearDownTestSuite() { authority_.reset(); }

  transport::Host& host() { return transport::host(*runtime_); }

  static transport::ListenOptions tls(const Certificate& certificate, transport::Limits limits = {}) {
    return {.tls = {.certificate_file = certificate.certificate_file, .key_file = certificate.key_file},
            .limits = limits};
  }
  static transport::ListenOptions plain(transport::Limits limits = {}) { return {.insecure = true, .limits = limits}; }

  static transport::ConnectOptions to_tls(std::uint16_t port, transport::Limits limits = {}) {
    return {
        .url = "wss://127.0.0.1:" + std::to_string(port), .tls = {.ca_file = authority_->ca_file()}, .limits = limits};
  }
  static transport::ConnectOptions to_plain(std::uint16_t port, transport::Limits limits = {}) {
    return {.url = "ws://127.0.0.1:" + std::to_string(port), .insecure = true, .limits = limits};
  }

  std::shared_ptr<Recorder> connect(transport::ConnectOptions options) {
    auto handler = std::make_shared<Recorder>();
    const auto started = host().connect(std::move(options), handler);
    EXPECT_TRUE(started) << started.error().detail;
    return handler;
  }

  std::shared_ptr<Runtime> runtime_ = make_runtime();
  static inline std::unique_ptr<TestAuthority> authority_;
};

}  // namespace edgesync::rig
