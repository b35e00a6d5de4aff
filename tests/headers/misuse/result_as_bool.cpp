// SPDX-License-Identifier: Apache-2.0
// A Result is asked, not converted: no silent `bool` that forgets the reason.
// Expected: cannot convert|no viable conversion
#include <edgesync/state.hpp>

bool present(const edgesync::State& state) {
#if defined(MISUSE)
  return state.get("door");
#else
  return state.get("door").has_value();
#endif
}
