// SPDX-License-Identifier: Apache-2.0
// Campaign: many seeds one after the other, and what they amounted to. Thread safety: one at a time per process,
// because SQLite's own random numbers come from the world that runs.
#pragma once

#include "base/planted.hpp"
#include "sim/world.hpp"

namespace edgesync::sim {

struct Campaign {
  std::uint64_t first = 1, count = 300;
  bool verbose = false, twice = false, deep = false, print = false;
  bool stop_at_first = false;  ///< Violation.
  Bug bug = Bug::none;
  std::string program = "edgesync_sim";  ///< Named in the line that replays a failing seed.
};

struct Totals {
  std::uint64_t seeds = 0, violations = 0, events = 0, frames = 0, promised = 0, forgotten = 0;
  FaultCounts struck{};
  std::uint64_t first_failing = 0;
  std::string message{};  ///< Of the first violation: seed, plan, trace and how to replay it.
};

Totals play(const Campaign& campaign);
std::optional<Bug> bug_named(std::string_view name);
const char* name_of(Bug bug);

}  // namespace edgesync::sim
