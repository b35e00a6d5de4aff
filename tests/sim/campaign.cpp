// SPDX-License-Identifier: Apache-2.0
#include "sim/campaign.hpp"

#include <array>
#include <chrono>

namespace edgesync::sim {
namespace {

constexpr std::array<std::pair<Bug, const char*>, 9> bugs{{{Bug::none, "none"},
                                                           {Bug::prune_loser, "prune_loser"},
                                                           {Bug::ignore_floors, "ignore_floors"},
                                                           {Bug::partial_delta, "partial_delta"},
                                                           {Bug::ack_before_commit, "ack_before_commit"},
                                                           {Bug::ship_before_durable, "ship_before_durable"},
                                                           {Bug::skip_base_check, "skip_base_check"},
                                                           {Bug::forget_context, "forget_context"},
                                                           {Bug::tear_transaction, "tear_transaction"}}};

/// Plants a bug for as long as it lives.
class Planted {
 public:
  explicit Planted(Bug bug) noexcept { planted_bug = bug; }
  ~Planted() { planted_bug = Bug::none; }
  Planted(const Planted&) = delete;
  Planted& operator=(const Planted&) = delete;
};

std::string message(const Campaign& campaign, const Report& report) {
  std::string text = "seed " + std::to_string(report.seed) + ": " + *report.violation + "\n";
  text += "  " + describe(make_plan(report.seed)) + "\n";
  text += "  reproduce: " + campaign.program + " --seed=" + std::to_string(report.seed);
  if (campaign.bug != Bug::none) text += std::string(" --bug=") + name_of(campaign.bug);
  for (const std::string& line : report.tail) text += "\n  " + line;
  return text;
}

void add(Totals& totals, const Report& report) {
  ++totals.seeds;
  totals.events += report.events;
  totals.frames += report.frames;
  totals.promised += report.promised;
  totals.forgotten += report.forgotten;
  add(totals.struck, report.struck);
}

void print(const Totals& totals, double seconds) {
  std::printf("%llu seeds, %llu violations; %.1f s, %.1f seeds/s\n", static_cast<unsigned long long>(totals.seeds),
              static_cast<unsigned long long>(totals.violations), seconds,
              static_cast<double>(totals.seeds) / std::max(seconds, 1e-3));
  std::printf("%llu events, %llu frames, %llu commits promised, %llu lost unpromised\nstruck:",
              static_cast<unsigned long long>(totals.events), static_cast<unsigned long long>(totals.frames),
              static_cast<unsigned long long>(totals.promised), static_cast<unsigned long long>(totals.forgotten));
  for (std::size_t i = 0; i < FaultCounts::size; ++i)
    std::printf(" %llu %s", static_cast<unsigned long long>(totals.struck.at(i)), fault_names[i]);
  std::puts("");
}

}  // namespace

std::optional<Bug> bug_named(std::string_view name) {
  for (const auto& [bug, text] : bugs)
    if (name == text) return bug;
  return std::nullopt;
}

const char* name_of(Bug bug) {
  for (const auto& [known, text] : bugs)
    if (known == bug) return text;
  return "unknown";
}

Totals play(const Campaign& campaign) {
  if (campaign.print) std::setvbuf(stdout, nullptr, _IOLBF, 0);
  const Planted planted(campaign.bug);
  const auto began = std::chrono::steady_clock::now();
  Totals totals;
  for (std::uint64_t seed = campaign.first; seed < campaign.first + campaign.count; ++seed) {
    Report report = run_seed(seed, campaign.verbose, campaign.deep);
    if (campaign.twice && !report.violation)
      if (const Report again = run_seed(seed, false, campaign.deep); again.trace != report.trace)
        report.violation = "the same seed gave another trace";
    add(totals, report);
    if (campaign.print && campaign.count == 1)
      std::printf("seed %llu: trace %016llx, healed in %.2f s\n", static_cast<unsigned long long>(seed),
                  static_cast<unsigned long long>(report.trace), static_cast<double>(report.healed_in.count()) / 1e6);
    if (!report.violation) continue;
    if (totals.violations++ == 0) {
      totals.first_failing = seed;
      totals.message = message(campaign, report);
    }
    if (campaign.print && totals.violations == 1)
      std::puts(totals.message.c_str());
    else if (campaign.print)
      std::printf("seed %llu: %s\n", static_cast<unsigned long long>(seed), report.violation->c_str());
    if (campaign.stop_at_first) break;
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  if (campaign.print) print(totals, took.count());
  return totals;
}

}  // namespace edgesync::sim
