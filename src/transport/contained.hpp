// SPDX-License-Identifier: Apache-2.0
// contained(): the wall between an event loop and what is called from it. No exception of a handler ends the loop.
#pragma once

#include <utility>

namespace edgesync::transport {

/// Runs `work`; nothing it throws gets out. Returns false if it threw.
template <class Work>
bool contained(Work&& work) noexcept {
  try {
    std::forward<Work>(work)();
    return true;
  } catch (...) {
    return false;
  }
}

}  // namespace edgesync::transport
