// SPDX-License-Identifier: Apache-2.0
// edgesync_sim: plays seeds, or replays one. Exit code 0: no violation; 1: some; 2: bad arguments.
#include "sim/campaign.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <string_view>

namespace {

int usage() {
  std::puts("edgesync_sim [--seed=N] [--seeds=COUNT] [--jobs=N] [--verbose] [--twice] [--deep] [--bug=NAME]");
  std::puts("  --seed     the first seed (default 1)");
  std::puts("  --seeds    how many from there (default 1)");
  std::puts("  --jobs     by so many processes (default 1)");
  std::puts("  --verbose  print every event");
  std::puts("  --twice    play each seed twice and compare the traces");
  std::puts("  --deep     compare with the truth after every group commit");
  std::puts("  --bug      plant a bug: see base/planted.hpp");
  std::puts("  --change   makes the plan smaller, such as -crashes,chaos/2: see changes.hpp");
  std::puts("  --shrink   looks for such changes with which the seed still fails in the same way");
  std::puts("  --bugs     look for each planted bug within --seeds; exit code 1 if one survives");
  return 2;
}

bool number(std::string_view argument, std::string_view name, std::uint64_t& out) {
  if (!argument.starts_with(name)) return false;
  argument.remove_prefix(name.size());
  const auto [end, failure] = std::from_chars(argument.begin(), argument.end(), out);
  return failure == std::errc() && end == argument.end();
}

}  // namespace

int main(int argc, char** argv) {
  edgesync::sim::Campaign campaign;
  bool bugs = false, shrink = false;
  campaign.program = argv[0];
  campaign.count = 1;
  campaign.print = true;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    std::uint64_t jobs = 0;
    if (number(argument, "--jobs=", jobs)) {
      campaign.jobs = static_cast<unsigned>(std::clamp<std::uint64_t>(jobs, 1, 256));
      continue;
    }
    if (number(argument, "--seed=", campaign.first) || number(argument, "--seeds=", campaign.count)) continue;
    if (argument == "--verbose")
      campaign.verbose = true;
    else if (argument.starts_with("--change="))
      campaign.changes = argument.substr(9);
    else if (argument == "--shrink")
      shrink = true;
    else if (argument == "--bugs")
      bugs = true;
    else if (argument == "--deep")
      campaign.deep = true;
    else if (argument == "--twice")
      campaign.twice = true;
    else if (argument.starts_with("--bug=")) {
      const auto bug = edgesync::sim::bug_named(argument.substr(6));
      if (!bug) return usage();
      campaign.bug = *bug;
    } else
      return usage();
  }
  if (shrink) return edgesync::sim::shrink_seed(campaign) ? 0 : 1;
  if (bugs) return edgesync::sim::find_bugs(campaign) ? 0 : 1;
  return edgesync::sim::play(campaign).violations == 0 ? 0 : 1;
}
