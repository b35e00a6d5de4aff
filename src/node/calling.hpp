// SPDX-License-Identifier: Apache-2.0
// Calling: somebody who calls the application without the core's lock. While it lives, close() waits elsewhere.
#pragma once

#include "node/core.hpp"

namespace edgesync::node {

class Core::Calling {
 public:
  Calling(Core& core, Lock& lock) : core_(core), lock_(lock) { ++core_.calling_; }
  ~Calling() {
    if (!lock_.owns_lock()) lock_.lock();
    --core_.calling_;
    core_.settled_.notify_all();
  }
  Calling(const Calling&) = delete;
  Calling& operator=(const Calling&) = delete;

 private:
  Core& core_;
  Lock& lock_;
};

}  // namespace edgesync::node
