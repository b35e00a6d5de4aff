// SPDX-License-Identifier: Apache-2.0
// A Result that nobody looks at is a lost write: it must be used, or ignored in writing.
// Expected: unused-result|ignoring return value
#include <edgesync/state.hpp>

void store(edgesync::State& state) {
#if defined(MISUSE)
  state.set("door", "open");
#else
  state.set("door", "open").ignore();
#endif
}
