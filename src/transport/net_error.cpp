// SPDX-License-Identifier: Apache-2.0
#include "transport/net_error.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <boost/asio/error.hpp>
#include <boost/asio/ssl/error.hpp>

namespace edgesync::transport {
namespace {

namespace net = boost::asio;

/// Alerts and failures of TLS, by OpenSSL's reason.
Errc tls_errc(int reason) noexcept {
  switch (reason) {
    case SSL_R_CERTIFICATE_VERIFY_FAILED:
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
    case SSL_R_TLSV1_ALERT_ACCESS_DENIED:
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
      return Errc::untrusted;
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
    case SSL_R_NO_PROTOCOLS_AVAILABLE:
      return Errc::insecure;
    default:
      return Errc::protocol_violation;
  }
}

Errc errc_of(const boost::system::error_code& error) {
  if (error.category() == net::error::get_ssl_category())
    return tls_errc(ERR_GET_REASON(static_cast<unsigned long>(error.value())));
  if (error == net::error::operation_aborted) return Errc::cancelled;
  if (error == net::error::timed_out) return Errc::timed_out;
  if (error == net::error::connection_refused) return Errc::connection_refused;
  if (error == net::error::host_unreachable || error == net::error::network_unreachable ||
      error == net::error::network_down)
    return Errc::no_route;
  if (error == net::error::no_descriptors || error == net::error::no_memory || error == net::error::no_buffer_space)
    return Errc::limit_exceeded;
  return Errc::unreachable;
}

}  // namespace

Error net_error(const boost::system::error_code& error, std::string_view what) {
  const bool ended = error == net::error::eof || error == net::ssl::error::stream_truncated;
  return {errc_of(error), std::string(what) + ": " + (ended ? "the peer ended the connection" : error.message())};
}

}  // namespace edgesync::transport
