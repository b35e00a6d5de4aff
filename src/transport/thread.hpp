// SPDX-License-Identifier: Apache-2.0
// Threads of a library are guests: signals are the application's business, so ours block them all, and a thread that
// cannot be had is a failure, not an exception.
#pragma once

#include <edgesync/function.hpp>

#include <optional>
#include <thread>

namespace edgesync::transport {

/// Runs `work` on a new thread with all signals blocked. What `work` throws ends the thread and nothing else. Nothing
/// is returned if the system has no thread to spare.
std::optional<std::thread> quiet_thread(Function<void()> work);

/// The same, left to itself. `work` must own what it touches. False if there is no thread.
bool start_quiet_thread(Function<void()> work);

}  // namespace edgesync::transport
