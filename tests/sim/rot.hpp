// SPDX-License-Identifier: Apache-2.0
// Rot: a bit flips in a row of a database at rest. Never in the last good copy: whoever spoils a row makes sure that
// another disk holds what it says.
#pragma once

#include "base/random.hpp"
#include "sim/disk.hpp"

#include <string>

namespace edgesync::sim {

/// Flips one bit of a random cell or log row of state scope `scope`. False if there is none, or the disk fails.
/// Requires: nobody has the database open.
bool spoil_row(Disk& disk, const std::string& scope, Random& random);

}  // namespace edgesync::sim
