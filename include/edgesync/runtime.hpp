// SPDX-License-Identifier: Apache-2.0
// Runtime: where sockets, timers and handlers of nodes and hubs run. Either a thread of its own (make_runtime, the
// default of every node) or the caller's Asio executor (asio_runtime in <edgesync/asio.hpp>).
#pragma once

#include <edgesync/export.hpp>

#include <memory>

namespace edgesync {

/// Opaque. Several nodes may share one; handlers of everything on one runtime run one at a time.
class EDGESYNC_EXPORT Runtime {
 public:
  virtual ~Runtime();

 protected:
  Runtime() = default;
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;
};

/// A runtime with one thread of its own, which ends when the last user lets go of it. Fails with: throws Failure
/// (limit_exceeded) if the system has no thread to spare.
EDGESYNC_EXPORT std::shared_ptr<Runtime> make_runtime();

/// An in-process address: a hub that listens on it and the nodes that link to it need no network and no TLS.
class Loopback;
EDGESYNC_EXPORT std::shared_ptr<Loopback> make_loopback();

}  // namespace edgesync
