// SPDX-License-Identifier: Apache-2.0
// A hub is a resource with one owner: it moves and does not copy.
// Expected: deleted
#include <edgesync/hub.hpp>

#include <utility>

edgesync::Hub take(edgesync::Hub& hub) {
#if defined(MISUSE)
  return hub;
#else
  return std::move(hub);
#endif
}
