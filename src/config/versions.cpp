// SPDX-License-Identifier: Apache-2.0
#include <edgesync/versions.hpp>

namespace edgesync {

const char* name(Verdict verdict) noexcept {
  switch (verdict) {
    case Verdict::healthy:
      return "healthy";
    case Verdict::reject:
      return "reject";
    case Verdict::hold:
      return "hold";
  }
  return "unknown";
}

const char* name(VersionRole role) noexcept {
  switch (role) {
    case VersionRole::offered:
      return "offered";
    case VersionRole::staged:
      return "staged";
    case VersionRole::held:
      return "held";
    case VersionRole::active:
      return "active";
    case VersionRole::confirmed:
      return "confirmed";
    case VersionRole::rolled_back:
      return "rolled_back";
    case VersionRole::quarantined:
      return "quarantined";
    case VersionRole::superseded:
      return "superseded";
    case VersionRole::trial:
      return "trial";
  }
  return "unknown";
}

}  // namespace edgesync
