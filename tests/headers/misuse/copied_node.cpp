// SPDX-License-Identifier: Apache-2.0
// A node is a resource with one owner: it moves and does not copy.
// Expected: deleted
#include <edgesync/node.hpp>

#include <utility>

edgesync::Node take(edgesync::Node& node) {
#if defined(MISUSE)
  return node;
#else
  return std::move(node);
#endif
}
