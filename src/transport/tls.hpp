// SPDX-License-Identifier: Apache-2.0
// TLS: 1.3 only, peers always verified. A client checks the server's chain and name; a server with a CA file asks every
// client for a certificate. No renegotiation, no compression, no session tickets.
#pragma once

#include "transport/transport.hpp"

#include <openssl/types.h>

#include <memory>
#include <string>

namespace boost::asio::ssl {
class context;
}

namespace edgesync::transport {

using TlsContext = std::shared_ptr<boost::asio::ssl::context>;

/// Fails with: invalid_argument, naming the file.
Result<TlsContext> client_context(const Tls& tls);
Result<TlsContext> server_context(const Tls& tls);

/// Before a client's handshake: the peer must prove to be `host`. False if OpenSSL cannot set that up.
[[nodiscard]] bool expect_peer(SSL* ssl, const std::string& host);

/// Why the peer's certificate did not verify, in OpenSSL's words; empty if that is not what went wrong.
std::string verify_failure(SSL* ssl);

/// "tls-exporter" (RFC 9266): both ends of one session have the same 32 bytes, and nobody else. Empty if OpenSSL
/// cannot.
Bytes channel_binding(SSL* ssl);
/// The one common name of the peer's verified certificate, if it is a path; else nothing.
std::string certificate_name(SSL* ssl);

}  // namespace edgesync::transport
