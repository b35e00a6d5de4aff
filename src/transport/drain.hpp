// SPDX-License-Identifier: Apache-2.0
// The end of a socket: nothing more is sent, and what still comes is read and forgotten. A socket closed over unread
// bytes would be reset, and the reset could overtake what was said last.
#pragma once

#include "transport/byte_stream.hpp"

namespace edgesync::transport {

/// Calls `done` when the peer has ended too. The socket outlives it: its owner waits for `done`.
void end_and_drain(Socket& socket, Function<void()> done);

}  // namespace edgesync::transport
