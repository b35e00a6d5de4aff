// SPDX-License-Identifier: Apache-2.0
// A subscription that is dropped at once would never call its handler.
// Expected: unused-result|ignoring return(?:ed)? value
#include <edgesync/node.hpp>

edgesync::Subscription watch(edgesync::Node& node) {
#if defined(MISUSE)
  node.on_event([](const edgesync::Event&) {});
  return {};
#else
  return node.on_event([](const edgesync::Event&) {});
#endif
}
