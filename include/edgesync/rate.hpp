// SPDX-License-Identifier: Apache-2.0
// Rate: so much per second on average, and so much at once.
#pragma once

namespace edgesync {

struct Rate {
  double per_second = 0;  ///< 0: as much as comes.
  double burst = 0;
};

}  // namespace edgesync
