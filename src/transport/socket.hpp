// SPDX-License-Identifier: Apache-2.0
// What every TCP socket gets, whichever side opened it.
#pragma once

#include "transport/byte_stream.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <string>

namespace edgesync::transport {

inline std::string name_of(const boost::asio::ip::tcp::endpoint& endpoint) {
  const std::string address = endpoint.address().to_string();
  const bool v6 = endpoint.address().is_v6();
  return (v6 ? "[" + address + "]" : address) + ":" + std::to_string(endpoint.port());
}

/// The remote address; empty if it has gone already.
inline std::string peer_name(const Socket& socket) {
  boost::system::error_code gone;
  const auto endpoint = socket.remote_endpoint(gone);
  return gone ? std::string() : name_of(endpoint);
}

/// No program that the application starts inherits the socket: it would hold up the connection when this process ends.
template <class AnySocket>
void keep_from_children(AnySocket& socket) {
  const int flags = ::fcntl(socket.native_handle(), F_GETFD);
  if (flags >= 0) ::fcntl(socket.native_handle(), F_SETFD, flags | FD_CLOEXEC);
}

/// Messages are small and somebody waits for each: no collecting of segments. And what the network cannot take yet
/// stays with us instead of in the system's buffer, where nothing can overtake it and nobody knows how long it will be:
/// ByteStream::when_room().
inline void prepare(Socket& socket) {
  keep_from_children(socket);
  boost::system::error_code ignored;
  socket.set_option(boost::asio::ip::tcp::no_delay(true), ignored);
#ifdef TCP_NOTSENT_LOWAT
  constexpr int unsent_bytes = 16 * 1024;
  ::setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent_bytes, sizeof unsent_bytes);
#endif
}

}  // namespace edgesync::transport
