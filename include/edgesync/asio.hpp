// SPDX-License-Identifier: Apache-2.0
// asio.hpp: edgesync for those who have an Asio event loop already. The only public header that includes Boost; use it
// with the target edgesync::asio. Everything else works without it.
#pragma once

#include <edgesync/error.hpp>
#include <edgesync/runtime.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/error.hpp>
#include <boost/version.hpp>

#include <memory>

namespace edgesync {

namespace detail {
/// `executor` points to a boost::asio::any_io_executor, whose layout is the Boost version's own. Fails with:
/// unsupported if that is not the version the library was built with.
EDGESYNC_EXPORT Result<std::shared_ptr<Runtime>> make_asio_runtime(const void* executor, int boost_version);
}  // namespace detail

/// A runtime on the caller's executor: sockets, timers and handlers run on a strand of it, one at a time, whatever the
/// number of threads behind it. Lifetime: let go of the runtime and of everything opened on it, and run the executor
/// until it has no more work, before its execution context is destroyed. Fails with: throws Failure (unsupported) if
/// this program's Boost is not the one edgesync was built with.
inline std::shared_ptr<Runtime> asio_runtime(boost::asio::any_io_executor executor) {
  return detail::make_asio_runtime(&executor, BOOST_VERSION).value();
}

/// The same error for Asio: `cancelled` becomes operation_aborted, `timed_out` timed_out; the others keep edgesync's
/// own category.
inline boost::system::error_code to_asio(const Error& error) noexcept {
  if (error.is(Errc::cancelled)) return boost::asio::error::operation_aborted;
  if (error.is(Errc::timed_out)) return boost::asio::error::timed_out;
  return error.code;
}

}  // namespace edgesync
