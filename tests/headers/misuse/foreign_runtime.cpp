// SPDX-License-Identifier: Apache-2.0
// A runtime comes from make_runtime() or asio_runtime(); nobody makes an empty one.
// Expected: protected
#include <edgesync/runtime.hpp>

std::shared_ptr<edgesync::Runtime> runtime() {
#if defined(MISUSE)
  edgesync::Runtime empty;
  return nullptr;
#else
  return edgesync::make_runtime();
#endif
}
