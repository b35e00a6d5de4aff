// SPDX-License-Identifier: Apache-2.0
// A deadline has a unit.
// Expected: no matching (?:member )?function|cannot convert|no known conversion
#include <edgesync/node.hpp>

edgesync::Result<void> wait(edgesync::Node& node) {
#if defined(MISUSE)
  return node.flush(5);
#else
  return node.flush(std::chrono::seconds(5));
#endif
}
