// SPDX-License-Identifier: Apache-2.0
// Changes: what makes a plan smaller, in words that a command line and the file of regressions can hold: "-crashes"
// (any fault), "-streams", "-config", "-counters", "-prefixes", "-private", "-upkeep" (a part of the work), "nodes=3"
// (the last ones are dropped), "chaos/2", "work/2" (half as often), "faults/2".
#pragma once

#include "sim/world.hpp"

namespace edgesync::sim {

/// False if the change is unknown or changes nothing.
bool change(Plan& plan, std::string_view how);
/// Several, separated by commas. False if one is unknown or changes nothing.
bool change_all(Plan& plan, std::string_view how);

/// Why the seed fails with these changes: "O5" of "O5: acked ...".
std::string oracle_of(std::string_view violation);

/// The longest list of changes, found greedily, with which the same oracle still speaks. Requires: the plan fails.
std::string shrink(const Plan& plan, std::string_view oracle);

}  // namespace edgesync::sim
