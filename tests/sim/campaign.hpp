// SPDX-License-Identifier: Apache-2.0
// Campaign: many seeds, and what they amounted to. Seeds share nothing, so a campaign may be played by several
// processes; what they found is added up, and there is one verdict. Thread safety: one at a time per process, because
// SQLite's own random numbers come from the world that runs.
#pragma once

#include "sim/bugs.hpp"
#include "sim/world.hpp"

namespace edgesync::sim {

struct Campaign {
  std::uint64_t first = 1, count = 300;
  unsigned jobs = 1;      ///< Processes.
  std::string changes{};  ///< To every plan; see changes.hpp.
  bool verbose = false, twice = false, deep = false, print = false;
  bool stop_at_first = false;  ///< Violation.
  Bug bug = Bug::none;
  std::string program = "edgesync_sim";  ///< Named in the line that replays a failing seed.
};

/// Plain data, so that processes can count in memory that they share.
struct Tally {
  std::uint64_t seeds = 0, violations = 0, events = 0, frames = 0, promised = 0, forgotten = 0;
  Span lived{};
  FaultCounts struck{};
  Sights seen{};
  std::uint64_t first_failing = 0;
  std::uint64_t playing = 0;        ///< The seed under way.
  std::array<char, 12'000> text{};  ///< Of the first violation: seed, plan, trace and how to replay it.

  std::string message() const { return text.data(); }
  void add(const Report& report) noexcept;
  void add(const Tally& other);
};

Tally play(const Campaign& campaign);
/// Plays every `step`-th seed in this process.
void play_some(const Campaign& campaign, std::uint64_t step, Tally& tally);
/// The same by campaign.jobs processes. One that dies is a violation by the seed that it played.
Tally play_in_processes(const Campaign& campaign);
/// Makes the plan of a failing seed smaller, and prints how. True if the seed does not fail.
bool shrink_seed(const Campaign& campaign);
/// Looks for each planted bug until it is noticed; prints a row of the table in README.md each. False if one survived.
bool find_bugs(const Campaign& campaign);

}  // namespace edgesync::sim
