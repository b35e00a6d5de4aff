// SPDX-License-Identifier: Apache-2.0
// Use: which version was in use on a node, since when and why. A plain value.
#pragma once

#include <edgesync/versions.hpp>

#include <vector>

namespace edgesync {

/// A time from which on one version was in use on a node.
struct Use {
  VersionInfo version{};                 ///< Also if the node has forgotten the version since; a long note is cut.
  std::vector<std::string> signed_by{};  ///< The public keys of who signed it; empty: nobody did.
  Timestamp since{};                     ///< By this node's clock; 0: nobody knew what time it was.
  std::string reason{};                  ///< What made it so here, for people: a rollback's note, a trial that failed.
};

}  // namespace edgesync
