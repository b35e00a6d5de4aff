// SPDX-License-Identifier: Apache-2.0
// Url: where a link goes. Strict on purpose: a scheme, a host, an optional port and an optional plain path, nothing
// else. Credentials never travel in a URL, and plaintext needs both leave and a loopback host.
#pragma once

#include <edgesync/error.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace edgesync::transport {

struct Url {
  bool secure = true;
  std::string host{};  ///< Lower case; an IPv6 address without its brackets.
  std::uint16_t port = 0;
  std::string target = "/";

  /// What the Host header says: brackets for IPv6, the port unless it is the scheme's own.
  std::string authority() const;
};

/// `wss://host[:port][/path]`, or with ws:// the same. Fails with: invalid_argument, saying what is wrong with it.
Result<Url> parse_url(std::string_view text);

/// parse_url() and the rule for plaintext. Fails with: invalid_argument; insecure.
Result<Url> parse_url(std::string_view text, bool insecure);

/// "localhost", 127.0.0.0/8 or ::1.
bool is_loopback(std::string_view host);

/// True if `host` is an IPv4 or IPv6 address rather than a name.
bool is_address(std::string_view host);

}  // namespace edgesync::transport
