// SPDX-License-Identifier: Apache-2.0
// What a call returns when it fails is an Error with a reason, not a bare code.
// Expected: could not convert|no viable conversion
#include <edgesync/error.hpp>

edgesync::Result<int> fail() {
#if defined(MISUSE)
  return edgesync::Errc::closed;
#else
  return edgesync::Error{edgesync::Errc::closed, "node: closed"};
#endif
}
