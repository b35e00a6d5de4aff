// SPDX-License-Identifier: Apache-2.0
// Plain TCP peers on 127.0.0.1 that say exactly what a test wants, or nothing at all.
#pragma once

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace edgesync::rig {

class RawSocket {
 public:
  explicit RawSocket(int descriptor = -1) : descriptor_(descriptor) {}
  RawSocket(RawSocket&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  RawSocket& operator=(RawSocket&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~RawSocket() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

  static RawSocket connect(std::uint16_t port, int flags = 0) {
    RawSocket made(::socket(AF_INET, SOCK_STREAM | flags, 0));
    EXPECT_TRUE(made.connect_to(port) || flags != 0);
    return made;
  }
  bool connect_to(std::uint16_t port) const {
    const sockaddr_in address = local(port);
    return ::connect(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  int descriptor() const { return descriptor_; }
  static RawSocket listen(int backlog = 8) {
    RawSocket made(::socket(AF_INET, SOCK_STREAM, 0));
    const sockaddr_in address = local(0);
    EXPECT_EQ(0, ::bind(made.descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address));
    EXPECT_EQ(0, ::listen(made.descriptor_, backlog));
    return made;
  }
  RawSocket accept() const { return RawSocket(::accept(descriptor_, nullptr, nullptr)); }

  std::uint16_t port() const {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    EXPECT_EQ(0, ::getsockname(descriptor_, reinterpret_cast<sockaddr*>(&address), &size));
    return ntohs(address.sin_port);
  }
  void send(std::string_view text) const {
    while (!text.empty()) {
      const auto sent = ::send(descriptor_, text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  /// Up to and with `mark`, or to the end of the connection.
  std::string read_until(std::string_view mark) const {
    std::string text;
    char byte = 0;
    while (text.size() < mark.size() || !text.ends_with(mark)) {
      if (::recv(descriptor_, &byte, 1, 0) != 1) break;
      text.push_back(byte);
    }
    return text;
  }
  std::string read_bytes(std::size_t count) const {
    std::string text(count, '\0');
    const auto got = ::recv(descriptor_, text.data(), count, MSG_WAITALL);
    text.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
    return text;
  }
  /// What is left until the peer ends the connection.
  std::string read_all() const {
    std::string text;
    char buffer[4096];
    for (ssize_t got = 0; (got = ::recv(descriptor_, buffer, sizeof buffer, 0)) > 0;)
      text.append(buffer, static_cast<std::size_t>(got));
    return text;
  }

 private:
  static sockaddr_in local(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
  }
  int descriptor_;
};

/// The upgrade request of RFC 6455, section 1.3.
inline std::string upgrade_request(std::string_view extra = {}) {
  return "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n" +
         std::string(extra) + "\r\n";
}

/// A client's frame, masked with zeros; the payload is shorter than 126 bytes.
inline std::string client_frame(int opcode, std::string_view payload) {
  std::string frame{
      static_cast<char>(0x80 | opcode), static_cast<char>(0x80 | static_cast<int>(payload.size())), 0, 0, 0, 0};
  return frame.append(payload);
}

}  // namespace edgesync::rig
