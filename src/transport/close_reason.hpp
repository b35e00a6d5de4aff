// SPDX-License-Identifier: Apache-2.0
// CloseReason: how an Error travels in a WebSocket close frame, so that the peer learns why. The text is
// "<errc name>: <detail>" in printable UTF-8; a peer that sends only a code is understood too.
#pragma once

#include <edgesync/error.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace edgesync::transport {

struct CloseReason {
  std::uint16_t code = 1000;
  std::string text{};  ///< At most close_text_bytes_max.
};

/// RFC 6455, section 7.4.1: a kind of data that is not understood.
inline constexpr std::uint16_t unknown_data = 1003;

/// A control frame carries 125 bytes, two of which are the code.
inline constexpr std::size_t close_text_bytes_max = 120;

CloseReason to_close_reason(const Error& why);

/// The peer's Error as seen from here. A peer's `cancelled` is our `closed`.
Error from_close_reason(std::uint16_t code, std::string_view text);

}  // namespace edgesync::transport
