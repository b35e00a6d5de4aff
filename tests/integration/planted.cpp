// SPDX-License-Identifier: Apache-2.0
// Plants a bug in the `edgesync` program of a build with tests, if EDGESYNC_PLANTED_BUG=synchronous_normal: a hub that
// does not sync its commits, as the control of the power cuts. It is planted for the main thread, which opens
// databases.
#include "base/planted.hpp"

#include <cstdlib>
#include <string_view>

namespace {

const bool planted = [] {
  const char* name = std::getenv("EDGESYNC_PLANTED_BUG");
  if (name == nullptr || std::string_view(name) != "synchronous_normal") return false;
  edgesync::planted_bug = edgesync::Bug::synchronous_normal;
  return true;
}();

}  // namespace
