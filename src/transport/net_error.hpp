// SPDX-License-Identifier: Apache-2.0
// net_error: what a system, resolver or TLS error code means in edgesync's words.
#pragma once

#include <edgesync/error.hpp>

#include <boost/system/error_code.hpp>

#include <string_view>

namespace edgesync::transport {

/// `what` says what was being done. TLS errors become untrusted, insecure or protocol_violation, the rest unreachable
/// or a kind of it, timed_out, limit_exceeded or cancelled.
Error net_error(const boost::system::error_code& error, std::string_view what);

}  // namespace edgesync::transport
