// SPDX-License-Identifier: Apache-2.0
// asio.hpp: edgesync for those who have an Asio event loop already. The only public header that includes Boost; use it
// with the target edgesync::asio. Everything else works without it.
#pragma once

#include <edgesync/error.hpp>
#include <edgesync/node.hpp>
#include <edgesync/runtime.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/version.hpp>

#include <memory>
#include <stop_token>
#include <utility>

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

/// Completes with void(error_code), on the handler's executor, once the hub holds every earlier commit and record
/// durably. Cancellation: all types; a cancelled flush only stops waiting, the data is still sent. Lifetime: `node`
/// outlives the start of the operation.
template <boost::asio::completion_token_for<void(boost::system::error_code)> Token>
auto async_flush(Node& node, Token&& token) {
  namespace net = boost::asio;
  auto start = [](auto handler, Node* flushed) {
    std::stop_source stop;
    auto slot = net::get_associated_cancellation_slot(handler);
    if (slot.is_connected()) slot.assign([stop](net::cancellation_type) mutable { stop.request_stop(); });
    auto executor = net::prefer(net::get_associated_executor(handler), net::execution::outstanding_work.tracked);
    flushed->flush(
        [slot, executor, handler = std::move(handler)](Result<void> result) mutable {
          const auto code = result ? boost::system::error_code{} : to_asio(result.error());
          net::post(executor, [slot, code, handler = std::move(handler)]() mutable {
            slot.clear();
            std::move(handler)(code);
          });
        },
        stop.get_token());
  };
  return net::async_initiate<Token, void(boost::system::error_code)>(std::move(start), token, &node);
}

}  // namespace edgesync
