// SPDX-License-Identifier: Apache-2.0
#include "transport/thread.hpp"

#include <signal.h>

#include <system_error>

namespace edgesync::transport {

std::optional<std::thread> quiet_thread(Function<void()> work) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::optional<std::thread> thread;
  try {
    thread.emplace([work = std::move(work)] {
      try {
        work();
      } catch (...) {
      }
    });
  } catch (...) {
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return thread;
}

bool start_quiet_thread(Function<void()> work) {
  auto thread = quiet_thread(std::move(work));
  if (thread) thread->detach();
  return thread.has_value();
}

}  // namespace edgesync::transport
