// SPDX-License-Identifier: Apache-2.0
#include "sim/campaign.hpp"

#include "sim/changes.hpp"

#include <algorithm>
#include <array>
#include <chrono>

namespace edgesync::sim {
namespace {

/// Plants a bug for as long as it lives.
class Planted {
 public:
  explicit Planted(Bug bug) noexcept { planted_bug = bug; }
  ~Planted() { planted_bug = Bug::none; }
  Planted(const Planted&) = delete;
  Planted& operator=(const Planted&) = delete;
};

Plan plan_of(const Campaign& campaign, std::uint64_t seed) {
  Plan plan = make_plan(seed);
  change_all(plan, campaign.changes);
  return plan;
}

std::string message(const Campaign& campaign, const Report& report) {
  std::string text = "seed " + std::to_string(report.seed) + ": " + *report.violation + "\n";
  text += "  " + describe(plan_of(campaign, report.seed)) + "\n";
  text += "  reproduce: " + campaign.program + " --seed=" + std::to_string(report.seed);
  if (campaign.bug != Bug::none) text += std::string(" --bug=") + name_of(campaign.bug);
  if (!campaign.changes.empty()) text += " --change=" + campaign.changes;
  for (const std::string& line : report.tail) text += "\n  " + line;
  return text;
}

std::string counts(const char* what, auto names, const auto& counted) {
  std::string text = what;
  for (std::size_t i = 0; i < names.size(); ++i) text += ' ' + std::to_string(counted.at(i)) + ' ' + names[i];
  return text;
}

void print(const Tally& tally, double seconds) {
  const double years = static_cast<double>(tally.lived.count()) / 1e6 / 86'400 / 365.25;
  std::printf("%llu seeds, %llu violations; %.1f s, %.1f seeds/s, %.4f device-years\n",
              static_cast<unsigned long long>(tally.seeds), static_cast<unsigned long long>(tally.violations), seconds,
              static_cast<double>(tally.seeds) / std::max(seconds, 1e-3), years);
  std::printf("%llu events, %llu frames, %llu commits promised, %llu lost unpromised\n",
              static_cast<unsigned long long>(tally.events), static_cast<unsigned long long>(tally.frames),
              static_cast<unsigned long long>(tally.promised), static_cast<unsigned long long>(tally.forgotten));
  std::puts(counts("struck:", fault_names, tally.struck).c_str());
  std::puts(counts("seen:", sight_names, tally.seen).c_str());
}

/// One seed, and what is said about it.
bool play_one(const Campaign& campaign, std::uint64_t seed, Tally& tally) {
  Report report = run_plan(plan_of(campaign, seed), campaign.verbose, campaign.deep);
  if (campaign.twice && !report.violation)
    if (const Report again = run_plan(plan_of(campaign, seed), false, campaign.deep); again.trace != report.trace)
      report.violation = "the same seed gave another trace";
  tally.add(report);
  if (campaign.print && campaign.count == 1)
    std::printf("seed %llu: trace %016llx, healed in %.2f s\n", static_cast<unsigned long long>(seed),
                static_cast<unsigned long long>(report.trace), static_cast<double>(report.healed_in.count()) / 1e6);
  if (!report.violation) return true;
  const std::string full = message(campaign, report);
  const bool first = tally.violations++ == 0;
  if (first) {
    tally.first_failing = seed;
    std::copy_n(full.begin(), std::min(full.size(), tally.text.size() - 1), tally.text.begin());
  }
  if (campaign.print)
    std::puts(first ? full.c_str() : ("seed " + std::to_string(seed) + ": " + *report.violation).c_str());
  return false;
}

}  // namespace

void Tally::add(const Report& report) noexcept {
  ++seeds;
  events += report.events;
  frames += report.frames;
  promised += report.promised;
  forgotten += report.forgotten;
  lived += report.lived;
  struck.add(report.struck);
  seen.add(report.seen);
}

void Tally::add(const Tally& other) {
  seeds += other.seeds;
  violations += other.violations;
  events += other.events;
  frames += other.frames;
  promised += other.promised;
  forgotten += other.forgotten;
  lived += other.lived;
  struck.add(other.struck);
  seen.add(other.seen);
  if (other.first_failing == 0 || (first_failing != 0 && first_failing < other.first_failing)) return;
  first_failing = other.first_failing;
  text = other.text;
}

void play_some(const Campaign& campaign, std::uint64_t step, Tally& tally) {
  for (std::uint64_t i = 0; i < campaign.count; i += step) {
    tally.playing = campaign.first + i;
    if (!play_one(campaign, tally.playing, tally) && campaign.stop_at_first) return;
  }
}

Tally play(const Campaign& campaign) {
  if (campaign.print) std::setvbuf(stdout, nullptr, _IOLBF, 0);
  const Planted planted(campaign.bug);
  const auto began = std::chrono::steady_clock::now();
  Tally tally;
  if (campaign.jobs > 1)
    tally = play_in_processes(campaign);
  else
    play_some(campaign, 1, tally);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  if (campaign.print) print(tally, took.count());
  return tally;
}

bool shrink_seed(const Campaign& campaign) {
  const Planted planted(campaign.bug);
  const Plan plan = plan_of(campaign, campaign.first);
  const Report report = run_plan(plan);
  if (!report.violation) return std::puts("nothing to shrink: the seed keeps every promise"), true;
  Campaign smaller = campaign;
  const std::string changes = shrink(plan, oracle_of(*report.violation));
  smaller.changes += (smaller.changes.empty() || changes.empty() ? "" : ",") + changes;
  std::puts(message(smaller, run_plan(plan_of(smaller, campaign.first))).c_str());
  return false;
}

bool find_bugs(const Campaign& campaign) {
  bool all = true;
  for (const PlantedBug& planted : planted_bugs) {
    if (planted.seeds == 0) {
      std::printf("| `%s` | %s | |\n", planted.name, planted.test);
      continue;
    }
    Campaign search = campaign;
    search.bug = planted.bug;
    search.stop_at_first = true;
    search.print = false;
    const Tally tally = play(search);
    const std::string message = tally.message();
    const std::size_t from = message.find(": ") + 2;
    std::printf("| `%s` | %s | %llu |\n", planted.name,
                tally.violations > 0 ? message.substr(from, message.find('\n') - from).c_str() : "survived",
                static_cast<unsigned long long>(tally.violations > 0 ? tally.first_failing : tally.seeds));
    std::fflush(stdout);
    all = all && tally.violations > 0;
  }
  return all;
}

}  // namespace edgesync::sim
